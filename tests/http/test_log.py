"""The log: where it goes must not matter to those who are served."""
import os
import re

import pytest

from harness import Modeld, UnixConnection, exchange

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
                            r"ms=[\d.]+ bytes=\d+ id=[0-9a-f]{16}", line) for line in requests)


def test_the_last_lines_are_written(serve):
    server = serve()
    server.get("/genre?id=eq.1")
    server.process.terminate()
    assert server.process.wait(30) == 0
    assert "stopping" in server.log().splitlines()
    assert server.log().count("request method=GET route=/{relation}") == 1
