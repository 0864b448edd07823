"""Connections to the database: the pool as it is seen from outside, and what clients notice when
the database goes, comes back, or is busy."""
import contextlib
import http.client
import signal
import threading
import time

import pytest

from harness import Modeld, StartFailed, daemons_of, wait_until
from postgres import Postgres

SCHEMA = """
DROP SCHEMA public CASCADE; CREATE SCHEMA public;
CREATE TABLE item (id int PRIMARY KEY, name text);
INSERT INTO item SELECT i, 'item ' || i FROM generate_series(1, 100) i;
CREATE VIEW slow AS SELECT 1 AS id FROM pg_sleep(1);
CREATE VIEW me AS SELECT current_user::text AS name;
DROP ROLE IF EXISTS guest; CREATE ROLE guest;
GRANT USAGE ON SCHEMA public TO guest; GRANT SELECT ON ALL TABLES IN SCHEMA public TO guest;
"""

pytestmark = pytest.mark.postgresql("it has a pool")


@pytest.fixture(scope="module", name="server")
def make_server():
    with contextlib.closing(Postgres()) as server:
        yield server


@pytest.fixture(name="daemon")
def make_daemon(server):
    server.sql(SCHEMA)
    with daemons_of(server) as start:
        yield start


def connect(modeld):
    return http.client.HTTPConnection(modeld.host, modeld.port, timeout=30)


def pool_of(daemon):
    return daemon.admin("/-/pool").json


@pytest.mark.sqlite("it has readers")
def test_readers_of_sqlite_are_shown_as_a_pool(library):
    pool = pool_of(library)
    assert pool["size"] >= 1 and pool["waiting"] == 0 and pool["up"]
    assert library.get("/-/pool").status in (403, 404)


def test_the_pool_and_its_metrics_agree(daemon):
    modeld = daemon(pool_size=7, max_overflow=3, threads=2)
    assert modeld.column("/item?id=lt.4&order=id") == [1, 2, 3]
    pool = pool_of(modeld)
    assert (pool["size"], pool["max_overflow"], pool["in_use"]) == (7, 3, 0)
    assert pool["opened_total"] >= 2 and pool["shared"] == 4
    assert modeld.metric("modeld_pool_size") == 7
    assert modeld.metric("modeld_pool_opened_total") >= 2


def test_a_reload_changes_the_limits(server, tmp_path):
    file = tmp_path / "modeld.conf"
    file.write_text("pool-size = 5\nmax-overflow = 0\n")
    modeld = Modeld(server.url, "--config", file)
    assert (pool_of(modeld)["size"], pool_of(modeld)["max_overflow"]) == (5, 0)
    file.write_text("pool-size = 8\nmax-overflow = -1\n")
    modeld.signal(signal.SIGHUP)
    wait_until(lambda: pool_of(modeld)["size"] == 8)
    assert pool_of(modeld)["max_overflow"] == -1
    modeld.stop()


def test_requests_run_as_the_anonymous_role(daemon):
    modeld = daemon(db_anon_role="guest")
    assert modeld.rows("/me") == [{"name": "guest"}]
    assert modeld.rows("/me?limit=1") == [{"name": "guest"}]
    response = modeld.post("/item", '{"id":1000}', **{"Content-Type": "application/json"})
    assert response.status == 401


def test_a_session_handed_to_another_loop_after_a_rest_is_asked_first(daemon):
    modeld = daemon(threads=2, pool_size=1, max_overflow=0, echo_pool="debug")
    loops = {}

    def ask(connection):
        """The loop that answered: ids of requests begin with it."""
        count = modeld.log().count("request method=")
        assert modeld.request("GET", "/item?id=eq.1", connection=connection).status == 200
        wait_until(lambda: modeld.log().count("request method=") == count + 1, "the log")
        return modeld.log().rsplit(" id=", 1)[1][:2]

    while len(loops) < 2:
        connection = connect(modeld)
        loops.setdefault(ask(connection), connection)
    for connection in [*loops.values()] * 2:
        time.sleep(1.2)
        pings = modeld.log().count("pre-ping")
        ask(connection)
        assert modeld.log().count("pre-ping") == pings + 1


def test_an_unknown_role_stops_the_start(server):
    with pytest.raises(StartFailed) as failed:
        Modeld(server.url, settings={"db-anon-role": "nobody_at_all"})
    assert failed.value.code == 78
    assert "nobody_at_all" in failed.value.log


@pytest.mark.parametrize("url, code", [
    ("postgresql://test@127.0.0.1:1/postgres", 69),
    ("postgresql://test@/postgres?host=/nowhere", 69),
])
def test_a_database_out_of_reach_stops_the_start(url, code):
    with pytest.raises(StartFailed) as failed:
        Modeld(url)
    assert failed.value.code == code


@pytest.mark.parametrize("url", [
    "postgresql://test:hush@hidden@127.0.0.1:1/postgres",
    "postgresql://test:hush/hidden@127.0.0.1:1/postgres",
    "postgresql://test:hush%hidden@127.0.0.1:1/postgres",
])
def test_a_password_that_tears_the_address_is_not_told(url):
    with pytest.raises(StartFailed) as failed:
        Modeld(url)
    assert failed.value.code == 78
    assert "hush" not in failed.value.log and "hidden" not in failed.value.log
    assert "hint: " in failed.value.log


ROOM = "connections, and the database has room for "


def test_a_start_warns_of_more_connections_than_the_server_has_room_for(server, daemon):
    assert ROOM not in daemon().log()
    most = int(server.sql("SHOW max_connections"))
    daemon(pool_size=most, max_overflow=1).wait_log(f"allow {most + 1} {ROOM}{most}")
    server.sql("DROP ROLE IF EXISTS few; CREATE ROLE few LOGIN CONNECTION LIMIT 4")
    few = server.url.replace("//test@", "//few@")
    assert few != server.url
    daemon(url=few, pool_size=3, max_overflow=2).wait_log(f"allow 5 {ROOM}4")


def test_an_exhausted_pool_is_504_with_retry_after(daemon):
    modeld = daemon(pool_size=1, max_overflow=0, pool_timeout="200ms", threads=1)
    answers = []

    def ask():
        response = modeld.request("GET", "/slow", connection=connect(modeld))
        answers.append(response)

    threads = [threading.Thread(target=ask) for _ in range(3)]
    for thread in threads:
        thread.start()
        time.sleep(0.02)
    for thread in threads:
        thread.join()
    assert sorted(response.status for response in answers) == [200, 504, 504]
    late = next(response for response in answers if response.status == 504)
    assert late.header("Retry-After") == "1"
    assert late.json["code"] == "PGRST003"
    assert "QueuePool limit of size 1 overflow 0 reached" in late.json["details"]
    assert pool_of(modeld)["timeouts_total"] == 2


def test_a_stopped_server_is_503_and_served_again_within_a_second(daemon, server):
    modeld = daemon()
    modeld.expect_error("cannot connect")
    assert modeld.get("/item?id=eq.1").status == 200
    server.control("-m", "fast", "stop")
    try:
        for target in ["/item?id=eq.1", "/item", "/item?select=id&limit=3"]:
            response = modeld.get(target)
            assert response.status == 503, response
            assert response.header("Retry-After") == "1"
            assert response.json["code"] in ("PGRST000", "PGRST001")
            assert modeld.get("/-/live").status == 200
            assert modeld.get("/").status == 200
        assert modeld.get("/-/ready").status == 503
        assert not pool_of(modeld)["up"]
    finally:
        server.control("start")
    back = time.monotonic()
    wait_until(lambda: modeld.get("/item?id=eq.1").status == 200)
    assert time.monotonic() - back < 1.5
    wait_until(lambda: modeld.get("/-/ready").status == 200)


def insert_some(modeld, numbers, outcome):
    connection = connect(modeld)
    for number in numbers:
        response = modeld.request("POST", "/item", {"Content-Type": "application/json"},
                                  f'{{"id":{number},"name":"new"}}', connection=connection)
        outcome[number] = response


def test_killed_sessions_lose_nothing_and_do_nothing_twice(daemon, server):
    modeld = daemon()
    modeld.expect_error("cannot connect")  # those that are killed before they stand
    outcome = {}
    threads = [threading.Thread(target=insert_some,
                                args=(modeld, range(1000 * k, 1000 * k + 100), outcome))
               for k in range(1, 7)]
    reads = []
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        server.kill_sessions()
        reads.append(modeld.get("/item?id=eq.1").status)
        time.sleep(0.05)
    for thread in threads:
        thread.join()
    there = {int(line) for line in server.sql("SELECT id FROM item WHERE id >= 1000").split()}
    written = {number for number, response in outcome.items() if response.status == 201}
    undone = {number for number, response in outcome.items()
              if response.status == 503 and response.header("Retry-After")}
    assert len(outcome) == 600 and written <= there and not undone & there
    assert all(response.status in (201, 503) for response in outcome.values())
    assert reads.count(200) >= len(reads) * 0.5


def test_echo_tells_statements_and_hides_values(daemon):
    modeld = daemon(echo="true", echo_pool="debug")
    modeld.get("/item?name=eq.secret%20value")
    modeld.wait_log("sql: SELECT")
    modeld.wait_log("sql: BEGIN (implicit)")
    modeld.wait_log("sql: COMMIT")
    assert not modeld.log_contains("secret value")
    modeld.wait_log("pool: ")
    modeld = daemon(echo="debug")
    modeld.get("/item?name=eq.secret%20value")
    modeld.wait_log("'secret value'")


def test_a_busy_connection_is_not_taken_for_a_silent_one(daemon):
    modeld = daemon(threads=2)
    end = time.monotonic() + 3
    wrong = []

    def ask(number):
        connection = connect(modeld)
        while time.monotonic() < end:
            for method, body in [("GET", None), ("PATCH", '{"name":"x"}'), ("GET", None)]:
                response = modeld.request(method, f"/item?id=eq.{number}", {}, body,
                                          connection=connection)
                if response.status not in (200, 204):
                    wrong.append(response)

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(1, 7)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert pool_of(modeld)["invalidated_total"] == 0
    assert not modeld.log_contains("has not answered")
