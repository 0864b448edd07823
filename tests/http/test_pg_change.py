"""Tables of PostgreSQL change while they are served: clients get right answers without a reload,
and whoever names what never existed keeps nobody at work."""
import contextlib
import http.client
import itertools
import json
import threading
import time

import pytest

from harness import PATIENCE, daemons_of, exchange, signal, wait_until
from pg_load import Load, SCHEMA as LOADED, Session
from postgres import Postgres

SCHEMA = LOADED + """
CREATE TYPE mood AS ENUM ('calm', 'wild');
CREATE TABLE cat (id int PRIMARY KEY, name text, mood mood DEFAULT 'calm', a int, b int);
INSERT INTO cat SELECT i, 'cat ' || i, 'calm', i, i FROM generate_series(1, 50) i;
"""

pytestmark = pytest.mark.postgresql("others change its tables")


@pytest.fixture(scope="module", name="server")
def make_server():
    with contextlib.closing(Postgres()) as server:
        yield server


@pytest.fixture(name="start")
def make_start(server):
    server.sql(SCHEMA)
    with daemons_of(server, threads=2) as start:
        yield start


class Readers:
    """Threads that ask for these targets; `wrong` has the answers that `right` does not like."""

    def __init__(self, daemon, targets, right, count=4):
        self.daemon, self.targets, self.right = daemon, targets, right
        self.wrong, self.answers, self.stopping = [], 0, threading.Event()
        self.threads = [threading.Thread(target=self._work, args=(i,)) for i in range(count)]

    def _work(self, first):
        connection = http.client.HTTPConnection(self.daemon.host, self.daemon.port,
                                                timeout=PATIENCE)
        for turn in itertools.count(first):
            if self.stopping.is_set():
                break
            method, target, body = self.targets[turn % len(self.targets)]
            response = exchange(connection, method, target,
                                {"Content-Type": "application/json"}, body)
            self.answers += 1
            if not self.right(response):
                self.wrong.append((method, target, response))
        connection.close()

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.stopping.set()
        for thread in self.threads:
            thread.join()


def reloads_of(daemon):
    return daemon.metric("modeld_reloads_total")


def test_a_changed_column_is_served_without_a_reload(start, server):
    modeld = start(threads=1)
    for _ in range(3):  # from the second time on it is prepared
        assert modeld.rows("/cat?id=eq.1&select=id,name") == [{"id": 1, "name": "cat 1"}]
    server.sql("ALTER TABLE cat ALTER name TYPE int USING id, ADD fresh text")
    assert modeld.get("/cat?id=eq.1&select=id,name").status == 200
    wait_until(lambda: modeld.get("/cat?select=fresh").status == 200, "the new column")
    assert modeld.rows("/cat?id=eq.1&select=id,name") == [{"id": 1, "name": 1}]
    assert modeld.rows("/cat?name=eq.1&select=id") == [{"id": 1}]
    assert reloads_of(modeld) == 1
    modeld.wait_log("the database has changed: read it anew generation=2")


def test_a_dropped_column_is_noticed_by_the_request_that_misses_it(start, server):
    modeld = start(threads=1)
    assert set(modeld.rows("/cat?id=eq.1")[0]) == {"id", "name", "mood", "a", "b"}
    server.sql("ALTER TABLE cat DROP COLUMN b")
    assert set(modeld.rows("/cat?id=eq.1")[0]) == {"id", "name", "mood", "a"}
    server.sql("ALTER TABLE cat DROP COLUMN a")
    response = modeld.post("/cat?select=id,name", {"id": 99, "name": "new"},
                           Prefer="return=representation")
    assert (response.status, response.json) == (201, [{"id": 99, "name": "new"}])
    assert set(modeld.rows("/cat?id=eq.1")[0]) == {"id", "name", "mood"}
    modeld.error("/cat?select=a", 400, "42703")


def test_a_dropped_table_is_noticed(start, server):
    modeld = start()
    assert modeld.get("/cat?id=eq.1").status == 200
    server.sql("DROP TABLE cat")
    modeld.error("/cat?id=eq.1", 404, "PGRST205")
    server.sql("CREATE TABLE cat (nr int PRIMARY KEY)")
    modeld.signal(signal.SIGUSR1)
    wait_until(lambda: modeld.get("/cat").status == 200, "the new table")
    assert modeld.put("/cat/5", {"nr": 5}).status in (200, 201, 204)


def test_a_column_that_comes_and_goes_under_load_leaves_right_answers(start, server):
    modeld = start()
    targets = [("GET", "/cat?order=id&limit=3", None), ("GET", "/cat/7", None),
               ("PATCH", "/cat?id=eq.9", b'{"name": "x"}'), ("GET", "/cat", None),
               ("POST", "/cat?on_conflict=id", b'{"id": 9, "name": "y"}')]
    with Readers(modeld, targets, lambda r: r.status in (200, 204, 409) and r.body != b"[]") as readers:
        for turn in range(6):
            server.sql("ALTER TABLE cat ADD extra int DEFAULT 5, ALTER a TYPE "
                       + ("int" if turn % 2 else "bigint"))
            time.sleep(0.3 * (turn % 3))
            server.sql("ALTER TABLE cat DROP extra")
            time.sleep(0.2)
        before = readers.answers
        wait_until(lambda: readers.answers > before + 50, "answers")
    assert not readers.wrong, readers.wrong[:3]
    assert set(modeld.rows("/cat?id=eq.7")[0]) == {"id", "name", "mood", "a", "b"}
    assert reloads_of(modeld) >= 1
    with Load(modeld) as load:
        wait_until(lambda: len(load.good["read"]) > 20, "reads")
    assert not load.codes, load.codes


@pytest.mark.parametrize("lanes", [{}, {"pool_size": 2, "max_overflow": 0}])
def test_a_read_that_waits_for_a_table_that_is_written_anew_finds_its_rows(start, server, lanes):
    modeld = start(**lanes)
    assert len(modeld.rows("/cat")) == 50
    found = []
    with Session(server) as other:
        for kind in ("bigint", "int", "bigint"):
            other.run(f"BEGIN; ALTER TABLE cat ALTER a TYPE {kind}")
            reader = threading.Thread(target=lambda: found.append(len(modeld.rows("/cat"))))
            reader.start()
            wait_until(lambda: server.sql("SELECT count(*) FROM pg_locks WHERE NOT granted") != "0",
                       "a read that waits")
            other.run("COMMIT")
            reader.join(PATIENCE)
    assert found == [50, 50, 50]


def test_columns_that_change_their_type_under_load_are_written_and_filtered(start, server):
    modeld = start()
    targets = [("GET", "/cat?a=gte.1&order=id&limit=2", None),
               ("PATCH", "/cat?id=eq.9", b'{"a": 9}'), ("GET", "/cat?select=id,a&id=eq.3", None)]
    with Readers(modeld, targets, lambda r: r.status in (200, 204)) as readers:
        for kind in ["text", "int", "numeric", "bigint", "text", "int"]:
            server.sql(f"ALTER TABLE cat ALTER a TYPE {kind} USING a::{kind}")
            time.sleep(0.15)
    assert not readers.wrong, readers.wrong[:3]
    for _ in range(20):  # prepared on every connection, and with the last type
        assert modeld.rows("/cat?select=id,a&id=eq.3") == [{"id": 3, "a": 3}]
        time.sleep(0.1)
    server.sql("ALTER TABLE cat ALTER a TYPE text")
    wait_until(lambda: modeld.rows("/cat?select=id,a&id=eq.3") == [{"id": 3, "a": "3"}],
               "the new type")
    assert modeld.patch("/cat?id=eq.9", {"a": "nine"}).status == 204
    assert modeld.rows("/cat?a=eq.nine&select=id") == [{"id": 9}]


ALTERED = [  # the type and values before, those after, and what is to be given
    ("int", "5", "text USING 'nine'", "nine"),
    ("int", "5", "bool USING true", True),
    ("bool", "true", "int USING 7", 7),
    ("bool", "true", "text USING 'x'", "x"),
    ("text", "'a'", "int USING 8", 8),
    ("text", "'a'", "jsonb USING '{\"a\":1}'", {"a": 1}),
    ("jsonb", "'[1]'", "text USING 'q\"\\'", 'q"\\'),
    ("int[]", "'{1}'", "text USING 'one'", "one"),
    ("timestamp", "'2024-01-01 10:00'", "int USING 3", 3),
    ("date", "'2024-01-01'", "timestamptz USING '2024-01-01 10:00+00'",
     "2024-01-01T10:00:00+00:00"),
]


@pytest.mark.parametrize("before, value, after, shown", ALTERED)
@pytest.mark.parametrize("times", [0, 3])
def test_a_statement_made_before_a_change_and_first_run_after_it_is_right(
        start, server, before, value, after, shown, times):
    server.sql(f"DROP TABLE IF EXISTS box; CREATE TABLE box (id int PRIMARY KEY, a {before});"
               f"INSERT INTO box VALUES (1, {value}), (2, NULL)")
    modeld = start(threads=1)
    for _ in range(times):
        assert modeld.get("/box?order=id").status == 200
    server.sql(f"ALTER TABLE box ALTER a TYPE {after}")
    assert modeld.column("/box?order=id", "a") == [shown, shown], "of a change for all rows"
    assert modeld.rows("/box?id=eq.1&select=a") == [{"a": shown}]


@pytest.mark.parametrize("times", [0, 3])
@pytest.mark.parametrize("kind, shown", [
    ("text USING 'a\"\\\x01é'", 'a"\\\x01é'), ("bool USING true", True),
    ("timestamp USING '2024-01-01'", None)])
def test_what_a_write_gives_back_is_json_after_a_change(start, server, kind, shown, times):
    """It has been committed when its answer shows that the table is another."""
    server.sql("DROP TABLE IF EXISTS box; CREATE TABLE box (id int PRIMARY KEY, a int, n int);"
               "INSERT INTO box VALUES (1, 5, 0)")
    modeld = start(threads=1)

    def write():
        return modeld.patch("/box?id=eq.1", {"n": 1}, Prefer="return=representation")
    for _ in range(times):
        assert write().json == [{"id": 1, "a": 5, "n": 1}]
    server.sql(f"ALTER TABLE box ALTER a TYPE {kind}")
    response = write()
    assert (response.status, response.json[0]["n"]) == (200, 1), response
    if shown is not None:
        assert response.json[0]["a"] == shown
    wait_until(lambda: reloads_of(modeld) == 1, "a look at the database")
    assert write().json == modeld.rows("/box")


@pytest.mark.parametrize("times", [0, 3])
@pytest.mark.parametrize("method, target, body", [
    ("POST", "/box", {"id": 2, "a": "nine"}), ("PATCH", "/box?id=eq.1", {"a": "nine"}),
    ("POST", "/box", {"id": 2, "b": "longer"}), ("PATCH", "/box?id=eq.1", {"c": 3_000_000_000}),
    ("POST", "/box", {"id": 2, "d": "one"}), ("DELETE", "/box?a=eq.nine", None),
    ("GET", "/box?a=eq.nine", None)])
def test_a_value_that_fits_the_column_as_it_is_now_is_taken(start, server, times, method, target,
                                                            body):
    """Nothing but the value says that the column had another type when it was planned."""
    server.sql("DROP TABLE IF EXISTS box; CREATE TABLE box (id int PRIMARY KEY, a int DEFAULT 0,"
               " b varchar(3), c int, d mood[]); INSERT INTO box (id, c) VALUES (1, 3)")
    modeld = start(threads=1)
    old = {"a": 5, "b": "x", "c": 4, "d": "{calm}"}
    for _ in range(times):  # from the second time on it is prepared
        if method == "POST":
            row = {key: old.get(key, 2) for key in body}
            assert modeld.post(target, row).status == 201
            server.sql("DELETE FROM box WHERE id = 2")
        elif body:
            assert modeld.patch(target, {key: old[key] for key in body}).status == 204
        else:
            assert modeld.request(method, target.replace("nine", "5")).status < 300
    server.sql("ALTER TABLE box ALTER a TYPE text, ALTER b TYPE varchar(9), ALTER c TYPE bigint,"
               " ALTER d TYPE text")
    count = int(server.sql("SELECT count(*) FROM box"))
    response = modeld.write(method, target, body) if body else modeld.request(method, target)
    assert response.status < 300, response
    assert int(server.sql("SELECT count(*) FROM box")) == count + (method == "POST")
    if body:
        assert modeld.rows(f"/box?id=eq.{body.get('id', 1)}")[0].items() >= body.items()


def test_a_value_that_fits_no_column_is_refused_without_a_look(start, server):
    modeld = start(threads=1)
    assert modeld.post("/cat", {"id": 99, "a": "nine"}).json["code"] == "22P02"
    modeld.error("/cat?a=eq.nine", 400, "22P02")
    with Session(server) as other:  # which a look would wait for
        other.run("BEGIN; LOCK pg_description IN ACCESS EXCLUSIVE MODE")
        assert modeld.patch("/cat?id=eq.1", {"b": "nine"}).json["code"] == "22P02"
        other.run("ROLLBACK")
    assert reloads_of(modeld) == 0


def test_an_enum_gets_and_renames_labels_under_load(start, server):
    modeld = start()
    targets = [("GET", "/cat?mood=eq.calm&order=mood,id&limit=2", None), ("GET", "/cat/3", None),
               ("PATCH", "/cat?id=eq.9", b'{"mood": "calm"}')]
    with Readers(modeld, targets, lambda r: r.status in (200, 204)) as readers:
        for number in range(5):
            server.sql(f"ALTER TYPE mood ADD VALUE 'mood {number}'")
            body = json.dumps({"mood": f"mood {number}"})
            assert modeld.patch("/cat?id=eq.20", body).status == 204
            assert modeld.column(f"/cat?mood=eq.mood%20{number}") == [20]
    assert not readers.wrong, readers.wrong[:3]
    server.sql("ALTER TYPE mood RENAME VALUE 'wild' TO 'mad'")
    assert modeld.patch("/cat?id=eq.20", {"mood": "mad"}).status == 204
    server.sql("CREATE TYPE temper AS ENUM ('calm', 'hot'); ALTER TABLE cat ALTER mood DROP DEFAULT,"
               " ALTER mood TYPE temper USING 'calm'::temper; DROP TYPE mood")
    assert modeld.patch("/cat?id=eq.20", {"mood": "hot"}).status == 204
    assert modeld.column("/cat?mood=eq.hot") == [20]


def test_what_never_existed_keeps_nobody_at_work(start, server):
    modeld = start()
    modeld.rows("/cat?id=eq.1")
    counted = ("SELECT calls FROM (SELECT count(*) AS calls FROM pg_stat_activity"
               " WHERE application_name LIKE 'modeld%') n")
    assert int(server.sql(counted)) > 0
    begin, times = time.monotonic(), []
    while time.monotonic() - begin < 4:
        asked = time.monotonic()
        modeld.error("/cat?select=x:name::nonsense", 400, "42704")
        times.append(time.monotonic() - asked)
    # Looked for at 0, 1, 3 seconds and so on; after the second time no request waits for it.
    assert sum(seconds > 0.5 for seconds in times) <= 2, sorted(times)[-5:]
    assert len(times) > 50
    assert reloads_of(modeld) == 0


def test_a_request_that_comes_during_a_look_in_vain_does_not_wait_for_the_next(start, server):
    modeld = start(threads=1)
    looks_like = "/cat?select=x:name::nonsense"
    waits = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
    for pause in (1.1, 2.1):  # after the third look in vain it is four seconds
        modeld.error(looks_like, 400, "42704")
        time.sleep(pause)
    answers = []

    def ask():
        connection = http.client.HTTPConnection(modeld.host, modeld.port, timeout=PATIENCE)
        answers.append(exchange(connection, "GET", looks_like))
        connection.close()

    threads = [threading.Thread(target=ask) for _ in range(3)]
    with Session(server) as other:
        other.run("BEGIN; LOCK pg_description IN ACCESS EXCLUSIVE MODE")
        threads[0].start()
        wait_until(lambda: server.sql(waits) == "1", "a look")
        for thread in threads[1:]:
            thread.start()
        time.sleep(0.3)
        other.run("ROLLBACK")
    begin = time.monotonic()
    for thread in threads:
        thread.join()
    assert time.monotonic() - begin < 2
    assert [answer.json["code"] for answer in answers] == ["42704"] * 3


def test_a_request_that_waits_for_a_look_is_answered_by_its_deadline(start, server):
    modeld = start(threads=1, request_deadline="1s")
    assert modeld.get("/cat?id=eq.1").status == 200
    waits = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
    with Session(server) as other:
        other.run("BEGIN; LOCK pg_description IN ACCESS EXCLUSIVE MODE")
        error = modeld.get("/cat?select=x:name::nonsense")
        assert (error.status, error.json["code"]) == (504, "MD504"), error
        assert error.header("Retry-After")
        assert server.sql(waits) == "1", "the look goes on"
        assert modeld.get("/cat?id=eq.1").status == 200
        other.run("ROLLBACK")
    wait_until(lambda: modeld.get("/cat?select=x:name::nonsense").status == 400, "another look")


def test_an_error_that_looks_like_a_change_starts_no_reload(start, server):
    server.sql("CREATE FUNCTION refuse() RETURNS int LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION"
               " 'not here' USING ERRCODE = 'feature_not_supported'; END $$;"
               "CREATE VIEW unseen AS SELECT id, refuse() AS two FROM cat")
    modeld = start(threads=1)
    for _ in range(4):
        assert modeld.get("/unseen").json["code"] == "0A000"
    time.sleep(0.3)
    assert reloads_of(modeld) == 0


def test_a_signal_reads_the_database_and_not_the_settings(start, server):
    modeld = start()
    server.sql("CREATE TABLE dog (id int PRIMARY KEY)")
    modeld.error("/dog", 404, "PGRST205")
    modeld.signal(signal.SIGUSR1)
    wait_until(lambda: modeld.get("/dog").status == 200, "the new table")


def test_declared_models_wait_for_a_reload_and_the_log_says_so(start, server, tmp_path):
    server.sql("DROP TABLE cat")
    (tmp_path / "cat.json").write_text(json.dumps({"version": 1, "models": {"Cat": {
        "table": "cat", "fields": {"name": {"type": "string", "nullable": True}}}}}))
    modeld = start(models=f"{tmp_path}/*.json", on_difference="warn")
    assert modeld.rows("/cat?id=eq.1") == []
    server.sql("ALTER TABLE cat DROP COLUMN name")
    modeld.error("/cat?id=eq.1", 400, "42703")
    assert modeld.log().count("the database has changed; reload to serve it as it is") == 1
    modeld.error("/cat?id=eq.1", 400, "42703")
    time.sleep(1.2)
    assert modeld.log().count("the database has changed; reload to serve it as it is") == 1
