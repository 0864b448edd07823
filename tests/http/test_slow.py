"""Clients that take their time: each deadline is absolute, whatever trickles in."""
import time

import pytest

from harness import read_all, status_of, wait_until


def trickle(sock, data, pause):
    """Send byte by byte until the other side gives up; seconds it took."""
    begin = time.monotonic()
    for byte in data:
        try:
            sock.sendall(bytes([byte]))
        except (ConnectionError, BrokenPipeError):
            break
        sock.settimeout(pause)
        try:
            if not sock.recv(65536):
                break
        except TimeoutError:
            pass
        except ConnectionError:
            break
    return time.monotonic() - begin


def test_a_header_that_trickles_is_cut(serve):
    server = serve(header_deadline="500ms")
    with server.connect() as sock:
        took = trickle(sock, b"GET /genre HTTP/1.1\r\nHost: localhost\r\nX: " + b"a" * 200, 0.05)
    assert 0.4 < took < 8
    assert server.metric("modeld_connections_cut_total") == 1
    assert server.get("/genre?id=eq.1").status == 200


def test_a_connection_that_says_nothing_is_cut(serve):
    server = serve(header_deadline="500ms")
    with server.connect() as sock:
        sock.settimeout(10)
        begin = time.monotonic()
        assert status_of(read_all(sock)) in (None, 408)
        assert 0.4 < time.monotonic() - begin < 8
    assert server.metric("modeld_connections_cut_total") == 1
    assert server.get("/genre?id=eq.1").status == 200


def test_a_body_that_trickles_is_cut(serve):
    server = serve(body_deadline="500ms")
    with server.connect() as sock:
        sock.sendall(b"POST /genre HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json"
                     b"\r\nContent-Length: 100000\r\n\r\n")
        took = trickle(sock, b" " * 200, 0.05)
    assert 0.4 < took < 8
    assert server.metric("modeld_connections_cut_total") == 1


def test_an_idle_connection_is_closed(serve):
    server = serve(idle_timeout="1s")
    with server.connect() as sock:
        sock.sendall(b"GET /genre?id=eq.1 HTTP/1.1\r\nHost: localhost\r\n\r\n")
        sock.settimeout(15)
        begin = time.monotonic()
        assert status_of(read_all(sock)) == 200
        assert time.monotonic() - begin < 12


@pytest.mark.parametrize("rows", [60000])
def test_a_client_that_does_not_read_is_cut(serve, database, rows):
    db = database(f"""
        CREATE TABLE line (id INTEGER PRIMARY KEY, text TEXT);
        WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {rows})
        INSERT INTO line SELECT i, printf('%0200d', i) FROM n;""")
    server = serve(db, write_deadline="1s", stream_timeout="1s")
    server.expect_error("answer cut off")
    with server.connect() as sock:
        sock.sendall(b"GET /line HTTP/1.1\r\nHost: localhost\r\n\r\n")
        time.sleep(4)
        sock.settimeout(10)
        data = read_all(sock)
    assert not data.endswith(b"0\r\n\r\n"), "the whole answer came although nobody read it in time"
    assert server.get("/line?id=eq.1").status == 200


def test_slow_clients_do_not_hold_up_others(serve):
    server = serve(threads=1, header_deadline="5s")
    slow = [server.connect() for _ in range(50)]
    for sock in slow:
        sock.sendall(b"GET /genre HTTP/1.1\r\nHo")
    begin = time.monotonic()
    for _ in range(20):
        assert server.get("/genre?id=eq.1").status == 200
    assert time.monotonic() - begin < 3
    for sock in slow:
        sock.close()


def test_a_client_that_goes_away_while_it_waits_leaves_nothing_behind(serve, database):
    db = database("""
        CREATE TABLE n (i INTEGER PRIMARY KEY);
        WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c WHERE i < 3000)
        INSERT INTO n SELECT i FROM c;
        CREATE VIEW slow AS SELECT count(*) AS total FROM n a, n b, n c WHERE a.i + b.i + c.i = 7;
        """)
    server = serve(db, statement_timeout="60s")
    for _ in range(3):
        with server.connect() as sock:
            sock.sendall(b"GET /slow HTTP/1.1\r\nHost: localhost\r\n\r\n")
            wait_until(lambda: server.metric("modeld_requests_in_flight") == 1, "the request")
        begin = time.monotonic()
        wait_until(lambda: server.metric("modeld_requests_in_flight") == 0, "its end")
        assert time.monotonic() - begin < 5  # the statement would take minutes
    wait_until(lambda: server.metric("modeld_pool_in_use") == 0, "nobody at the database")
    assert server.get("/n?i=eq.1").status == 200


def test_a_statement_that_runs_too_long_is_cut(serve, database):
    db = database("""
        CREATE TABLE n (i INTEGER PRIMARY KEY);
        WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c WHERE i < 3000)
        INSERT INTO n SELECT i FROM c;
        CREATE VIEW slow AS SELECT count(*) AS total FROM n a, n b, n c WHERE a.i + b.i + c.i = 7;
        """)
    server = serve(db, statement_timeout="500ms")
    begin = time.monotonic()
    response = server.get("/slow")
    assert time.monotonic() - begin < 10
    assert response.json["code"] == "57014"
    server.expect_error("57014|timeout|/slow")
    assert server.get("/n?i=eq.1").status == 200
