"""What the gate refuses: requests that are malformed, ambiguous or smuggled, sent byte by byte.
Whatever happens, the daemon answers with a 4xx or closes, and serves the next client."""
import pytest

from harness import body_of, read_all, status_of, statuses_of, wait_until

GET = b"GET /genre?id=eq.1 HTTP/1.1\r\nHost: localhost\r\n"
CLOSE = b"Connection: close\r\n\r\n"


@pytest.fixture(autouse=True)
def still_serves(library):
    """After each of these requests another client is served."""
    yield
    response = library.get("/genre?id=eq.1")
    assert (response.status, response.body) == (200, b'[{"id":1,"name":"novel"}]')


def test_a_plain_request_is_answered(library):
    data = library.raw(GET + CLOSE)
    assert status_of(data) == 200
    assert body_of(data) == b'[{"id":1,"name":"novel"}]'


@pytest.mark.parametrize("name, headers", [
    ("length and chunked", b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n"),
    ("two lengths that differ", b"Content-Length: 3\r\nContent-Length: 0\r\n"),
    ("two lengths that agree", b"Content-Length: 0\r\nContent-Length: 0\r\n"),
    ("a list of lengths", b"Content-Length: 0, 0\r\n"),
    ("a signed length", b"Content-Length: +0\r\n"),
    ("a negative length", b"Content-Length: -1\r\n"),
    ("a hexadecimal length", b"Content-Length: 0x0\r\n"),
    ("a length with junk", b"Content-Length: 0a\r\n"),
    ("an empty length", b"Content-Length: \r\n"),
    ("the largest length", b"Content-Length: 18446744073709551615\r\n"),
    ("a length beyond 64 bits", b"Content-Length: 99999999999999999999\r\n"),
    ("an unknown coding", b"Transfer-Encoding: xchunked\r\n"),
    ("gzip, chunked", b"Transfer-Encoding: gzip, chunked\r\n"),
    ("chunked twice", b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"),
    ("chunked, identity", b"Transfer-Encoding: chunked, identity\r\n"),
    ("space before the colon of the coding", b"Transfer-Encoding : chunked\r\n"),
    ("space before the colon of the length", b"Content-Length : 5\r\n"),
    ("a folded coding", b"Transfer-Encoding:\r\n chunked\r\n"),
    ("an unknown expectation", b"Expect: the-unexpected\r\n"),
])
def test_a_body_nobody_can_agree_on_is_refused(library, name, headers):
    data = library.raw(GET + headers + CLOSE + b"5\r\nhello\r\n0\r\n\r\n")
    found = statuses_of(data)
    assert all(400 <= status < 500 for status in found), data[:400]
    assert b"novel" not in data


def test_a_request_smuggled_in_a_body_is_never_answered(library):
    """The second request stands inside the body of the first as one of two readers sees it."""
    smuggled = b"GET /publisher HTTP/1.1\r\nHost: localhost\r\n\r\n"
    for headers in (b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
                    b"Content-Length: 0\r\nContent-Length: %d\r\n" % len(smuggled),
                    b"Transfer-Encoding: xchunked\r\n",
                    b"Transfer-Encoding : chunked\r\n"):
        data = library.raw(GET + headers + b"\r\n0\r\n\r\n" + smuggled)
        assert b"North Press" not in data, headers


def test_a_get_with_a_body_reads_the_body_and_not_a_request(library):
    data = library.raw(GET + b"Content-Length: 5\r\n\r\nhello" + GET + CLOSE)
    assert all(status == 200 or 400 <= status < 500 for status in statuses_of(data))


@pytest.mark.parametrize("line", [
    b"GET http://localhost/genre HTTP/1.1",
    b"CONNECT localhost:80 HTTP/1.1",
    b"TRACE /genre HTTP/1.1",
    b"get /genre HTTP/1.1",
    b"G@T\x01 /genre HTTP/1.1",
    b"GET /genre name HTTP/1.1",
    b"GET genre HTTP/1.1",
    b"GET * HTTP/1.1",
    b"GET //genre HTTP/1.1",
    b"GET /genre#top HTTP/1.1",
    b"GET /gen\tre HTTP/1.1",
    b"GET /gen\x7fre HTTP/1.1",
    b"GET /%00 HTTP/1.1",
    b"GET /genre%00 HTTP/1.1",
    b"GET /genre?name=eq.%00 HTTP/1.1",
    b"GET /%c0%af HTTP/1.1",
    b"GET /genre",
    b"GET /genre HTTP/2.0",
    b"GET /genre HTTP/9.9",
    b"GET /genre FTP/1.1",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    b"",
])
def test_a_malformed_request_line_is_refused(library, line):
    data = library.raw(line + b"\r\nHost: localhost\r\n" + CLOSE)
    for status in statuses_of(data):
        assert 400 <= status < 500 or status in (501, 505), data[:300]
    assert b"novel" not in data


@pytest.mark.parametrize("target", [b"/genre\x00?id=eq.1", b"/genre?id=eq.1\x00;x"])
def test_a_raw_nul_in_the_target_never_faults(library, target):
    data = library.raw(b"GET " + target + b" HTTP/1.1\r\nHost: localhost\r\n" + CLOSE)
    assert all(status < 500 for status in statuses_of(data))


@pytest.mark.parametrize("hosts", [b"", b"Host: localhost\r\nHost: localhost\r\n",
                                   b"Host: localhost\r\nHost: elsewhere\r\n"])
def test_one_host_is_needed(library, hosts):
    data = library.raw(b"GET /genre HTTP/1.1\r\n" + hosts + CLOSE)
    assert 400 <= status_of(data) < 500
    assert b"novel" not in data


@pytest.mark.parametrize("host", [b"evil.example", b"evil.example:80", b"localhost.evil.example",
                                  b"127.0.0.1.evil.example", b"10.0.0.1"])
def test_a_foreign_host_on_loopback_is_421(library, host):
    """DNS rebinding: a web page's own name that resolves to this machine."""
    data = library.raw(b"GET /genre HTTP/1.1\r\nHost: " + host + b"\r\n" + CLOSE)
    assert status_of(data) == 421


@pytest.mark.parametrize("host", [b"localhost", b"localhost:1", b"127.0.0.1", b"127.0.0.1:8080",
                                  b"[::1]", b"[::1]:8080"])
def test_loopback_names_are_answered(library, host):
    data = library.raw(b"GET /genre?id=eq.1 HTTP/1.1\r\nHost: " + host + b"\r\n" + CLOSE)
    assert status_of(data) == 200


def test_a_name_in_allowed_hosts_is_answered(serve):
    server = serve(allowed_hosts="db.example")
    assert server.get("/genre", Host="db.example").status == 200
    assert server.get("/genre", Host="other.example").status == 421


def test_a_refusal_is_json_with_four_keys(library):
    import json
    data = library.raw(b"GET /genre HTTP/1.1\r\nHost: a\r\nHost: b\r\n" + CLOSE)
    assert set(json.loads(body_of(data))) >= {"code", "message", "details", "hint"}


def test_http_1_0_is_answered_and_closed(library):
    data = library.raw(b"GET /genre?id=eq.1 HTTP/1.0\r\nHost: localhost\r\n\r\n")
    assert status_of(data) == 200
    assert data.endswith(b'[{"id":1,"name":"novel"}]')


def test_pipelined_requests_are_answered_in_order(library):
    data = library.raw(b"".join(
        b"GET /genre?id=eq.%d HTTP/1.1\r\nHost: localhost\r\n\r\n" % number
        for number in (1, 2, 3)) + GET + CLOSE)
    assert statuses_of(data) == [200, 200, 200, 200]
    assert data.index(b"novel") < data.index(b"music") < data.index(b"craft")


def test_a_request_in_single_bytes_is_answered(library):
    with library.connect() as sock:
        for byte in GET + CLOSE:
            sock.sendall(bytes([byte]))
        assert status_of(read_all(sock)) == 200


def test_a_client_that_hangs_up_in_the_middle_is_no_fault(library):
    for length in range(1, len(GET), 7):
        with library.connect() as sock:
            sock.sendall(GET[:length])


@pytest.mark.sqlite("slow, and nothing of it reaches a database")
def test_requests_that_never_became_one_are_forgotten(serve):
    """Too long for any answer, cut off, half sent: none stays behind as a request in flight."""
    server = serve(header_deadline="2s")
    for data in (b"GET /genre?" + b"a&" * 900 + b" HTTP/1.1\r\nHost: localhost\r\n" + CLOSE,
                 b"GET /genre HTTP/1.1\r\nHost: localhost\r\nX: " + b"a" * 60000,
                 b"GET /genre HTTP/1.1\r\nHo"):
        server.raw(data)
    wait_until(lambda: server.metric("modeld_requests_in_flight") == 0, "the last request")


def test_header_values_come_back_nowhere_as_headers(library):
    """Nothing a client says can start a header of the answer."""
    data = library.raw(b"GET /genre?order=id%0d%0aX-Evil:%201 HTTP/1.1\r\nHost: localhost\r\n"
                       + CLOSE)
    head = data.split(b"\r\n\r\n", 1)[0]
    assert b"x-evil" not in head.lower()
