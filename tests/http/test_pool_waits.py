"""Nobody waits for ever: what was queued, parked, buffered or given away while the database or the
network was in trouble goes on by itself, and nothing holds an event loop up."""
import contextlib
import http.client
import socket
import time

import pytest

from harness import PATIENCE, daemons_of, exchange, wait_until
from pg_load import SCHEMA, Proxy, take_connection
from postgres import Postgres

pytestmark = pytest.mark.postgresql("connections that stand or do not")

SSL_REQUEST = b"\x00\x00\x00\x08\x04\xd2\x16\x2f"


@pytest.fixture(scope="module", name="server")
def make_server():
    with contextlib.closing(Postgres("max_connections = 12\n")) as server:
        yield server


@pytest.fixture(name="start")
def make_start(server):
    """Start daemons of one event loop."""
    server.sql(SCHEMA)
    with daemons_of(server, "cannot connect", threads=1, max_overflow=0) as start:
        yield start


@pytest.fixture(name="proxy")
def make_proxy(server):
    with contextlib.closing(Proxy(server.folder)) as proxy:
        yield proxy


def ask(daemon, target, patience=PATIENCE):
    """One GET on a connection of its own, and its seconds."""
    connection = http.client.HTTPConnection(daemon.host, daemon.port, timeout=patience)
    begin = time.monotonic()
    try:
        return exchange(connection, "GET", target), time.monotonic() - begin
    finally:
        connection.close()


def fill(server, taken):
    """Take all connections of the server; True when it has no more."""
    while sock := take_connection(server):
        taken.append(sock)
    return len(taken) > 3


def refuse_newcomers(proxy):
    """Whoever begins a connection is cut off; those that stand go on."""
    proxy.on_request = lambda data: (data, False) if data[:8] != SSL_REQUEST else (b"", True)


def test_a_server_that_is_full_after_a_refusal_does_not_stop_what_stands(start, server, proxy):
    daemon = start(proxy.url, pool_size=5)
    assert ask(daemon, "/item?id=eq.1")[0].status == 200
    refuse_newcomers(proxy)
    answer = ask(daemon, "/slow")[0]  # wants a session of its own
    assert (answer.status, answer.json["code"]) == (503, "PGRST000"), answer
    taken = []
    try:
        wait_until(lambda: fill(server, taken), "a full server")
        proxy.on_request = None
        answer, seconds = ask(daemon, "/item?id=eq.1", 10)
        assert answer.status == 200 and seconds < 2, answer
        answer, seconds = ask(daemon, "/slow", 10)
        assert (answer.status, answer.json["code"]) == (503, "PGRST000") and seconds < 2
        daemon.wait_log("53300")
    finally:
        for sock in taken:
            sock.close()
    begin = time.monotonic()
    wait_until(lambda: ask(daemon, "/slow")[0].status == 200, "room")
    assert time.monotonic() - begin < 3


def test_a_refusal_by_the_server_does_not_stop_what_stands(start, server):
    daemon = start(pool_size=5)
    assert ask(daemon, "/item?id=eq.1")[0].status == 200
    server.sql("ALTER DATABASE postgres ALLOW_CONNECTIONS false", "template1")
    try:
        for _ in range(20):
            answer = ask(daemon, "/slow")[0]
            assert (answer.status, answer.json["code"]) == (503, "PGRST000"), answer
            assert ask(daemon, "/item?id=eq.1")[0].status == 200
        daemon.wait_log("55000")
        assert daemon.log().count("cannot connect") <= 2  # it is no news each time
    finally:
        server.sql("ALTER DATABASE postgres ALLOW_CONNECTIONS true", "template1")
    assert ask(daemon, "/slow")[0].status == 200


def fill_backlog(port):
    """Sockets that take the listener's room: whoever comes now hears nothing, not even from the
    kernel."""
    socks = []
    while len(socks) < 200:
        sock = socket.socket()
        sock.setblocking(False)
        sock.connect_ex(("127.0.0.1", port))
        socks.append(sock)
    return socks


def test_a_deadline_while_a_host_is_dead_holds_up_nobody(start, proxy):
    daemon = start(proxy.url + "?connect_timeout=5", request_deadline="1s", statement_timeout="500ms")
    assert ask(daemon, "/item?id=eq.1")[0].status == 200
    proxy.silent = True
    time.sleep(0.2)
    socks = fill_backlog(proxy.port)
    try:
        for sock in list(proxy.pairs):
            if sock in proxy.pairs:
                proxy.pairs[sock][0].close()
                sock.close()
        proxy.pairs.clear()
        time.sleep(0.2)  # it connects anew
        for _ in range(3):
            answer, seconds = ask(daemon, "/item?id=eq.1")
            assert seconds < 2.5
            assert (answer.status, answer.json["code"]) == (504, "PGRST003"), answer
            assert answer.header("Retry-After") == "1"
        for _ in range(5):
            assert ask(daemon, "/-/live", 10)[1] < 1
            time.sleep(0.1)
    finally:
        for sock in socks:
            sock.close()
        proxy.silent = False
    wait_until(lambda: ask(daemon, "/item?id=eq.1")[0].status == 200, "a read")
