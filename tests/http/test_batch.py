"""POST /-/batch: many operations, one transaction."""
import concurrent.futures
import http.client
import json
import os
import signal
import threading

import pytest

from harness import Modeld, PATIENCE, exchange, wait_until

SCHEMA = """
    PRAGMA journal_mode = WAL;
    CREATE TABLE author (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
    CREATE TABLE post (id INTEGER PRIMARY KEY, author_id INTEGER NOT NULL REFERENCES author,
                       title TEXT, size INTEGER CHECK (size < 100));
    INSERT INTO author (id, name) VALUES (1, 'Ann');
"""
FULL = {"Prefer": "return=representation"}


@pytest.fixture(scope="module")
def daemon(engine, tmp_path_factory):
    folder = tmp_path_factory.mktemp("batch")
    db = engine.database(folder, SCHEMA, "batch.db")
    server = Modeld(db.url, folder=folder,
                    settings={"threads": 2, "db-tx-end": "commit-allow-override"})
    server.db = db
    yield server
    server.stop()


@pytest.fixture
def blog(daemon):
    daemon.db.run("DELETE FROM post; DELETE FROM author; "
                  "INSERT INTO author (id, name) VALUES (1, 'Ann');")
    return daemon


def batch(server, operations, status=200, **headers):
    response = server.post("/-/batch", operations, **headers)
    assert response.status == status, response
    return response.json


def post(path, body, **more):
    return {"method": "POST", "path": path, "body": body, **more}


def authors(server):
    return server.column("/author?order=id", "name")


def test_operations_are_answered_in_their_order(blog):
    answers = batch(blog, [
        post("/author", {"name": "Bob"}, id="first"),
        post("/post?select=id,title", [{"author_id": 1, "title": "a"}, {"author_id": 1, "title": "b"}],
             headers=FULL),
        {"method": "PATCH", "path": "/author?id=eq.1", "body": {"name": "Anna"}},
        {"method": "PUT", "path": "/author/7", "body": {"id": 7, "name": "Gil"}},
        {"method": "DELETE", "path": "/post/2"},
        {"path": "/author?select=name&order=id"},
        {"method": "HEAD", "path": "/author", "headers": {"Prefer": "count=exact"}},
        {"path": "/post/1/author"},
    ])
    assert [answer["status"] for answer in answers] == [201, 201, 204, 204, 204, 200, 200, 200]
    assert answers[0] == {"id": "first", "status": 201, "headers": {"Content-Range": "*/*"},
                          "body": None}
    assert answers[1]["body"] == [{"id": 1, "title": "a"}, {"id": 2, "title": "b"}]
    assert answers[1]["headers"]["Preference-Applied"] == "return=representation"
    assert answers[5]["body"] == [{"name": "Anna"}, {"name": "Bob"}, {"name": "Gil"}]
    assert answers[6]["headers"]["Content-Range"] == "0-2/3" and answers[6]["body"] is None
    assert answers[7]["body"] == {"id": 1, "name": "Anna"}
    assert "id" not in answers[1]


def test_references_take_values_of_answers_before(blog):
    answers = batch(blog, [
        post("/author", {"name": "Bob"}, id="a"),
        post("/post", {"author_id": {"$ref": "a.id"}, "title": {"$ref": "a.name"}}, id="p"),
        {"path": "/post?select=title,author(name)&id=eq.${p.id}", "id": "r"},
        {"method": "PATCH", "path": "/author/${a.id}", "body": {"name": "${a.name}!"}},
        {"path": "/author/${a.id}"},
    ])
    assert answers[2]["body"] == [{"title": "Bob", "author": {"name": "Bob"}}]
    assert answers[4]["body"] == {"id": 2, "name": "${a.name}!"}


def test_a_reference_keeps_digits_and_escapes(serve, database):
    server = serve(database("CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT, n NUMERIC);"))
    name = 'q"\\ü\n, and/or=${x.y}'
    answers = batch(server, [
        post("/t", {"id": 1, "a": name, "n": 12.5}, id="one"),
        post("/t", {"id": 2, "a": {"$ref": "one.a"}, "n": {"$ref": "one.n"}}, headers=FULL),
        {"path": "/t?a=eq.${one.a}&select=id&order=id"},
    ])
    assert answers[1]["body"] == [{"id": 2, "a": name, "n": 12.5}]
    assert answers[2]["body"] == [{"id": 1}, {"id": 2}]


@pytest.mark.parametrize("reference, says", [
    ("b.id", "no operation before"), ("later.id", "no operation before"), ("a", "id.field"),
    ("a.nothing", "no such field"), ("none.id", "has given no rows")])
def test_a_reference_to_nothing_undoes_all(blog, reference, says):
    error = batch(blog, [
        post("/author", {"name": "Bob"}, id="a"),
        {"path": "/author?id=eq.99", "id": "none"},
        post("/post", {"author_id": {"$ref": reference}}),
        post("/author", {"name": "Cem"}, id="later"),
    ], 400)
    assert error["code"] == "MD400" and says in error["message"]
    assert error["operation"] == {"index": 2, "id": None}
    assert authors(blog) == ["Ann"]


FAILURES = [
    (post("/author", {"name": "Ann"}), 409, "23505"),
    (post("/post", {"author_id": 99}), 409, "23503"),
    (post("/post", {"author_id": 1, "size": 100}), 400, "23514"),
    (post("/post", {"nothing": 1}), 400, "PGRST204"),
    (post("/nothing", {"a": 1}), 404, "PGRST205"),
    ({"path": "/author?nothing=eq.1"}, 400, "42703"),
    ({"path": "/author/99"}, 404, "MD404"),
    ({"method": "FOO", "path": "/author"}, 405, "PGRST117"),
    ({"path": "/-/models"}, 400, "MD400"),
    ({"method": "POST", "path": "/-/batch", "body": []}, 400, "MD400"),
    ({"method": "OPTIONS", "path": "/author"}, 400, "MD400"),
    (post("/author", "[{]"), 400, "PGRST102"),
]


@pytest.mark.parametrize("operation, status, code", FAILURES)
def test_all_of_them_happen_or_none_does(blog, operation, status, code):
    error = batch(blog, [post("/author", {"name": "Bob"}), {**operation, "id": "bad"},
                         post("/author", {"name": "Cem"})], status)
    assert error["code"] == code
    assert error["operation"] == {"index": 1, "id": "bad"}
    assert set(error) == {"code", "message", "details", "hint", "operation"}
    assert authors(blog) == ["Ann"]


@pytest.mark.parametrize("operation, status, code", FAILURES)
def test_those_that_can_happen_do_when_that_is_wanted(blog, operation, status, code):
    answers = batch(blog, {"continue_on_error": True, "operations": [
        post("/author", {"name": "Bob"}), operation, post("/author", {"name": "Cem"})]})
    assert [answer["status"] for answer in answers] == [201, status, 201]
    assert answers[1]["body"]["code"] == code
    assert authors(blog) == ["Ann", "Bob", "Cem"]


def test_a_reference_to_what_failed_fails_too(blog):
    answers = batch(blog, {"continue_on_error": True, "operations": [
        post("/author", {"name": "Ann"}, id="a"),
        post("/post", {"author_id": {"$ref": "a.id"}}),
        post("/author", {"name": "Bob"})]})
    assert [answer["status"] for answer in answers] == [409, 400, 201]
    assert "has failed" in answers[1]["body"]["message"]


@pytest.mark.parametrize("form", [lambda list_: list_,
                                  lambda list_: {"operations": list_, "continue_on_error": True}])
def test_a_rehearsal_tells_all_and_keeps_nothing(blog, form):
    answers = batch(blog, form([post("/author?select=id", {"name": "Bob"}, headers=FULL),
                                {"method": "DELETE", "path": "/author?id=eq.1"}]),
                    Prefer="tx=rollback")
    assert [answer["status"] for answer in answers] == [201, 204]
    assert answers[0]["body"] == [{"id": 2}]
    assert authors(blog) == ["Ann"]


@pytest.mark.parametrize("body, code", [
    ("", "MD400"), ("1", "MD400"), ('""', "MD400"), ("{}", "MD400"), ('{"operations":1}', "MD400"),
    ('{"operations":{}}', "MD400"), ('{"operations":[],"continue_on_error":1}', "MD400"),
    ('[1]', "22023"), ('{"operations":[1]}', "22023"), ('[{}]', "MD400"), ('[{"path":1}]', "MD400"), ('[{"path":"x"}]', "MD400"),
    ('[{"path":"/author","method":1}]', "MD400"), ('[{"path":"/author","id":1}]', "MD400"),
    ('[{"path":"/author","headers":[]}]', "MD400"), ('[{"path":"/author","body":1}]', "MD400"),
    ('[{"path":"/author","headers":{"a":1}}]', "MD400"),
    ('[{"path":"/author","id":"a"},{"path":"/author","id":"a"}]', "MD400"), ("[", "PGRST102")])
def test_what_is_no_batch_is_refused(blog, body, code):
    response = blog.post("/-/batch", body)
    assert response.status == 400, response
    assert response.json["code"] == code
    assert authors(blog) == ["Ann"]


def test_an_empty_batch_is_fine(blog):
    assert batch(blog, []) == []
    assert batch(blog, {"operations": []}) == []
    assert blog.get("/-/batch").status == 405


def test_operations_and_answers_have_limits(serve, database):
    server = serve(database(SCHEMA), batch_operations=5, request_memory="1MiB",
                   body="512KiB")
    assert len(batch(server, [{"path": "/author"}] * 5)) == 5
    response = server.post("/-/batch", [{"path": "/author"}] * 6)
    assert (response.status, response.json["code"]) == (413, "MD413")
    server.post("/post", {"author_id": 1, "title": "x" * 300_000})
    response = server.post("/-/batch", [{"path": "/post"}] * 5)
    assert response.status >= 400 and response.json["code"] == "54000"
    assert batch(server, [{"path": "/author"}])[0]["status"] == 200


def test_a_thousand_inserts_are_one_commit(blog):
    before = blog.metric("modeld_db_commits_total") if blog.engine == "sqlite" else 0
    answers = batch(blog, [post("/author", {"name": f"n{i}"}) for i in range(1000)])
    assert {answer["status"] for answer in answers} == {201}
    assert len(authors(blog)) == 1001
    if blog.engine == "sqlite":
        assert blog.metric("modeld_db_commits_total") == before + 1


def test_one_bad_insert_of_a_thousand_is_named(blog):
    operations = [post("/author", {"name": f"n{i}"}) for i in range(1000)]
    operations[700]["body"] = {"name": "Ann"}
    error = batch(blog, operations, 409)
    assert error["operation"]["index"] == 700
    assert authors(blog) == ["Ann"]


def test_batches_at_once_do_not_disturb_each_other(blog):
    def work(number):
        connection = http.client.HTTPConnection(blog.host, blog.port, timeout=PATIENCE)
        answers = []
        for turn in range(10):
            operations = [post("/author", {"name": f"{number}.{turn}"}, id="a"),
                          post("/post", {"author_id": {"$ref": "a.id"}}),
                          post("/author", {"name": "Ann" if turn % 3 == 0 else f"{number}.{turn}b"})]
            answers.append(exchange(connection, "POST", "/-/batch",
                                    {"Content-Type": "application/json"},
                                    json.dumps(operations).encode()).status)
        connection.close()
        return answers
    with concurrent.futures.ThreadPoolExecutor(6) as pool:
        for answers in pool.map(work, range(6)):
            assert answers == [409 if turn % 3 == 0 else 200 for turn in range(10)]
    assert len(authors(blog)) == 1 + 6 * 6 * 2
    assert len(blog.rows("/post")) == 36


def test_a_client_that_goes_away_leaves_all_or_nothing(blog):
    operations = [post("/author", {"name": f"n{i}"}, id=f"o{i}") for i in range(300)]
    operations.append({"path": "/author?id=eq.${o0.id}"})
    body = json.dumps(operations).encode()
    head = "POST /-/batch HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n" \
           f"Content-Length: {len(body)}\r\n\r\n"
    with blog.connect() as sock:
        sock.sendall(head.encode() + body)
    wait_until(lambda: blog.metric("modeld_requests_in_flight") <= 1)
    assert len(authors(blog)) in (1, 301)
    assert blog.post("/author", {"name": "after"}).status == 201


def test_a_killed_daemon_leaves_no_torn_batch(serve, database):
    db = database(SCHEMA)
    server = serve(db, threads=2)
    told, stop = [], threading.Event()

    def work(number):
        connection = http.client.HTTPConnection(server.host, server.port, timeout=PATIENCE)
        for turn in range(10_000):
            name = f"{number}.{turn}"
            operations = [post("/author", {"name": f"{name}.{i}"}, id=f"o{i}") for i in range(5)]
            if turn % 2:
                operations.append({"path": "/author/${o0.id}"})
            try:
                answer = exchange(connection, "POST", "/-/batch",
                                  {"Content-Type": "application/json"},
                                  json.dumps(operations).encode())
            except (OSError, http.client.HTTPException):
                return
            assert answer.status == 200, answer
            told.append(name)
    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    wait_until(lambda: len(told) > 40)
    os.kill(server.process.pid, signal.SIGKILL)
    for thread in threads:
        thread.join(PATIENCE)
    server.process.wait(PATIENCE)
    server.process.returncode = 0  # it was us
    stop.set()
    again = serve(db)
    counts = {}
    for name in authors(again)[1:]:
        batch_name = name.rsplit(".", 1)[0]
        counts[batch_name] = counts.get(batch_name, 0) + 1
    assert set(counts.values()) == {5}
    assert set(told) <= set(counts)
