"""Requests that two programs could take apart in different ways, straight to the daemon and through
nginx and HAProxy. Each probe hides a second request, `/publisher`, where only one of two readers sees
it. Whatever becomes of a probe: nobody is ever answered with publishers, the next client behind the
same proxy gets its own answer, and proxy and daemon have counted the same requests."""
import re
import threading

import pytest

from harness import Modeld, read_all, statuses_of, wait_until
from proxies import PROXIES, find

pytestmark = pytest.mark.sqlite("nothing of it reaches a database")

HIDDEN = b"GET /publisher HTTP/1.1\r\nHost: localhost\r\n\r\n"
SECRET = b"North Press"
POST = b"POST /genre?tx=1 HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
GET = b"GET /genre?id=eq.1 HTTP/1.1\r\nHost: localhost\r\n"
END = b"0\r\n\r\n"


def framed(*lines, body=END + HIDDEN, first=POST):
    """A request with these framing headers, as they are."""
    return first + b"".join(line + b"\r\n" for line in lines) + b"\r\n" + body


def coded(value, body=END + HIDDEN):
    """With a length that covers the hidden request, and a coding that ends before it."""
    return framed(b"Content-Length: %d" % len(body), value, body=body)


CL = b"Content-Length: "
PROBES = {
    "CL.TE": framed(CL + b"6", b"Transfer-Encoding: chunked"),
    "CL.TE, whole": coded(b"Transfer-Encoding: chunked"),
    "TE.CL": framed(b"Transfer-Encoding: chunked", CL + b"4",
                    body=b"%x\r\n" % len(HIDDEN) + HIDDEN + b"\r\n" + END),
    "CL.0": framed(CL + b"%d" % len(HIDDEN), body=HIDDEN, first=GET),
    "0.CL": framed(CL + b"0", body=HIDDEN),
    "no length": framed(body=HIDDEN),
    "TE.TE, twice": coded(b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity"),
    "TE.TE, other order": coded(b"Transfer-Encoding: identity\r\nTransfer-Encoding: chunked"),
    "TE, list": coded(b"Transfer-Encoding: chunked, identity"),
    "TE, gzip": coded(b"Transfer-Encoding: gzip, chunked"),
    "TE, unknown": coded(b"Transfer-Encoding: xchunked"),
    "TE, capitals": coded(b"Transfer-Encoding: cHUNKED"),
    "TE, quoted": coded(b'Transfer-Encoding: "chunked"'),
    "TE, space before the colon": coded(b"Transfer-Encoding : chunked"),
    "TE, tab before the colon": coded(b"Transfer-Encoding\t: chunked"),
    "TE, tab": coded(b"Transfer-Encoding:\tchunked"),
    "TE, vertical tab": coded(b"Transfer-Encoding:\x0bchunked"),
    "TE, behind": coded(b"Transfer-Encoding: chunked\x0b"),
    "TE, NUL": coded(b"Transfer-Encoding: chunked\0"),
    "TE, folded": coded(b"Transfer-Encoding:\r\n chunked"),
    "TE, folded name": coded(b"X: y\r\n Transfer-Encoding: chunked"),
    "TE, bare LF before": coded(b"X: y\nTransfer-Encoding: chunked"),
    "TE, bare CR before": coded(b"X: y\rTransfer-Encoding: chunked"),
    "TE, leading space": coded(b" Transfer-Encoding: chunked"),
    "TE, underscore": coded(b"Transfer_Encoding: chunked"),
    "TE, semicolon": coded(b"Transfer-Encoding: chunked;q=1"),
    "TE, 1.0": (b"POST /genre HTTP/1.0\r\nHost: localhost\r\nConnection: keep-alive\r\n"
                b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n" + END + HIDDEN),
    "two lengths": framed(CL + b"0", CL + b"%d" % len(HIDDEN), body=HIDDEN),
    "two lengths, other order": framed(CL + b"%d" % len(HIDDEN), CL + b"0", body=HIDDEN),
    "a list of lengths": framed(CL + b"0, %d" % len(HIDDEN), body=HIDDEN),
    "a signed length": framed(CL + b"+%d" % len(HIDDEN), body=HIDDEN),
    "a negative length": framed(CL + b"-%d" % len(HIDDEN), body=HIDDEN),
    "a length with a space": framed(CL + b"0 %d" % len(HIDDEN), body=HIDDEN),
    "a hexadecimal length": framed(CL + b"0x%x" % len(HIDDEN), body=HIDDEN),
    "a length with zeros": framed(CL + b"000%d" % len(HIDDEN), body=HIDDEN),
    "a length with a point": framed(CL + b"0.%d" % len(HIDDEN), body=HIDDEN),
    "a length beyond 64 bits": framed(CL + b"18446744073709551616", body=HIDDEN),
    "a length of 2^64-1": framed(CL + b"18446744073709551615", body=HIDDEN),
    "a length with NUL": framed(CL + b"0\0%d" % len(HIDDEN), body=HIDDEN),
    "a length, space before the colon": framed(b"Content-Length : %d" % len(HIDDEN), body=HIDDEN),
    "a length, folded": framed(b"Content-Length:\r\n %d" % len(HIDDEN), body=HIDDEN),
    "a length, underscore": framed(b"Content_Length: %d" % len(HIDDEN), body=HIDDEN),
    "a chunk with an extension": framed(b"Transfer-Encoding: chunked",
                                        body=b"0;a=b\r\n\r\n" + HIDDEN),
    "an extension that ends with LF": framed(b"Transfer-Encoding: chunked",
                                             body=b"0;a\nb\r\n\r\n" + HIDDEN),
    "an overflowing chunk size": framed(b"Transfer-Encoding: chunked",
                                        body=b"10000000000000000\r\n\r\n" + END + HIDDEN),
    "a chunk size with a prefix": framed(b"Transfer-Encoding: chunked",
                                         body=b"0x0\r\n\r\n" + HIDDEN),
    "a chunk without its end": framed(b"Transfer-Encoding: chunked", body=b"1\r\nZ\r\nQ" + HIDDEN),
    "trailers": framed(b"Transfer-Encoding: chunked", b"Trailer: Content-Length",
                       body=b"0\r\nContent-Length: 5\r\n\r\n" + HIDDEN),
    "upgrade to h2c": framed(b"Connection: Upgrade, HTTP2-Settings", b"Upgrade: h2c",
                             b"HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA", body=HIDDEN, first=GET),
    "upgrade to websocket": framed(b"Connection: Upgrade", b"Upgrade: websocket",
                                   b"Sec-WebSocket-Version: 777", body=HIDDEN, first=GET),
    "a length named in Connection": framed(b"Connection: Content-Length",
                                           CL + b"%d" % len(HIDDEN), body=HIDDEN),
    "Expect, and no waiting": framed(b"Expect: 100-continue", CL + b"%d" % len(HIDDEN),
                                     body=HIDDEN),
    "absolute form, another host": b"GET http://other/genre?id=eq.1 HTTP/1.1\r\n"
                                   b"Host: localhost\r\n\r\n",
    "a request line with LF": b"GET /genre?id=eq.1 HTTP/1.1\n\r\nHost: localhost\r\n\r\n" + HIDDEN,
    "a target with a second line": b"GET /genre HTTP/1.1\rGET /publisher HTTP/1.1\r\n"
                                   b"Host: localhost\r\n\r\n",
    "a NUL before the end": GET + b"X: \0\r\n\r\n",
    "HTTP/2's preface": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
}
# Here the second request is one to everybody: after a request without a body, or with an empty one;
# libmicrohttpd cuts values off at a NUL, which no proxy passes on.
PIPELINED = {"0.CL", "no length", "upgrade to h2c", "upgrade to websocket", "a length, underscore",
             "a length with NUL"}
# A proxy sees two requests here, and passes both on as two.
SEPARATED = {"a chunk with an extension", "an extension that ends with LF", "trailers",
             "a length beyond 64 bits"}
# libmicrohttpd refuses it by itself and closes: the daemon has no such request.
UNCOUNTED = {"a length beyond 64 bits"}


def ours(folder):
    from conftest import LIBRARY
    from engines import Sqlite
    return Modeld(Sqlite().database(folder, LIBRARY, "library.db").url, folder=folder,
                  settings={"threads": 1, "idle-timeout": "5s", "header-deadline": "2s",
                            "body-deadline": "2s"})


@pytest.fixture(scope="module")
def daemon(tmp_path_factory):
    server = ours(tmp_path_factory.mktemp("smuggled"))
    yield server
    server.stop()


@pytest.fixture(scope="module", params=list(PROXIES))
def proxied(request, tmp_path_factory):
    """A proxy and the daemon that only it talks to."""
    assert find(request.param), f"no {request.param}: scripts/test installs it"
    server = ours(tmp_path_factory.mktemp("behind"))
    proxy = PROXIES[request.param](tmp_path_factory.mktemp(request.param), server)
    yield proxy, server
    proxy.stop()
    server.stop()


def attack(sock, probe):
    """Send a probe and what is left of the connection's life; all that comes back."""
    with sock:
        sock.settimeout(0.15)
        data = b""
        try:
            sock.sendall(probe)
            while True:
                piece = sock.recv(65536)
                if not piece:
                    break
                data += piece
        except (TimeoutError, OSError):
            pass
        return data


def ask(sock, number):
    """An ordinary request on a connection of its own."""
    with sock:
        sock.sendall(b"GET /genre?id=eq.%d HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
                     % number)
        return read_all(sock)


def answered(server):
    """Requests in the daemon's own log."""
    return len(re.findall(r"^request method=", server.log(), re.M))


@pytest.mark.parametrize("name", list(PROBES))
def test_a_hidden_request_is_not_answered(daemon, name):
    data = attack(daemon.connect(), PROBES[name])
    if name in PIPELINED:
        assert len(statuses_of(data)) <= 2
    else:
        assert SECRET not in data, data
        # libmicrohttpd sends the header of a refusal of its own twice (docs/http.md).
        assert sum(200 <= status < 400 for status in statuses_of(data)) <= 1, data
    assert ask(daemon.connect(), 2).endswith(b'[{"id":2,"name":"music"}]')


@pytest.mark.parametrize("name", list(PROBES))
def test_a_hidden_request_does_not_get_through_a_proxy(proxied, name):
    """Three clients come after the probe; the connection between proxy and daemon is the same."""
    proxy, server = proxied
    before = proxy.forwarded(), answered(server)
    data = attack(proxy.connect(), PROBES[name])
    if name not in PIPELINED | SEPARATED:
        assert SECRET not in data, data
    for number, genre in ((1, b"novel"), (2, b"music"), (3, b"craft")):
        data = ask(proxy.connect(), number)
        assert statuses_of(data) == [200], data
        assert genre in data and SECRET not in data, data

    def counts():
        return proxy.forwarded() - before[0], answered(server) - before[1]
    wait_until(lambda: counts()[0] - counts()[1] in (0, name in UNCOUNTED),
               f"equal counts, not {counts()}", 12)
    assert counts()[0] >= 3


def test_a_long_pipeline_is_the_same_to_a_proxy(proxied):
    """A thousand requests at once: so many answers in their order, and so many on either side."""
    proxy, server = proxied
    before = proxy.forwarded(), answered(server)
    one = b"GET /genre?id=eq.%d HTTP/1.1\r\nHost: localhost\r\n%s\r\n"
    with proxy.connect() as sock:
        sender = threading.Thread(target=sock.sendall, args=[
            b"".join(one % (1 + i % 3, b"") for i in range(999)) + one % (1, b"Connection: close\r\n")])
        sender.start()
        data = read_all(sock)
        sender.join()
    assert statuses_of(data) == [200] * 1000
    assert [int(i) for i in re.findall(rb'\[\{"id":(\d)', data)] == [1 + i % 3 for i in range(1000)]
    wait_until(lambda: (proxy.forwarded() - before[0], answered(server) - before[1]) == (1000, 1000),
               "equal counts", 12)
