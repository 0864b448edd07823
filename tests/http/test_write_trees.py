"""Rows of one body that refer to one another: what counts is what is there when all are written, as
in one statement. The engines answer alike."""
import http.client
import json
import threading

import pytest

from harness import PATIENCE, exchange

FULL = "return=representation"
MERGE = "resolution=merge-duplicates"
TABLES = """
    CREATE TABLE kind (id INTEGER PRIMARY KEY);
    CREATE TABLE node (
        id INTEGER PRIMARY KEY,
        parent_id INTEGER REFERENCES node (id),
        kind_id INTEGER REFERENCES kind (id),
        code TEXT UNIQUE,
        twin TEXT REFERENCES node (code));
    INSERT INTO kind VALUES (1);
    INSERT INTO node VALUES (1, NULL, 1, 'root', NULL);
"""
MODELS = """{"version": 1, "models": {"node": {
    "fields": {"id": "integer pk", "parent_id": "-> node?"}}}}"""


@pytest.fixture
def tree(serve, database):
    return serve(database(TABLES), threads=1, db_tx_end="commit-allow-override")


def ids(server):
    return server.column("/node?order=id")


@pytest.mark.parametrize("body", [
    [{"id": 3, "parent_id": 4}, {"id": 4, "parent_id": 1}],
    [{"id": 3, "parent_id": 4}, {"id": 4, "parent_id": 3}],
    [{"id": 3, "twin": "late", "code": "early"}, {"id": 4, "twin": "root", "code": "late"}]])
def test_a_row_may_refer_to_a_later_one(tree, body):
    response = tree.post("/node?select=id", body, Prefer=FULL)
    assert (response.status, response.json) == (201, [{"id": 3}, {"id": 4}])
    assert ids(tree) == [1, 3, 4]


def test_lines_of_csv_may_refer_to_later_ones(tree):
    assert tree.post("/node", "id,parent_id\n3,4\n4,1\n", Content_Type="text/csv").status == 201
    assert ids(tree) == [1, 3, 4]


def test_a_row_that_is_there_may_be_merged_to_refer_to_a_later_one(tree):
    response = tree.post("/node", [{"id": 1, "parent_id": 4}, {"id": 4, "parent_id": None}],
                         Prefer=MERGE)
    assert response.status == 201
    assert tree.get("/node/1").json["parent_id"] == 4


def test_a_model_may_refer_to_later_rows(serve, fresh, tmp_path):
    (tmp_path / "m.json").write_text(MODELS)
    server = serve(fresh, "--models", str(tmp_path / "m.json"))
    assert server.post("/node", [{"id": 3, "parent_id": 4}, {"id": 4, "parent_id": None}]).status == 201


def violation(key, value, table="node"):
    return {"code": "23503", "hint": None,
            "details": f'Key ({key})=({value}) is not present in table "{table}".',
            "message": 'insert or update on table "node" violates foreign key constraint '
                       f'"node_{key}_fkey"'}


@pytest.mark.parametrize("body, error", [
    ([{"id": 3, "parent_id": 4}, {"id": 4, "parent_id": 99}], violation("parent_id", 99)),
    ([{"id": 3, "parent_id": 98}, {"id": 4, "parent_id": 99}], violation("parent_id", 98)),
    ([{"id": 3, "parent_id": 4, "kind_id": 1}, {"id": 4, "parent_id": 1, "kind_id": 9}],
     violation("kind_id", 9, "kind")),
    ([{"id": 3, "twin": "no", "code": "a"}, {"id": 4, "twin": "a", "code": "b"}],
     violation("twin", "no")),
    ([{"id": 3, "parent_id": 4}], violation("parent_id", 4))])
@pytest.mark.parametrize("prefer", ["tx=commit", "tx=rollback"])
def test_what_is_not_there_in_the_end_is_told(tree, body, error, prefer):
    response = tree.post("/node", body, Prefer=prefer)
    assert (response.status, response.json) == (409, error)
    assert ids(tree) == [1]


def test_other_constraints_are_told_first(tree):
    response = tree.post("/node", [{"id": 3, "parent_id": 99, "code": "x"},
                                   {"id": 4, "parent_id": 99, "code": "root"}])
    assert (response.status, response.json["code"]) == (409, "23505")
    assert ids(tree) == [1]


def test_a_dry_run_keeps_nothing(tree):
    response = tree.post("/node", [{"id": 3, "parent_id": 4}, {"id": 4, "parent_id": 1}],
                         Prefer="tx=rollback")
    assert (response.status, ids(tree)) == (201, [1])


def test_neighbours_in_a_commit_are_looked_at_by_themselves(tree):
    """Each client's requests are one of a kind, so the answers do not depend on who shares a commit."""
    clients, rounds, wrong = 6, 12, []

    def work(number):
        connection = http.client.HTTPConnection(tree.host, tree.port, timeout=PATIENCE)
        for i in range(rounds):
            a = 1000 * (number + 1) + 2 * i
            body, want = [
                ([{"id": a, "parent_id": a + 1}, {"id": a + 1, "parent_id": 1}], (201, None)),
                ([{"id": a, "parent_id": a + 1}], (409, f"Key (parent_id)=({a + 1}) is not")),
                ([{"id": a, "parent_id": a + 1}, {"id": a + 1, "parent_id": 7}],
                 (409, "Key (parent_id)=(7) is not"))][number % 3]
            answer = exchange(connection, "POST", "/node", {"Content-Type": "application/json"},
                              json.dumps(body))
            details = None if answer.status == 201 else str(answer.json["details"])
            if answer.status != want[0] or (want[1] and not details.startswith(want[1])):
                wrong.append(answer)
        connection.close()
    threads = [threading.Thread(target=work, args=(number,)) for number in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
    assert len(ids(tree)) == 1 + clients // 3 * rounds * 2


@pytest.mark.sqlite("PostgreSQL looks at a statement as a whole there, too")
def test_in_a_transaction_over_several_requests_rows_refer_to_earlier_ones_only(tree):
    session = tree.post("/-/transactions").json["id"]
    forward = [{"id": 3, "parent_id": 4}, {"id": 4, "parent_id": 1}]
    response = tree.post("/node", forward, Transaction=session)
    assert (response.status, response.json) == (409, violation("parent_id", 4))
    assert tree.post("/node", forward[::-1], Transaction=session).status == 201
    assert tree.post(f"/-/transactions/{session}/commit").status == 200
    assert ids(tree) == [1, 3, 4]
