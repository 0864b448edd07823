"""Clients that want to do harm, or do not care: many that are idle, more than may connect, more than
there are file descriptors for; header without end, floods of requests, hanging up in every phase.
Whoever comes next is served at once, and the daemon is as small and as quiet as before."""
import pathlib
import re
import resource
import socket
import time

import pytest

from harness import read_all, status_of, statuses_of, wait_until

GET = b"GET /genre?id=eq.1 HTTP/1.1\r\nHost: localhost\r\n\r\n"
LAST = GET[:-2] + b"Connection: close\r\n\r\n"
NOVEL = b'[{"id":1,"name":"novel"}]'
MIB = 1024 * 1024


def quick(server, seconds=2.0):
    """A new client gets an answer soon."""
    begin = time.monotonic()
    with server.connect() as sock:
        sock.sendall(LAST)
        assert read_all(sock).endswith(NOVEL)
    assert time.monotonic() - begin < seconds


def cpu_seconds(server):
    """Processor time of the daemon so far."""
    fields = pathlib.Path(f"/proc/{server.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / 100


def spun(server, seconds=1.0):
    """Processor time that it needs for nothing at all."""
    before = cpu_seconds(server)
    time.sleep(seconds)
    return cpu_seconds(server) - before


@pytest.fixture
def descriptors():
    """As many for this process as it may have."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    yield hard
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.sqlite("nothing of it reaches a database")
def test_many_idle_connections_cost_little(serve, descriptors):
    count = min(9500, descriptors - 500)
    server = serve(connections=count + 100, threads=2, header_deadline="120s", log_level="error")
    quick(server)
    before, idle = server.memory(), []
    try:
        for _ in range(count):
            idle.append(server.connect())
        wait_until(lambda: server.metric("modeld_connections") >= count, "all of them", 60)
        quick(server)
        assert spun(server) < 0.5
        if not server.sanitized():
            assert server.memory() - before < count * 12 * 1024
        for sock in idle:
            sock.sendall(GET)
        assert all(status_of(sock.recv(4096)) == 200 for sock in idle)
        assert spun(server) < 0.5
        if not server.sanitized():
            assert server.memory() - before < count * 28 * 1024
        quick(server)
    finally:
        for sock in idle:
            sock.close()
    wait_until(lambda: server.metric("modeld_connections") < 10, "all of them gone", 60)
    quick(server)
    if not server.sanitized():
        wait_until(lambda: server.memory() - before < 30 * MIB, "their memory to go back", 60)
    quick(server)


@pytest.mark.sqlite("nothing of it reaches a database")
def test_who_comes_too_many_waits_and_is_served(serve):
    server = serve(connections=20, threads=1)
    first = [server.connect() for _ in range(25)]  # one loop takes a quarter more
    wait_until(lambda: server.metric("modeld_connections") >= 25, "a full house")
    late = [server.connect() for _ in range(50)]
    for sock in late:
        sock.sendall(LAST)
    assert server.admin("/-/live").status == 200
    assert spun(server, 0.5) < 0.3
    for sock in first:
        sock.close()
    for sock in late:
        assert read_all(sock).endswith(NOVEL)
        sock.close()


@pytest.mark.sqlite("nothing of it reaches a database")
@pytest.mark.parametrize("threads", [1, 2])
def test_without_file_descriptors_it_waits_and_recovers(serve, threads):
    """They run out at the first connection of a loop, or at a later one."""
    limit = 80

    def limited():
        resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))
    server = serve(threads=threads, preexec=limited, connections=1000, header_deadline="60s")
    quick(server)
    socks = [server.connect() for _ in range(2 * limit)]
    time.sleep(0.5)
    assert spun(server) < 0.7, "a busy loop"
    for sock in socks:
        sock.close()
    wait_until(lambda: server.metric("modeld_connections") < 5, "connections again")
    quick(server)


def own_address():
    """One that is not loopback's; nothing is sent."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        try:
            sock.connect(("192.0.2.1", 9))
            return sock.getsockname()[0]
        except OSError:
            return pytest.skip("this machine has no address but loopback's")


@pytest.mark.sqlite("nothing of it reaches a database")
def test_one_address_may_have_so_many_connections(serve):
    """What comes beyond that is closed at once, although it says nothing."""
    address, limit = own_address(), 20
    server = serve(listen=f"{address}:0", allow_unauthenticated="true", connections_per_ip=limit,
                   threads=2, header_deadline="60s")
    first = [server.connect() for _ in range(limit)]
    wait_until(lambda: server.metric("modeld_connections") >= limit, "all of them")
    for _ in range(2 * limit):
        with server.connect(10) as sock:
            assert read_all(sock) == b""
    first.pop().close()
    wait_until(lambda: server.metric("modeld_connections") <= limit, "one less")
    quick(server)
    for sock in first:
        sock.close()


@pytest.mark.sqlite("nothing of it reaches a database")
def test_a_flood_of_connections_leaves_nothing_behind(serve):
    """That end at once: some after a request, some with a reset."""
    server = serve(threads=2)
    quick(server)
    before, descriptors = server.memory(), server.metric("process_open_fds")
    for number in range(5000):
        with server.connect() as sock:
            if number % 3 == 0:
                sock.sendall(GET)
            if number % 2:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    quick(server)
    wait_until(lambda: server.metric("modeld_connections") <= 1, "all of them gone")
    assert server.metric("process_open_fds") <= descriptors + 2
    if not server.sanitized():
        assert server.memory() - before < 16 * MIB


@pytest.mark.sqlite("nothing of it reaches a database")
@pytest.mark.parametrize("hard, enough", [(5000, True), (500, False)])
def test_it_takes_the_file_descriptors_that_it_needs(serve, hard, enough):
    """If it may have them: shells give 1,024, and that many connections need more."""
    server = serve(connections=1000, pool_size=10, max_overflow=20,
                   preexec=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (256, hard)))
    most = server.metric("process_max_fds")
    assert (1250 < most < hard) if enough else most == hard
    assert ("newcomers will wait" in server.log()) == (not enough)


@pytest.mark.sqlite("nothing of it reaches a database")
@pytest.mark.parametrize("flood", [
    b"GET /genre HTTP/1.1\r\nHost: localhost\r\n" + b"X: y\r\n" * 5000,
    b"GET /genre HTTP/1.1\r\nHost: localhost\r\nX: " + b"y" * 200000,
    b"GET /" + b"g" * 200000,
    b"\r\n" * 20000,
    b"A" * 200000,
    b"\0" * 200000,
    bytes(range(256)) * 500,
], ids=["many headers", "a long header", "a long line", "empty lines", "letters", "zeros", "bytes"])
def test_a_header_without_end_is_refused(library, flood):
    with library.connect(10) as sock:
        try:
            sock.sendall(flood)
            sock.shutdown(socket.SHUT_WR)
        except OSError:
            pass  # it has closed already
        data = read_all(sock)
    assert all(400 <= status < 500 for status in statuses_of(data)), data[:300]
    assert library.get("/genre?id=eq.1").body == NOVEL


def test_a_flood_of_pipelined_requests_is_answered_in_order(library):
    count = 500
    requests = b"".join(GET.replace(b"eq.1", b"eq.%d" % (1 + i % 3)) for i in range(count))
    with library.connect() as sock:
        sock.sendall(requests + LAST)
        data = read_all(sock)
    assert statuses_of(data) == [200] * (count + 1)
    assert [int(i) for i in re.findall(rb'\[\{"id":(\d)', data)] == [
        1 + i % 3 for i in range(count)] + [1]


def test_a_flood_of_requests_that_nobody_reads_the_answers_of(serve):
    """The client fills the pipe and never looks at what comes back."""
    server = serve(threads=1, write_deadline="1s")
    with server.connect(2) as sock:
        try:
            for _ in range(200):
                sock.sendall(GET.replace(b"?id=eq.1", b"?select=*,book(*)") * 100)
        except OSError:
            pass
        quick(server, 5)
        if not server.sanitized():
            assert server.memory() < 200 * MIB
    quick(server)


WRITE = (b"POST /toy HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
         b"Content-Length: 40\r\n\r\n" + b'{"id":%d,"name":"a toy that is broken"}  ')


@pytest.mark.parametrize("linger", [False, True], ids=["end", "reset"])
def test_hanging_up_in_any_phase_does_no_harm(shop, linger):
    """In every place of a read and of a write; the next request is answered, nothing stays."""
    for number in range(0, len(WRITE) + 4, 5):
        for data in (GET, WRITE % (1000 + number)):
            with shop.connect() as sock:
                if linger:
                    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
                sock.sendall(data[:number])
    assert shop.column("/toy?id=lt.1000&order=id") == [1, 2, 3, 4]
    wait_until(lambda: shop.metric("modeld_requests_in_flight") == 0, "the last request")
    assert all(row["name"] == "a toy that is broken" for row in shop.rows("/toy?id=gte.1000"))


@pytest.mark.sqlite("the connection's own affair")
@pytest.mark.parametrize("sent", [GET, GET[:25], GET[:-2], GET + GET[:30]],
                         ids=["an answer", "a line", "a header", "a pipeline"])
def test_an_end_that_comes_with_data_is_noticed(serve, sent):
    """Not only when a deadline has passed."""
    server = serve(idle_timeout="60s", header_deadline="60s")
    with server.connect() as sock:
        sock.sendall(sent)
        sock.shutdown(socket.SHUT_WR)
        sock.settimeout(10)
        begin = time.monotonic()
        read_all(sock)
        assert time.monotonic() - begin < 5
    wait_until(lambda: server.metric("modeld_connections") <= 1, "its end")
    quick(server)


@pytest.mark.sqlite("the connection's own affair")
@pytest.mark.parametrize("linger", [False, True], ids=["end", "reset"])
@pytest.mark.parametrize("sent", [b"", b"[" + b" " * 100, b"[" + b" " * 100000],
                         ids=["nothing", "a little", "much"])
def test_an_end_in_the_middle_of_a_body_is_noticed(serve, sent, linger):
    server = serve(body_deadline="60s")
    with server.connect() as sock:
        sock.sendall(b"POST /genre HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json"
                     b"\r\nContent-Length: 200000\r\n\r\n" + sent)
        # One of them is that of the question.
        wait_until(lambda: server.metric("modeld_connections") == 2, "the connection")
        if linger:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    begin = time.monotonic()
    wait_until(lambda: server.metric("modeld_connections") == 1, "its end")
    assert time.monotonic() - begin < 5
    assert server.metric("modeld_requests_in_flight") == 0
    quick(server)
