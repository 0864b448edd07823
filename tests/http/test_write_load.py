"""Writes under load and over the wire: many clients, limits of bodies, slow and vanishing clients."""
import collections
import json
import signal
import socket
import sqlite3
import threading
import time

import pytest

from harness import exchange, read_all, status_of, wait_until
import http.client

TABLE = "CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT);"


def post_bytes(target, body, headers=""):
    return (f"POST {target} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            f"{headers}Content-Length: {len(body)}\r\n\r\n").encode() + body


def test_what_was_written_is_read_at_once(shop):
    for i in range(100, 140):
        assert shop.post("/maker", {"id": i, "name": f"m{i}"}).status == 201
        assert shop.get(f"/maker/{i}").json["name"] == f"m{i}"
        assert shop.patch(f"/maker/{i}", {"name": f"n{i}"}).status == 204
        assert shop.column(f"/maker?id=eq.{i}", "name") == [f"n{i}"]


def test_another_connection_reads_it_too(shop):
    others = [http.client.HTTPConnection(shop.host, shop.port) for _ in range(8)]
    for i in range(100, 120):
        shop.post("/maker", {"id": i, "name": f"m{i}"})
        for other in others:
            assert exchange(other, "GET", f"/maker/{i}").status == 200
    for other in others:
        other.close()


def test_many_clients_write_at_once_and_every_row_is_there(serve, database):
    server = serve(database(TABLE), threads=2)
    clients, rows, failures = 64, 12, []
    start = threading.Barrier(clients)

    def work(number):
        connection = http.client.HTTPConnection(server.host, server.port, timeout=60)
        start.wait()
        for i in range(rows):
            body = json.dumps({"id": number * rows + i, "name": f"c{number}"}).encode()
            response = exchange(connection, "POST", "/t", {"Content-Type": "application/json"}, body)
            if response.status != 201:
                failures.append(response)
        connection.close()

    threads = [threading.Thread(target=work, args=(i,)) for i in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    assert sorted(server.column("/t")) == list(range(clients * rows))
    if server.engine == "sqlite":  # one writer, who commits together what waits
        assert server.metric("modeld_db_writes_total") == clients * rows
        assert server.metric("modeld_db_commits_total") <= clients * rows / 2
    assert server.metrics()['modeld_responses_total{code="201"}'] == clients * rows


def test_no_client_sees_a_lock_of_ours(serve, database):
    """Writers, readers on loops and on reader threads, and reloads at the same time."""
    server = serve(database(TABLE + "CREATE INDEX t_name ON t (name);"), threads=2,
                   lock_timeout="1ms")
    answers, stop = collections.Counter(), threading.Event()
    start = threading.Barrier(64 + 8)

    def client(work):
        connection = http.client.HTTPConnection(server.host, server.port, timeout=60)
        start.wait()
        work(lambda method, target, body=None: answers.update([(method, exchange(
            connection, method, target, {}, body and json.dumps(body).encode()).status)]))
        connection.close()

    def write(number):
        def work(send):
            for i in range(12):
                key = number * 12 + i
                send("POST", "/t", {"id": key, "name": f"c{number}"})
                if i % 4 == 1:
                    send("PATCH", f"/t/{key}", {"name": "again"})
                if i % 4 == 2:
                    send("DELETE", f"/t?name=eq.c{number}&id=lt.{key}")
        return work

    def read(send):
        while not stop.is_set():
            send("GET", "/t?limit=3")
            send("GET", "/t?name=like.*c*&order=name")

    writers = [threading.Thread(target=client, args=(write(i),)) for i in range(64)]
    readers = [threading.Thread(target=client, args=(read,)) for _ in range(8)]
    for thread in writers + readers:
        thread.start()
    while any(thread.is_alive() for thread in writers):
        server.signal(signal.SIGHUP)
        time.sleep(0.1)
    stop.set()
    for thread in writers + readers:
        thread.join()
    assert set(answers) == {("POST", 201), ("PATCH", 204), ("DELETE", 204), ("GET", 200)}, answers
    assert answers["POST", 201] == 64 * 12
    assert "55P03" not in server.log()


def test_a_failing_neighbour_disturbs_nobody(serve, database):
    server = serve(database(TABLE + "INSERT INTO t VALUES (1000000, 'taken');"), threads=2)
    statuses = []

    def work(number):
        connection = http.client.HTTPConnection(server.host, server.port, timeout=60)
        for i in range(10):
            key = 1000000 if i % 2 else number * 10 + i
            response = exchange(connection, "POST", "/t", {}, json.dumps({"id": key}).encode())
            statuses.append((i % 2, response.status))
        connection.close()

    threads = [threading.Thread(target=work, args=(i,)) for i in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(statuses) == {(0, 201), (1, 409)}
    assert len(server.rows("/t")) == 16 * 5 + 1


def test_a_write_is_in_the_access_log(serve, database):
    server = serve(database(TABLE))
    server.post("/t", {"id": 1})
    server.wait_log("request method=POST route=/{relation} relation=t status=201")
    server.patch("/t/1", {"name": "x"})
    server.wait_log("request method=PATCH route=/{relation}/{key} relation=t status=204")


def test_a_body_byte_by_byte(shop):
    body = b'[{"line":"slow \xc3\xa9"}]'
    with shop.connect() as sock:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in post_bytes("/note", body, "Connection: close\r\n"):
            sock.sendall(bytes([byte]))
        assert status_of(read_all(sock)) == 201
    assert shop.rows("/note?line=eq.slow%20%C3%A9") == [{"line": "slow é", "day": None}]


def test_several_writes_in_one_packet(shop):
    data = b"".join(post_bytes("/note", b'{"line":"p%d"}' % i,
                               "Connection: close\r\n" if i == 9 else "") for i in range(10))
    with shop.connect() as sock:
        sock.sendall(data)
        answer = read_all(sock)
    assert answer.count(b"HTTP/1.1 201") == 10
    assert len(shop.rows("/note?line=like.p*")) == 10


def test_expect_100_continue(shop):
    body = b'{"line":"waited"}'
    with shop.connect() as sock:
        sock.sendall(post_bytes("/note", b"", "").replace(
            b"Content-Length: 0", b"Expect: 100-continue\r\nConnection: close\r\n"
            b"Content-Length: %d" % len(body)))
        assert sock.recv(100).startswith(b"HTTP/1.1 100")
        sock.sendall(body)
        assert status_of(read_all(sock)) == 201


def test_a_body_that_ends_too_early_writes_nothing(serve, database):
    """The HTTP library may miss the end that comes together with data; the deadline does not."""
    server = serve(database(TABLE), body_deadline="500ms")
    for _ in range(5):
        assert status_of(server.raw(post_bytes("/t", b'{"name":"torn"}')[:-3])) != 201
    assert server.get("/t").json == []


@pytest.mark.parametrize("more, status", [(-1, 201), (0, 201), (1, 413)])
def test_the_size_of_a_body_is_limited(serve, database, more, status):
    server = serve(database(TABLE), body="4096")
    frame = len(json.dumps({"name": ""}))
    response = server.post("/t", {"name": "x" * (4096 + more - frame)})
    assert response.status == status
    assert len(server.rows("/t")) == (1 if status == 201 else 0)


@pytest.mark.parametrize("more, status", [(-1, 201), (0, 201), (1, 413)])
def test_the_rows_of_a_body_are_limited(serve, database, more, status):
    server = serve(database(TABLE), body_rows="50")
    response = server.post("/t", [{"name": "x"}] * (50 + more))
    assert response.status == status
    if status == 413:
        assert response.json["code"] == "MD413"


@pytest.mark.parametrize("more, status", [(-1, 201), (0, 201), (1, 413)])
def test_the_columns_of_a_body_are_limited(serve, database, more, status):
    names = [f"c{i}" for i in range(12)]
    columns = ", ".join(f"{name} INTEGER" for name in names)
    server = serve(database(f"CREATE TABLE t ({columns});"), body_columns="10")
    assert server.post("/t", {name: 1 for name in names[:10 + more]}).status == status


@pytest.mark.parametrize("more, status", [(-1, 201), (0, 201), (1, 413)])
def test_the_depth_of_a_body_is_limited(serve, database, more, status):
    server = serve(database("CREATE TABLE t (facts JSON);"), json_depth="9")
    deep = "[" * (8 + more) + "]" * (8 + more)
    assert server.post("/t", f'{{"facts":{deep}}}').status == status


def test_the_values_of_a_body_are_limited(serve, database):
    server = serve(database(TABLE), body_values="100")
    assert server.post("/t", [{"name": "x"}] * 30).status == 201
    assert server.post("/t", [{"name": "x"}] * 100).status == 413


def test_body_and_answer_share_the_memory_of_a_request(serve, database):
    server = serve(database(TABLE), body="1MiB", request_memory="1MiB")
    frame = len(json.dumps({"name": ""}))
    full = "return=representation"
    response = server.post("/t", {"name": "x" * (1048576 - frame)})
    assert (response.status, response.json["code"]) == (413, "MD413")
    assert server.post("/t", {"name": "x" * 400000}, Prefer=full).status == 201
    response = server.post("/t", {"name": "x" * 600000}, Prefer=full)
    assert response.status in (413, 500)
    assert len(server.rows("/t?select=id")) == 1


def test_bodies_are_turned_away_when_memory_is_out(serve, database):
    """memory-limit is for all requests together."""
    server = serve(database(TABLE), body="15MiB", request_memory="16MiB", memory_limit="16MiB",
                   threads=1)
    body = json.dumps({"name": "x" * 14000000}).encode()
    with server.connect() as sock:
        sock.sendall(post_bytes("/t?select=id", body, "Connection: close\r\n")[:-1000000])
        wait_until(lambda: server.metric("modeld_request_memory_bytes") > 12000000, "it is kept")
        response = server.post("/t", {"name": "x" * 8000000})
        assert (response.status, response.json["code"]) == (503, "MD503")
        assert response.header("Retry-After") == "1"
        sock.sendall(body[-1000000:])
        assert status_of(read_all(sock)) == 201
    assert server.post("/t", {"name": "x" * 8000000}).status == 201
    server.expect_error("MD503")


def test_memory_is_given_back(serve, database):
    server = serve(database(TABLE))
    for _ in range(5):
        assert server.post("/t", {"name": "x" * 3000000}).status == 201
    wait_until(lambda: server.metric("modeld_request_memory_bytes") < 1000000, "memory is free")


def test_bodies_of_reads_are_forgotten(serve, database):
    server = serve(database(TABLE))
    response = server.request("GET", "/t", {}, b"x" * 100000)
    assert (response.status, response.json) == (200, [])


def locked(db):
    """Another program that is about to write: its connection."""
    if db.engine == "postgresql":
        other = db.connect()
        other.execute("BEGIN; LOCK TABLE t IN EXCLUSIVE MODE")
        return other
    other = sqlite3.connect(db.path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    return other


def test_a_write_waits_while_reads_go_on(serve, database):
    db = database(TABLE + "PRAGMA journal_mode = WAL;")
    server = serve(db, lock_timeout="20s")
    other = locked(db)
    answers = []
    writer = threading.Thread(target=lambda: answers.append(exchange(
        http.client.HTTPConnection(server.host, server.port, timeout=60), "POST", "/t", {},
        b'{"id":1}')))
    writer.start()
    for _ in range(20):
        assert server.get("/t").json == []
        time.sleep(0.01)
    assert answers == []
    other.execute("ROLLBACK")
    writer.join()
    assert answers[0].status == 201
    assert server.get("/t").json == [{"id": 1, "name": None}]


def test_a_lock_that_is_kept_too_long_is_an_error(serve, database):
    db = database(TABLE + "PRAGMA journal_mode = WAL;")
    server = serve(db, lock_timeout="200ms")
    other = locked(db)
    response = server.post("/t", {"id": 1})
    assert response.status == 503 and response.header("Retry-After")
    assert response.json["code"] == "55P03"
    other.execute("ROLLBACK")
    assert server.post("/t", {"id": 1}).status == 201


def test_a_client_that_leaves_while_its_write_waits(serve, database):
    db = database(TABLE + "PRAGMA journal_mode = WAL;")
    server = serve(db, lock_timeout="20s")
    other = locked(db)
    for _ in range(8):
        with server.connect() as sock:
            sock.sendall(post_bytes("/t", b'{"name":"left"}'))
            time.sleep(0.02)
    time.sleep(0.2)
    other.execute("ROLLBACK")
    assert server.post("/t", {"name": "stayed"}).status == 201
    assert server.rows("/t?name=eq.stayed")
    wait_until(lambda: server.metric("modeld_connections") <= 2, "the connections end")


def test_shutdown_finishes_writes_in_flight(serve, database):
    db = database(TABLE + "PRAGMA journal_mode = WAL;")
    server = serve(db, lock_timeout="20s")
    other = locked(db)
    with server.connect() as sock:
        sock.sendall(post_bytes("/t", b'{"id":1}'))
        time.sleep(0.3)
        server.process.terminate()
        time.sleep(0.3)
        assert server.alive()
        other.execute("ROLLBACK")
        assert status_of(read_all(sock)) == 201
    assert server.process.wait(30) == 0
    assert db.rows("SELECT id FROM t") == [(1,)]
