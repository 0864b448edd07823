"""Answers larger than the buffer: streamed in pieces, complete, in constant memory, never complete
by mistake."""
import os
import socket
import time

import pytest

from harness import PATIENCE, Modeld, read_all, status_of, wait_until

ROWS = 200000


@pytest.fixture(scope="module")
def lines(engine, tmp_path_factory):
    """A daemon on a table of about 24 MB of JSON."""
    folder = tmp_path_factory.mktemp("lines")
    db = engine.database(folder, f"""
        CREATE TABLE line (id INTEGER PRIMARY KEY, word TEXT, text TEXT);
        WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {ROWS})
        INSERT INTO line SELECT i, 'w' || (i % 100), printf('%080d', i) FROM n;""")
    server = Modeld(db.url, folder=folder, settings={"threads": 2})
    server.db = db
    yield server
    server.stop()
    db.drop()


def test_a_large_answer_is_complete(lines):
    response = lines.get("/line?order=id")
    assert response.status == 200
    assert response.header("Transfer-Encoding") == "chunked"
    rows = response.json
    assert len(rows) == ROWS
    assert rows[0]["id"] == 1 and rows[-1]["id"] == ROWS


def test_a_streamed_answer_has_a_content_range_only_with_a_count(lines):
    assert lines.get("/line").header("Content-Range") is None
    counted = lines.get("/line?order=id", Prefer="count=exact")
    assert counted.header("Content-Range") == f"0-{ROWS - 1}/{ROWS}"
    assert len(counted.json) == ROWS


def test_a_large_answer_takes_no_large_memory(lines):
    if lines.sanitized():
        pytest.skip("memory of a sanitized build says nothing")
    lines.get("/line?limit=10")
    for _ in range(3):
        assert len(lines.get("/line").body) > 20e6
    assert lines.memory("VmHWM") < 64 * 1024 * 1024


def test_head_of_a_large_answer_has_its_length_and_no_body(lines):
    head = lines.head("/line?limit=50000&order=id")
    body = lines.get("/line?limit=50000&order=id").body
    assert head.body == b""
    length = head.header("Content-Length")
    assert length is None or int(length) == len(body)
    assert lines.get("/line?id=eq.1").status == 200


def test_a_client_that_reads_slowly_gets_everything(lines):
    with lines.connect() as sock:
        sock.sendall(b"GET /line?order=id&limit=60000 HTTP/1.1\r\nHost: localhost\r\n"
                     b"Connection: close\r\n\r\n")
        time.sleep(1)
        data = read_all(sock)
    assert data.endswith(b"0\r\n\r\n")
    assert b'"id":60000,' in data


def test_a_client_that_leaves_in_the_middle_is_no_fault(lines):
    for _ in range(5):
        with lines.connect() as sock:
            sock.sendall(b"GET /line HTTP/1.1\r\nHost: localhost\r\n\r\n")
            sock.recv(100000)
    assert lines.get("/line?id=eq.5").status == 200


def ask_and_wait(server, target, count):
    """Connections that have asked for `target` and take nothing of the answer."""
    sockets = []
    for _ in range(count):
        sock = socket.socket()
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 64 * 1024)
        sock.settimeout(PATIENCE)
        sock.connect((server.host, server.port))
        sock.sendall(f"GET {target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
                     .encode())
        sockets.append(sock)
    return sockets


def test_several_large_answers_at_once(lines):
    """More of them than readers, and read in the wrong order."""
    sockets = ask_and_wait(lines, "/line?order=id&limit=100000", 2 * os.cpu_count() + 4)
    for sock in reversed(sockets):
        with sock:
            data = read_all(sock)
        assert status_of(data) == 200
        assert data.endswith(b"0\r\n\r\n")
        assert b'"id":100000,' in data


def test_slow_clients_do_not_hold_up_others(serve, lines):
    """They hold all that there is: some of them have to go."""
    server = serve(lines.db, threads=2, pool_size=2, max_overflow=2)
    sockets = ask_and_wait(server, "/line?order=id", 7)
    wait_until(lambda: server.metric("modeld_pool_waiting") > 0, "a queue")
    assert len(server.rows("/line?order=id&limit=40000")) == 40000
    answers = []
    for sock in sockets:
        with sock:
            answers.append(read_all(sock))
    whole = [data for data in answers if data.endswith(b"0\r\n\r\n")]
    assert all(f'"id":{ROWS},'.encode() in data for data in whole)
    assert 1 <= len(whole) < len(answers)
    assert server.log().count("the client took too little of it in time") \
        == len(answers) - len(whole)


def test_small_requests_are_served_while_large_ones_stream(lines):
    with lines.connect() as sock:
        sock.sendall(b"GET /line HTTP/1.1\r\nHost: localhost\r\n\r\n")
        sock.recv(1000)
        begin = time.monotonic()
        for number in range(1, 50):
            assert lines.get(f"/line?id=eq.{number}").status == 200
        assert time.monotonic() - begin < 10


def test_a_singular_answer_never_streams(serve, database):
    db = database("""CREATE TABLE big (id INTEGER PRIMARY KEY, text TEXT);
                     INSERT INTO big VALUES (1, printf('%0500000d', 1)), (2, 'small');""")
    server = serve(db, stream_threshold="64KiB", stream_piece="16KiB")
    response = server.get("/big?id=eq.1", Accept="application/vnd.pgrst.object+json")
    assert response.status == 200
    assert len(response.json["text"]) == 500000
    assert response.header("Content-Length") == str(len(response.body))


def test_an_answer_around_the_threshold_is_right_on_both_sides(serve, database):
    db = database("""CREATE TABLE line (id INTEGER PRIMARY KEY, text TEXT);
                     WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000)
                     INSERT INTO line SELECT i, printf('%050d', i) FROM n;""")
    server = serve(db, stream_threshold="16KiB", stream_piece="4KiB")
    for limit in (150, 190, 200, 205, 210, 230, 3000):
        rows = server.rows(f"/line?order=id&limit={limit}")
        assert [row["id"] for row in rows] == list(range(1, limit + 1))


def test_a_stream_with_embeds_is_complete(serve, database):
    db = database("""
        CREATE TABLE parent (id INTEGER PRIMARY KEY, name TEXT);
        CREATE TABLE child (id INTEGER PRIMARY KEY, parent_id INTEGER REFERENCES parent (id));
        CREATE INDEX child_parent ON child (parent_id);
        WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000)
        INSERT INTO parent SELECT i, 'name ' || i FROM n;
        INSERT INTO child SELECT id, id FROM parent UNION ALL SELECT id + 2000, id FROM parent;""")
    server = serve(db, stream_threshold="16KiB", stream_piece="4KiB")
    rows = server.rows("/parent?select=id,child(id,parent(name))&order=id&child.order=id")
    assert len(rows) == 2000
    for row in rows:
        name = {"name": f"name {row['id']}"}
        assert row["child"] == [{"id": row["id"], "parent": name},
                                {"id": row["id"] + 2000, "parent": name}]


def test_memory_does_not_grow_with_requests(serve):
    server = serve(threads=1)
    if server.sanitized():
        pytest.skip("memory of a sanitized build says nothing")
    def some(count):
        for _ in range(count):
            server.get("/book?select=*,publisher(*),genre(*)&order=id")
    some(500)
    before = server.memory()
    some(3000)
    assert server.memory() - before < 2 * 1024 * 1024


def test_the_daemon_stops_while_an_answer_streams(serve, database):
    db = database(f"""
        CREATE TABLE line (id INTEGER PRIMARY KEY, text TEXT);
        WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100000)
        INSERT INTO line SELECT i, printf('%0100d', i) FROM n;""")
    server = serve(db, drain_timeout="1s")
    with server.connect() as sock:
        sock.sendall(b"GET /line HTTP/1.1\r\nHost: localhost\r\n\r\n")
        sock.recv(1000)
        server.expect_error("stream|drain|cut|shut")
        server.process.terminate()
        wait_until(lambda: not server.alive(), "the end")
