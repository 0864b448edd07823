"""The log: where it goes must not matter to those who are served."""
import os
import re
import resource

import pytest

from harness import Modeld, UnixConnection, exchange, wait_until

pytestmark = pytest.mark.sqlite("lines of the log do not come from the engine")


class Piped(Modeld):
    """Its standard error is a pipe that is read when the test wants it."""

    def __init__(self, *args, **kwargs):
        self.reader, self.writer = os.pipe()
        kwargs["preexec"] = lambda: os.dup2(self.writer, 2)
        super().__init__(*args, **kwargs)
        os.close(self.writer)

    def read_log(self):
        """Everything until the daemon closes it."""
        text = b""
        while True:
            piece = os.read(self.reader, 65536)
            if not piece:
                return text.decode()
            text += piece


@pytest.fixture
def piped(database, tmp_path):
    server = Piped(database().url, folder=tmp_path, settings={"threads": 2})
    yield server
    if server.alive():
        server.process.kill()
        server.process.wait()
    os.close(server.reader)


# A request line is about 90 bytes; 1 MiB and the pipe's 64 KiB hold some 12,000.
REQUESTS = 16000


def fill(server):
    """Requests whose lines nobody reads; all must be answered."""
    path = "/genre?id=eq.1"
    for _ in range(REQUESTS // 100):
        with server.connect() as sock:
            one = f"GET {path} HTTP/1.1\r\nHost: localhost\r\n".encode()
            sock.sendall((one + b"\r\n") * 99 + one + b"Connection: close\r\n\r\n")
            answer = b""
            while piece := sock.recv(1 << 20):
                answer += piece
            assert answer.count(b"HTTP/1.1 200 OK") == 100, answer[-300:]


def test_a_log_that_nobody_reads_stops_nobody(piped):
    fill(piped)
    assert piped.metric("modeld_log_lost_lines_total") > 0
    connection = UnixConnection(piped.admin_path)
    assert exchange(connection, "GET", "/-/ready").status == 200
    connection.close()


def test_a_log_that_nobody_reads_does_not_keep_it_from_ending(piped):
    fill(piped)
    piped.process.terminate()
    assert piped.process.wait(30) == 0


def test_lost_lines_are_told_and_none_is_torn(piped):
    fill(piped)
    before = piped.metric("modeld_log_lost_lines_total")
    got = [os.read(piped.reader, 65536)]
    # Room again: what comes now is written.
    piped.process.terminate()
    got.append(piped.read_log().encode())
    assert piped.process.wait(30) == 0
    lines = b"".join(got).decode().splitlines()
    told = [int(match.group(1)) for line in lines
            if (match := re.fullmatch(r"warning: (\d+) lines of the log are lost: .*", line))]
    assert sum(told) >= before
    requests = [line for line in lines if "route=/{relation} " in line]
    assert len(requests) + sum(told) >= REQUESTS
    assert all(re.fullmatch(r"request method=GET route=/\{relation\} relation=genre status=200 "
                            r"ms=[\d.]+ bytes=\d+ client=127\.0\.0\.1 "
                            r"id=[0-9a-f]{16}", line) for line in requests)


def test_the_last_lines_are_written(serve):
    server = serve()
    server.get("/genre?id=eq.1")
    server.process.terminate()
    assert server.process.wait(30) == 0
    assert "stopping" in server.log().splitlines()
    assert server.log().count("request method=GET route=/{relation}") == 1


def clients_in(log):
    """Whom the request lines name, in order."""
    return re.findall(r"^request .* client=(\S+) id=", log, re.M)


@pytest.mark.parametrize("sent, trusted, named", [
    ("192.0.2.7", "", "127.0.0.1"),
    ("192.0.2.7", "10.0.0.0/8", "127.0.0.1"),
    ("192.0.2.7", "127.0.0.1", "192.0.2.7"),
    ("198.51.100.1, 192.0.2.7, 10.9.8.7", "127.0.0.1,10.0.0.0/8", "192.0.2.7"),
    ("192.0.2.7 id=forged", "127.0.0.1", "127.0.0.1"),
    ("", "127.0.0.1", "127.0.0.1"),
])
def test_the_client_is_named_as_a_trusted_proxy_does(serve, sent, trusted, named):
    server = serve(trusted_proxies=trusted)
    server.get("/genre?id=eq.1", X_Forwarded_For=sent)
    server.stop()
    assert clients_in(server.log()) == [named]


def test_what_a_proxy_adds_counts_not_what_its_client_sent(serve):
    server = serve(trusted_proxies="127.0.0.1")
    server.raw(b"GET /genre?id=eq.1 HTTP/1.1\r\nHost: localhost\r\nX-Forwarded-For: 192.0.2.1\r\n"
               b"X-Forwarded-For: 192.0.2.7\r\nConnection: close\r\n\r\n")
    server.stop()
    assert clients_in(server.log()) == ["192.0.2.7"]


def test_the_client_of_a_socket_is_named(serve):
    server = serve()
    server.admin("/-/live")
    server.stop()
    assert clients_in(server.log()) == ["unix"]


FULL_AT = 8 * 1024 * 1024


def test_a_full_disk_loses_lines_and_tears_one_at_most(database, tmp_path):
    """Its place is taken by a limit of the size of files, which can be lifted."""
    log = tmp_path / "full"
    with open(log, "wb") as file:
        file.truncate(FULL_AT - 10)  # room for a piece of the first line

    def to_full_disk():
        fd = os.open(log, os.O_WRONLY | os.O_APPEND)
        os.dup2(fd, 2)
        os.close(fd)
        resource.setrlimit(resource.RLIMIT_FSIZE, (FULL_AT, resource.RLIM_INFINITY))
    server = Modeld(database().url, folder=tmp_path, preexec=to_full_disk)
    for _ in range(20):
        assert server.get("/genre?id=eq.1").status == 200
    wait_until(lambda: server.metric("modeld_log_lost_lines_total") >= 20, "lines that are lost")
    assert log.stat().st_size == FULL_AT
    resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE,
                     (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    lost = server.metric("modeld_log_lost_lines_total")
    assert server.get("/genre?id=eq.2").status == 200
    server.stop()
    with open(log, encoding="utf-8") as file:
        file.seek(FULL_AT)
        torn, *lines = file.read().splitlines()
    assert torn == "" and "stopping" in lines
    told = [int(match.group(1)) for line in lines
            if (match := re.fullmatch(r"warning: (\d+) lines of the log are lost: .*", line))]
    assert sum(told) >= lost
    assert any(re.match(r"request method=GET route=/\{relation\} relation=genre ", line)
               for line in lines), lines


def test_without_standard_error_the_log_goes_nowhere(database, tmp_path):
    """Not into what happens to be opened in its place."""
    def close():
        for fd in range(3):
            os.close(fd)
    server = Modeld(database().url, folder=tmp_path, preexec=close)
    assert server.get("/genre?id=eq.1").status == 200
    assert {os.readlink(f"/proc/{server.process.pid}/fd/{fd}") for fd in range(3)} == {"/dev/null"}
    server.stop()


def test_echo_tells_the_statements_of_embeds_and_explanations(serve, database):
    """Related rows are read by a statement of their own, and so is what refers to a row."""
    db = database("CREATE TABLE one (id INTEGER PRIMARY KEY);"
                  "CREATE TABLE many (id INTEGER PRIMARY KEY, one_id INTEGER REFERENCES one (id), word TEXT);"
                  "INSERT INTO one (id) VALUES (1); INSERT INTO many (id, one_id, word) VALUES (1, 1, 'a');")
    modeld = serve(db, echo="debug")
    assert modeld.rows("/one?select=many(id)&many.word=eq.a") == [{"many": [{"id": 1}]}]
    modeld.wait_log('"word" = ')
    modeld.wait_log("'a'")
    assert modeld.delete("/one/1").status == 409
    modeld.wait_log('EXISTS (SELECT 1 FROM "many" AS md_other')
