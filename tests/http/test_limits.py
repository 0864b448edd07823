"""Limits: each holds at N - 1 and N, and is refused at N + 1 with an answer of ours. Small limits
are set, so that nothing else is reached first."""
import pytest

from harness import StartFailed


def check(server, make, limit, statuses=(400,)):
    """make(n) is a target that uses n of what is limited."""
    for count in (limit - 1, limit):
        response = server.get(make(count))
        assert response.status == 200, (count, response)
    response = server.get(make(limit + 1))
    assert response.status in statuses, response
    assert set(response.json) >= {"code", "message", "details", "hint"}


@pytest.mark.parametrize("key, limit, make", [
    ("filter-terms", 4, lambda n: "/book?" + "&".join(["id=gt.0"] * n)),
    ("filter-terms", 4, lambda n: "/book?or=(" + ",".join(["id.gt.0"] * n) + ")"),
    ("in-values", 4, lambda n: "/book?id=in.(" + ",".join(["1"] * n) + ")"),
    ("in-values", 4, lambda n: "/book?id=eq(any).{" + ",".join(["1"] * n) + "}"),
    ("order-terms", 3, lambda n: "/book?order=" + ",".join(["id"] * n)),
    ("logic-depth", 3, lambda n: "/book?" + "and=" + "(or" * (n - 1) + "(id.gt.0,id.lt.9)"
     + ")" * (n - 1)),
    ("select-items", 4, lambda n: "/book?select=" + ",".join(f"a{i}:id" for i in range(n))),
    ("json-path", 3, lambda n: "/book?select=info" + "->a" * n),
    ("embeds", 3, lambda n: "/book?select=id," + ",".join(f"a{i}:publisher(id)"
                                                           for i in range(n))),
    ("embed-depth", 3, lambda n: "/author?select=id"
     + "".join(f",mentor_id(id" for _ in range(n)) + ")" * n),
    ("parameters", 4, lambda n: "/book?" + "&".join(["id=gt.0"] * n)),
])
def test_a_limit_of_a_query_holds(serve, key, limit, make):
    check(serve(**{key: limit}), make, limit)


def test_the_request_line_has_a_limit(serve):
    server = serve(request_line="2KiB")
    # The line is GET, the target, HTTP/1.1, two spaces between them and a line end.
    fixed = len("GET  HTTP/1.1\r\n")

    def make(length):
        start = "/book?title=eq."
        return start + "a" * (length - fixed - len(start))
    check(server, make, 2048, statuses=(414,))


def test_a_single_header_has_a_limit(serve):
    server = serve(header_size=1024)
    fixed = len("X-Long: \r\n")
    assert server.get("/genre", X_Long="a" * (1024 - fixed)).status == 200
    response = server.get("/genre", X_Long="a" * (1025 - fixed))
    assert response.status == 431
    assert response.json["message"]


def test_all_headers_together_have_a_limit(serve):
    server = serve(headers_size="2KiB", header_size="1KiB", request_line="1KiB")
    few = {f"X-{i}": "a" * 100 for i in range(10)}
    many = {f"X-{i}": "a" * 100 for i in range(25)}
    assert server.request("GET", "/genre", few).status == 200
    response = server.request("GET", "/genre", many)
    assert response.status == 431
    assert response.json["message"]


def test_beyond_the_largest_header_the_daemon_lives(library):
    """Above our own limits libmicrohttpd answers, with HTML, or closes (docs/http.md)."""
    from harness import status_of
    for size in (8000, 8300, 16000, 17000, 24000, 26000, 60000):
        data = library.raw(b"GET /genre HTTP/1.1\r\nHost: localhost\r\nX-Long: " + b"a" * size
                           + b"\r\nConnection: close\r\n\r\n")
        status = status_of(data)
        assert status is None or status == 200 or 400 <= status < 500, (size, data[:200])
    assert library.get("/genre?id=eq.1").status == 200


def send_parameters(server, count):
    """The status of a request with so many, None when the connection ended without an answer."""
    from harness import status_of
    query = "&".join(["a"] * count).encode()
    return status_of(server.raw(b"GET /genre?" + query + b" HTTP/1.1\r\nHost: localhost\r\n"
                                b"Connection: close\r\n\r\n"))


@pytest.mark.parametrize("count", [50, 99, 100, 101, 216, 217, 300])
def test_any_number_of_parameters_is_no_fault(library, count):
    status = send_parameters(library, count)
    if count <= 100:
        assert status == 200
    else:
        assert status is None or 400 <= status < 500
    assert library.get("/genre?id=eq.1").status == 200


def test_so_many_parameters_that_there_is_no_room_to_answer_are_no_fault(serve):
    """Its connection may stay until the deadline for the header."""
    server = serve(header_deadline="2s")
    status = send_parameters(server, 900)
    assert status is None or 400 <= status < 500
    assert server.get("/genre?id=eq.1").status == 200


def test_a_body_beyond_its_limit_is_413(serve):
    server = serve(body="1KiB")
    row = b'{"id":99,"name":"essay"}'
    assert server.post("/genre", row.ljust(1025)).status == 413
    assert server.get("/genre?id=eq.99").json == []
    assert server.post("/genre", row.ljust(1024)).status == 201


@pytest.mark.parametrize("column", ["text", "facts"])
def test_the_largest_body_may_be_one_value(serve, database, column):
    server = serve(database("CREATE TABLE big (id INTEGER PRIMARY KEY, text TEXT, facts JSON)"))
    head, tail = f'{{"id":1,"{column}":"'.encode(), b'"}'
    body = head + b"x" * (16 * 1024 * 1024 - len(head) - len(tail)) + tail
    assert server.post("/big", body).status == 201
    assert len(server.rows("/big")[0][column]) == len(body) - len(head) - len(tail)


def test_a_limit_outside_its_range_is_a_start_error(database):
    from harness import Modeld
    with pytest.raises(StartFailed) as failed:
        Modeld(database().url, settings={"embed-depth": "1000000"})
    assert failed.value.code == 78
    assert "embed" in failed.value.log
