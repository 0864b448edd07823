"""Idempotency-Key on POST and batches: what is asked happens once."""
import concurrent.futures
import http.client
import json
import os
import signal

import pytest

from harness import PATIENCE, exchange, wait_until

SCHEMA = """
    PRAGMA journal_mode = WAL;
    CREATE TABLE item (id INTEGER PRIMARY KEY, name TEXT UNIQUE, size INTEGER);
    INSERT INTO item (id, name) VALUES (1, 'one');
"""
REPLAYED = "Idempotency-Replayed"


@pytest.fixture
def items(serve, database):
    return serve(database(SCHEMA), threads=2, db_tx_end="commit-allow-override")


def post(server, key, body, target="/item", **headers):
    return server.post(target, body, Idempotency_Key=key, **headers)


def names(server):
    return server.column("/item?order=id", "name")


def test_the_second_request_gets_the_answer_of_the_first(items):
    first = post(items, "k1", {"name": "two"}, "/item?select=id,name", Prefer="return=representation")
    assert (first.status, first.json) == (201, [{"id": 2, "name": "two"}])
    assert first.header(REPLAYED) is None
    again = post(items, "k1", {"name": "two"}, "/item?select=id,name", Prefer="return=representation")
    assert (again.status, again.body) == (first.status, first.body)
    assert again.header(REPLAYED) == "true"
    for name in ["Content-Type", "Content-Range", "Preference-Applied"]:
        assert again.header(name) == first.header(name)
    assert names(items) == ["one", "two"]


def test_a_location_is_told_again(items):
    first = post(items, "k1", {"name": "two"}, Prefer="return=headers-only")
    again = post(items, "k1", {"name": "two"}, Prefer="return=headers-only")
    assert first.header("Location") == again.header("Location") == "/item?id=eq.2"
    assert (again.status, again.body, again.header(REPLAYED)) == (201, b"", "true")


def test_an_answer_without_a_body_is_told_again(items):
    assert [post(items, "k", [{"name": "a"}, {"name": "b"}]).status for _ in range(3)] == [201] * 3
    assert names(items) == ["one", "a", "b"]


def test_a_row_below_another_is_added_once(serve, database):
    server = serve(database(SCHEMA + """
        CREATE TABLE part (id INTEGER PRIMARY KEY, item_id INTEGER REFERENCES item (id), name TEXT);"""))
    answers = [post(server, "k1", {"name": "screw"}, "/item/1/part",
                    Prefer="return=representation") for _ in range(3)]
    assert [answer.status for answer in answers] == [201] * 3, answers[0].text
    assert [answer.header(REPLAYED) for answer in answers] == [None, "true", "true"]
    assert len({answer.body for answer in answers}) == 1
    assert server.rows("/part") == [{"id": 1, "item_id": 1, "name": "screw"}]
    assert post(server, "k1", {"name": "nut"}, "/item/1/part").status == 422


def test_other_keys_and_no_keys_are_other_requests(items):
    for key in ["k1", "k2"]:
        assert post(items, key, {"size": 1}).status == 201
    assert items.post("/item", {"size": 1}).status == 201
    assert len(names(items)) == 4


@pytest.mark.parametrize("change", [
    {"body": {"name": "three"}}, {"target": "/item?select=id"}, {"Prefer": "return=representation"},
    {"Accept": "text/csv"}])
def test_a_key_belongs_to_one_request(items, change):
    assert post(items, "k1", {"name": "two"}).status == 201
    arguments = {"body": {"name": "two"}, **change}
    response = post(items, "k1", **arguments)
    assert (response.status, response.json["code"]) == (422, "MD422")
    assert names(items) == ["one", "two"]


def test_what_fails_is_not_kept(items):
    response = post(items, "k1", {"name": "one"})
    assert (response.status, response.json["code"]) == (409, "23505")
    assert response.header(REPLAYED) is None
    assert post(items, "k1", {"nothing": 1}).json["code"] == "PGRST204"
    items.patch("/item?id=eq.1", {"name": "uno"})
    assert post(items, "k1", {"name": "one"}).status == 201
    assert post(items, "k1", {"name": "one"}).header(REPLAYED) == "true"
    assert names(items) == ["uno", "one"]


def test_a_rehearsal_is_not_kept(items):
    assert post(items, "k1", {"name": "two"}, Prefer="tx=rollback").status == 201
    assert names(items) == ["one"]
    assert post(items, "k1", {"name": "two"}).status == 201
    assert names(items) == ["one", "two"]
    batch = [{"method": "POST", "path": "/item", "body": {"name": "three"}}]
    assert post(items, "k2", batch, "/-/batch", Prefer="tx=rollback").status == 200
    assert post(items, "k2", batch, "/-/batch").header(REPLAYED) is None
    assert names(items) == ["one", "two", "three"]


@pytest.mark.parametrize("operations", [
    [{"method": "POST", "path": "/item", "body": {"name": "a"}},
     {"method": "POST", "path": "/item", "body": {"name": "b"}}],
    [{"id": "x", "method": "POST", "path": "/item", "body": {"name": "a"}},
     {"path": "/item/${x.id}?select=name"}]])
def test_a_batch_happens_once(items, operations):
    first = post(items, "k1", operations, "/-/batch")
    assert first.status == 200, first
    again = post(items, "k1", operations, "/-/batch")
    assert (again.status, again.body, again.header(REPLAYED)) == (200, first.body, "true")
    assert len(names(items)) == len({*names(items)})
    bad = operations + [{"method": "POST", "path": "/item", "body": {"name": "one"}}]
    before = names(items)
    for _ in range(2):
        response = post(items, "k2", bad, "/-/batch")
        assert (response.status, response.header(REPLAYED)) == (409, None)
    assert names(items) == before


def test_many_at_once_happen_once(items):
    def ask(_):
        connection = http.client.HTTPConnection(items.host, items.port, timeout=PATIENCE)
        try:
            return exchange(connection, "POST", "/item?select=id",
                            {"Idempotency-Key": "k1", "Content-Type": "application/json",
                             "Prefer": "return=representation"}, b'{"name":"two"}')
        finally:
            connection.close()
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(ask, range(32)))
    assert all(answer.status == 201 for answer in answers), answers
    assert len({answer.body for answer in answers}) == 1
    assert sum(answer.header(REPLAYED) is None for answer in answers) == 1
    assert names(items) == ["one", "two"]


def test_it_survives_a_kill(serve, database):
    db = database(SCHEMA)
    server = serve(db)
    assert post(server, "k1", {"name": "two"}).status == 201
    os.kill(server.process.pid, signal.SIGKILL)
    server.process.wait(PATIENCE)
    server.process.returncode = 0  # it was us
    again = serve(db)
    response = post(again, "k1", {"name": "two"})
    assert (response.status, response.header(REPLAYED)) == (201, "true")
    assert names(again) == ["one", "two"]


def test_answers_are_kept_for_a_while(serve, database):
    server = serve(database(SCHEMA), idempotency_lifetime="1s")
    assert post(server, "k1", {"size": 1}).status == 201
    wait_until(lambda: post(server, "k1", {"size": 1}).header(REPLAYED) is None)
    assert len(names(server)) == 3


@pytest.mark.parametrize("key", ["", "a b", "x" * 256, "ä"])
def test_keys_have_a_form(items, key):
    response = items.request("POST", "/item", {"Content-Type": "application/json",
                             "Idempotency-Key": key.encode().decode("latin-1")}, b'{"name":"two"}')
    assert (response.status, response.json["code"]) == (400, "MD400")
    assert names(items) == ["one"]


def test_it_means_nothing_elsewhere(items):
    for _ in range(2):
        response = items.patch("/item?id=eq.1", {"size": 3}, Idempotency_Key="k1")
        assert (response.status, response.header(REPLAYED)) == (204, None)
        assert items.get("/item", Idempotency_Key="k1").status == 200


def test_its_table_is_served_to_nobody(items):
    assert post(items, "k1", {"name": "two"}).status == 201
    items.signal(signal.SIGHUP)
    wait_until(lambda: items.metric("modeld_reloads_total") >= 1)
    assert items.get("/_modeld_idempotency").status == 404
    assert "_modeld" not in items.get("/").text
    assert "_modeld" not in items.get("/-/models").text


def test_a_transaction_has_keys_of_none(items):
    mine = items.post("/-/transactions").json["id"]
    response = post(items, "k1", {"name": "two"}, Transaction=mine)
    assert (response.status, response.json["code"]) == (400, "MD400")
    assert items.post(f"/-/transactions/{mine}/rollback").status == 200


def test_a_client_that_goes_away_has_done_it_or_not(items):
    body = json.dumps({"name": "two"}).encode()
    head = "POST /item HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n" \
           f"Idempotency-Key: k1\r\nContent-Length: {len(body)}\r\n\r\n"
    for _ in range(10):
        with items.connect() as sock:
            sock.sendall(head.encode() + body)
    wait_until(lambda: items.metric("modeld_requests_in_flight") <= 1)
    assert post(items, "k1", {"name": "two"}).status in (201, 422)
    assert names(items) == ["one", "two"]
