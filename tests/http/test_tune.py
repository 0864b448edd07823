"""PATCH /-/pool and PATCH /-/log: what an administrator changes while the daemon runs."""
import json

import pytest

from harness import UnixConnection, exchange, wait_until

SCHEMA = "CREATE TABLE item (id INTEGER PRIMARY KEY, name TEXT); INSERT INTO item VALUES (1, 'one');"


@pytest.fixture
def server(serve, database):
    return serve(database(SCHEMA), pool_size=2, max_overflow=1)


def patch(server, target, body):
    connection = UnixConnection(server.admin_path)
    try:
        return exchange(connection, "PATCH", target, {"Content-Type": "application/json"},
                        json.dumps(body).encode() if not isinstance(body, bytes) else body)
    finally:
        connection.close()


def log_of(server):
    return server.admin("/-/log").json


@pytest.mark.postgresql("connections of a pool")
def test_the_pool_can_be_resized(server):
    response = patch(server, "/-/pool", {"pool_size": 7, "max_overflow": 4})
    assert response.status == 200, response
    assert (response.json["size"], response.json["max_overflow"]) == (7, 4)
    held = [server.post("/-/transactions").json["id"] for _ in range(5)]
    for transaction in held:
        assert server.get("/item", Transaction=transaction).status == 200
    assert server.admin("/-/pool").json["in_use"] == 5
    for transaction in held:
        server.post(f"/-/transactions/{transaction}/rollback")
    assert patch(server, "/-/pool", {"pool_size": 3, "max_overflow": 0}).json["size"] == 3
    wait_until(lambda: server.admin("/-/pool").json["idle"] <= 3)
    assert server.get("/item").status == 200


@pytest.mark.sqlite("readers stand for the pool")
def test_readers_can_be_more_or_fewer(server):
    assert patch(server, "/-/pool", {"pool_size": 1}).json["size"] == 1
    assert len(server.rows("/item?name=like.*n*")) == 1
    assert patch(server, "/-/pool", {"pool_size": 2}).json["size"] == 2
    assert len(server.rows("/item?name=like.*n*")) == 1


def test_statements_can_be_told_for_a_while(server):
    assert log_of(server) == {"echo": False, "echo_pool": False}
    response = patch(server, "/-/log", {"echo": "debug", "for": 1})
    assert (response.status, response.json) == (200, {"echo": "debug", "echo_pool": False})
    assert server.get("/item?name=eq.one").status == 200
    wait_until(lambda: "'one'" in server.log())
    wait_until(lambda: log_of(server)["echo"] is False)
    length = len(server.log())
    assert server.get("/item?name=eq.other").status == 200
    assert "'other'" not in server.log()[length:]


def test_statements_can_be_told_until_they_are_not_any_more(server):
    assert patch(server, "/-/log", {"echo": True}).json["echo"] is True
    assert server.get("/item?id=gt.0").status == 200
    wait_until(lambda: "sql: SELECT" in server.log())
    assert patch(server, "/-/log", {"echo": False}).json["echo"] is False


def test_a_reload_keeps_what_was_changed(server):
    assert patch(server, "/-/log", {"echo": True}).status == 200
    assert server.admin("/-/reload", "POST").status == 200
    assert log_of(server)["echo"] is True


@pytest.mark.parametrize("target, body", [
    ("/-/pool", {"pool_size": -1}), ("/-/pool", {"pool_size": "many"}), ("/-/pool", {"echo": True}),
    ("/-/pool", {"db_url": "sqlite:///x"}), ("/-/log", {"echo": "loud"}), ("/-/log", {"for": 0}),
    ("/-/log", {"echo": True, "for": "long"}), ("/-/log", {"nothing": 1}), ("/-/log", b"["),
    ("/-/pool", b"[]"), ("/-/log", {"echo": True, "pool_size": 1})])
def test_what_cannot_be_is_refused_and_nothing_changes(server, target, body):
    before = log_of(server), server.admin("/-/pool").json["size"]
    server.expect_error("reload failed|pool_size|echo|configuration")
    response = patch(server, target, body)
    assert response.status == 400, response
    assert (log_of(server), server.admin("/-/pool").json["size"]) == before


def test_nothing_to_change_is_fine(server):
    assert patch(server, "/-/log", {}).json == {"echo": False, "echo_pool": False}


def test_the_public_listener_knows_nothing_of_it(server):
    assert server.patch("/-/log", {"echo": True}).status == 404
    assert server.patch("/-/pool", {"pool_size": 1}).status == 404
