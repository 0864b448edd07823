"""POST /-/transactions and the Transaction header: sessions over several requests."""
import concurrent.futures
import http.client
import os
import re
import signal
import time

import pytest

from harness import PATIENCE, exchange, wait_until

SCHEMA = """
    PRAGMA journal_mode = WAL;
    CREATE TABLE item (id INTEGER PRIMARY KEY, name TEXT UNIQUE, size INTEGER);
    INSERT INTO item (id, name, size) VALUES (1, 'one', 10), (2, 'two', 20);
"""
FULL = "return=representation"


@pytest.fixture
def items(serve, database):
    server = serve(database(SCHEMA), threads=2, db_tx_end="commit-allow-override")
    return server


def begin(server):
    response = server.post("/-/transactions")
    assert response.status == 201, response
    assert set(response.json) == {"id", "expires_at"}
    assert re.fullmatch("[0-9a-f]{32}", response.json["id"])
    assert response.header("Location") == "/-/transactions/" + response.json["id"]
    return response.json["id"]


def end(server, transaction, how="commit"):
    return server.post(f"/-/transactions/{transaction}/{how}")


def names(server, **headers):
    return [row["name"] for row in server.rows("/item?order=id", **headers)]


def test_a_transaction_is_seen_from_within_until_it_is_committed(items):
    mine = begin(items)
    response = items.post("/item?select=id", {"name": "three"}, Prefer=FULL, Transaction=mine)
    assert response.status == 201 and response.json == [{"id": 3}]
    assert items.patch("/item?id=eq.1", {"size": 11}, Transaction=mine).status == 204
    assert items.delete("/item/2", Transaction=mine).status == 204
    assert names(items, Transaction=mine) == ["one", "three"]
    assert items.get("/item/1", Transaction=mine).json["size"] == 11
    assert names(items) == ["one", "two"]
    response = end(items, mine)
    assert (response.status, response.json) == (200, {"state": "committed"})
    assert names(items) == ["one", "three"]
    assert items.error("/item", 410, "MD410", Transaction=mine)


def test_a_rollback_leaves_nothing(items):
    mine = begin(items)
    items.post("/item", {"name": "three"}, Transaction=mine)
    response = end(items, mine, "rollback")
    assert (response.status, response.json) == (200, {"state": "rolled back"})
    assert names(items) == ["one", "two"]
    assert end(items, mine).status == 410
    assert end(items, mine, "rollback").status == 410


def test_a_request_that_fails_is_undone_alone(items):
    mine = begin(items)
    items.post("/item", {"name": "three"}, Transaction=mine)
    response = items.post("/item", [{"name": "four"}, {"name": "one"}], Transaction=mine)
    assert (response.status, response.json["code"]) == (409, "23505")
    assert "already exists" in response.json["details"]
    assert items.error("/item?nothing=eq.1", 400, "42703", Transaction=mine)
    response = items.post("/item", {"name": "five"}, Transaction=mine, Prefer="tx=rollback")
    assert response.status == 201
    assert names(items, Transaction=mine) == ["one", "two", "three"]
    assert end(items, mine).status == 200
    assert names(items) == ["one", "two", "three"]


def test_the_count_and_ranges_work_within(items):
    mine = begin(items)
    items.post("/item", [{"name": "three"}, {"name": "four"}], Transaction=mine)
    response = items.get("/item?limit=1", Prefer="count=exact", Transaction=mine)
    assert (response.status, response.header("Content-Range")) == (206, "0-0/4")
    assert end(items, mine, "rollback").status == 200


@pytest.mark.parametrize("name", ["x", "0" * 32, "", "..", "a b"])
def test_who_names_no_transaction_is_told_so(items, name):
    assert items.error("/item", 410, "MD410", Transaction=name or "-")
    assert items.post("/-/transactions/%s/commit" % (name.replace(" ", "%20") or "-")).status == 410


def test_other_routes_take_none(items):
    mine = begin(items)
    assert items.error("/-/models", 400, "MD400", Transaction=mine)
    assert items.error("/", 400, "MD400", Transaction=mine)
    assert end(items, mine).status == 200
    assert items.get("/-/transactions").status == 405


def test_it_goes_with_its_requests_from_loop_to_loop(items):
    mine = begin(items)
    connections = [http.client.HTTPConnection(items.host, items.port, timeout=PATIENCE)
                   for _ in range(8)]
    for turn in range(40):
        response = items.request("PATCH", "/item?id=eq.1", {"Transaction": mine,
                                 "Content-Type": "application/json"}, b'{"size": %d}' % turn,
                                 connection=connections[turn % 8])
        assert response.status == 204, response
        response = items.request("GET", "/item/1", {"Transaction": mine},
                                 connection=connections[(turn * 5 + 3) % 8])
        assert response.json["size"] == turn
    assert end(items, mine).status == 200
    assert items.get("/item/1").json["size"] == 39
    for connection in connections:
        connection.close()


def test_only_one_request_at_a_time_is_in_it(items):
    mine = begin(items)
    items.post("/item", {"name": "three"}, Transaction=mine)

    def ask(number):
        connection = http.client.HTTPConnection(items.host, items.port, timeout=PATIENCE)
        try:
            return exchange(connection, "POST", "/item", {"Transaction": mine,
                            "Content-Type": "application/json"}, b'{"name": "n%d"}' % number)
        finally:
            connection.close()
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(ask, range(60)))
    assert {answer.status for answer in answers} <= {201, 409}
    assert all(answer.json["code"] == "MD409" for answer in answers if answer.status == 409)
    wanted = 3 + sum(answer.status == 201 for answer in answers)
    assert len(names(items, Transaction=mine)) == wanted
    assert end(items, mine).status == 200
    assert len(names(items)) == wanted


def test_one_that_is_idle_is_rolled_back(serve, database):
    server = serve(database(SCHEMA), transaction_idle="300ms", transaction_write_idle="300ms")
    mine = begin(server)
    server.post("/item", {"name": "three"}, Transaction=mine)
    time.sleep(0.15)
    assert len(names(server, Transaction=mine)) == 3
    wait_until(lambda: server.metric("modeld_transactions_open") == 0)
    assert server.error("/item", 410, "MD410", Transaction=mine)
    assert end(server, mine).status == 410
    assert names(server) == ["one", "two"]
    assert server.metric("modeld_transactions_expired_total") == 1
    assert server.post("/item", {"name": "four"}).status == 201


def test_one_that_is_old_is_rolled_back_although_it_is_busy(serve, database):
    server = serve(database(SCHEMA), transaction_lifetime="1s")
    mine = begin(server)
    ends = time.monotonic() + 20
    status = 201
    while status != 410 and time.monotonic() < ends:
        status = server.post("/item", {}, Transaction=mine).status
        assert status in (201, 410)
    assert status == 410
    assert names(server) == ["one", "two"]


@pytest.mark.sqlite("there is one writer")
def test_other_writes_wait_and_reads_do_not(items):
    mine = begin(items)
    assert items.post("/-/transactions").status == 503
    items.post("/item", {"name": "three"}, Transaction=mine)
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        other = pool.submit(exchange,
                            http.client.HTTPConnection(items.host, items.port, timeout=PATIENCE),
                            "POST", "/item", {"Content-Type": "application/json"},
                            b'{"name": "other"}')
        for _ in range(5):
            assert names(items) == ["one", "two"]
        assert not other.done()
        assert end(items, mine).status == 200
        assert other.result().status == 201
    assert names(items) == ["one", "two", "three", "other"]


@pytest.mark.sqlite("a snapshot of the whole database is what SQLite has")
def test_what_was_read_must_not_have_changed_before_the_first_write(items):
    mine = begin(items)
    assert names(items, Transaction=mine) == ["one", "two"]
    assert items.post("/item", {"name": "other"}).status == 201
    assert names(items, Transaction=mine) == ["one", "two"]
    response = items.post("/item", {"name": "three"}, Transaction=mine)
    assert response.json["code"] == "40001"
    assert end(items, mine, "rollback").status == 200


@pytest.mark.postgresql("connections of a pool")
def test_at_most_half_of_the_pool_is_held(serve, database):
    server = serve(database(SCHEMA), pool_size=4, max_overflow=2, threads=1)
    held = [begin(server) for _ in range(3)]
    response = server.post("/-/transactions")
    assert (response.status, response.json["code"]) == (503, "MD503")
    assert response.header("Retry-After")
    for number, transaction in enumerate(held):
        assert server.post("/item", {"name": f"t{number}"}, Transaction=transaction).status == 201
    for number in range(20):
        assert server.post("/item", {"name": f"x{number}"}).status == 201
        assert server.get("/item?select=id,size&order=size.desc,id&limit=3").status == 200
    for transaction in held:
        assert end(server, transaction).status == 200
    assert len(names(server)) == 25
    assert server.metric("modeld_transactions_open") == 0


@pytest.mark.postgresql("SQLite checks its keys at the end of each request's savepoint")
def test_a_commit_may_fail(serve, database):
    server = serve(database("""
        CREATE TABLE parent (id int PRIMARY KEY);
        CREATE TABLE child (id int PRIMARY KEY,
            parent_id int REFERENCES parent DEFERRABLE INITIALLY DEFERRED);"""))
    mine = begin(server)
    assert server.post("/child", {"id": 1, "parent_id": 1}, Transaction=mine).status == 201
    response = end(server, mine)
    assert (response.status, response.json["code"]) == (409, "23503")
    assert server.rows("/child") == []
    mine = begin(server)
    assert server.post("/child", {"id": 1, "parent_id": 1}, Transaction=mine).status == 201
    assert server.post("/parent", {"id": 1}, Transaction=mine).status == 201
    assert end(server, mine).status == 200
    assert server.rows("/child") == [{"id": 1, "parent_id": 1}]


def test_a_client_that_goes_away_leaves_nothing(serve, database):
    server = serve(database(SCHEMA), transaction_idle="500ms", transaction_write_idle="500ms",
                   threads=2)
    for _ in range(5):
        mine = begin(server)
        head = f"POST /item HTTP/1.1\r\nHost: x\r\nTransaction: {mine}\r\n" \
               "Content-Type: application/json\r\nContent-Length: 16\r\n\r\n"
        with server.connect() as sock:
            sock.sendall(head.encode() + b'{"name":"three"}')
        wait_until(lambda: server.metric("modeld_transactions_open") == 0)
    assert names(server) == ["one", "two"]
    assert server.post("/item", {"name": "four"}).status == 201


def test_a_shutdown_rolls_back_what_is_open(serve, database):
    db = database(SCHEMA)
    server = serve(db, threads=2)
    mine = begin(server)
    assert server.post("/item", {"name": "three"}, Transaction=mine).status == 201
    server.signal(signal.SIGTERM)
    assert server.process.wait(PATIENCE) == 0
    assert db.rows("SELECT count(*) FROM item") in ([(2,)], [["2"]], [(str(2),)])


def test_a_killed_daemon_leaves_nothing(serve, database):
    db = database(SCHEMA)
    server = serve(db)
    mine = begin(server)
    assert server.post("/item", {"name": "three"}, Transaction=mine).status == 201
    os.kill(server.process.pid, signal.SIGKILL)
    server.process.wait(PATIENCE)
    again = serve(db)
    assert names(again) == ["one", "two"]
    assert again.post("/item", {"name": "four"}).status == 201
    server.process.returncode = 0  # it was us
