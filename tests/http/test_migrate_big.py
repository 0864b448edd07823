"""A table of many rows is migrated while others use it. What counts is how long the engine keeps
others waiting, so the clients have it give up after a second; a machine that is slow at everything
else does not matter. Figures for 1,000,000 rows: tests/bench/migrate.py."""
import http.client
import json
import os
import pty
import subprocess
import threading
import time

import pytest

import busy
from engines import PATIENCE
from harness import wait_until
from migrating import Migrating

ROWS = 30_000
# Several pieces, when SQLite copies a table.
COPIED_ROWS = 120_000
BLOCKED_MS = 1000


@pytest.fixture
def project(database, tmp_path):
    return Migrating(database("", "large.db"), tmp_path)


def expect_all_kept(db, writer):
    assert not writer.told["errors"]
    assert writer.told["last"] and writer.told["made"]
    assert busy.is_lost(db, writer.told) == ([], [])
    assert db.rows("SELECT count(*) FROM item WHERE note IS NULL OR state IS NULL OR token IS NULL"
                   ) == [(0,)]
    assert db.rows("SELECT count(*) - count(DISTINCT token) FROM item") == [(0,)]
    assert db.rows("SELECT note, state FROM item WHERE id IN (2, 3) ORDER BY id"
                   ) == [("says 2", "new"), ("none", "new")]


@pytest.mark.postgresql("SQLite has one writer at a time")
def test_nobody_waits_for_a_second_while_a_large_table_changes(project):
    busy.make_large(project, ROWS)
    project.models(busy.AFTER).make("change")
    with busy.Busy(project.db.url, "write", ROWS, BLOCKED_MS) as writer, \
            busy.Busy(project.db.url, "read", ROWS, BLOCKED_MS) as reader:
        project.up()
    assert not reader.told["errors"]
    expect_all_kept(project.db, writer)
    assert project.status()["state"] == "up_to_date"


@pytest.mark.postgresql("a read of SQLite's keeps nobody from changing a table")
def test_nobody_queues_behind_a_migration_that_waits_for_a_long_read(project):
    busy.make_large(project, 1000)
    project.models(busy.AFTER).make("change")
    held, ended = threading.Event(), []

    def hold():
        with project.db.connect() as connection:
            connection.execute("BEGIN; SELECT count(*) FROM item WHERE id < 5")
            held.set()
            time.sleep(3)
            ended.append(True)
    holder = threading.Thread(target=hold)
    holder.start()
    held.wait(PATIENCE)
    with busy.Busy(project.db.url, "write", 1000, BLOCKED_MS) as writer, \
            busy.Busy(project.db.url, "read", 1000, BLOCKED_MS) as reader:
        project.up()
    assert ended  # it was waited for
    holder.join()
    assert not reader.told["errors"]
    expect_all_kept(project.db, writer)


@pytest.mark.postgresql("SQLite does all of a revision in one transaction")
def test_rows_left_null_while_a_column_is_filled_can_be_changed_at_once(project):
    """The check for new rows is in force before the last rows are filled: nothing long may come
    in between, since nobody can change such a row then."""
    busy.make_large(project, 100)
    project.models(busy.AFTER).make("change")
    steps = [step["what"] for step in project.up("--plan")["revisions"][0]["steps"]]
    check = steps.index("let item.note not be null in new rows")
    rest = steps.index("fill item.note in rows that came meanwhile")
    assert check < rest < steps.index("make index item_made")
    assert rest < steps.index("see that no row has null in item.note")


def large_file(project):
    busy.make_large(project, COPIED_ROWS)
    project.models(busy.REBUILT).make("rebuild")
    return project


def shares_of(text):
    """The percentages that were told, in order."""
    return [int(part.rsplit("(", 1)[1]) for part in text.split(" %)")[:-1]]


@pytest.mark.sqlite("PostgreSQL changes a table in place")
def test_a_table_made_anew_tells_how_far_it_is(project):
    large_file(project)
    done = project.run("db", "migrate")
    assert done.returncode == 0, done.stderr
    shares = shares_of(done.stderr)
    assert shares and shares == sorted(set(shares)) and any(0 < share < 100 for share in shares)
    assert all(line.strip() for line in done.stderr.splitlines())
    assert project.db.rows("SELECT count(*), sum(note IS NULL), typeof(age) FROM item"
                           ) == [(COPIED_ROWS, 0, "text")]


@pytest.mark.sqlite("PostgreSQL changes a table in place")
def test_on_a_terminal_progress_is_one_line_that_changes(project):
    large_file(project)
    ours, theirs = pty.openpty()
    with subprocess.Popen([os.environ["MODELD_BIN"], *project.command("db", "migrate")],
                          stdout=subprocess.DEVNULL, stderr=theirs, cwd=project.folder) as process:
        os.close(theirs)
        text = b""
        try:
            while True:
                text += os.read(ours, 4096)
        except OSError:  # the end of a terminal
            pass
    os.close(ours)
    assert process.returncode == 0
    text = text.decode()
    assert any(0 < share < 100 for share in shares_of(text))
    assert "\r\x1b[K" in text and text.count("\n") == 1


def ask(server, method, target, body=None):
    """One request, over a connection of its own."""
    connection = http.client.HTTPConnection(server.host, server.port, timeout=PATIENCE)
    try:
        return server.request(method, target, {"Content-Type": "application/json"},
                              None if body is None else json.dumps(body), connection)
    finally:
        connection.close()


class Clients:
    """A reader and a writer of a daemon, each over a connection of its own."""

    def __init__(self, server):
        self.server, self.over = server, threading.Event()
        self.reads, self.writes, self.told = [], [], {}
        self.threads = [threading.Thread(target=self.work, args=[one])
                        for one in (self.read, self.write)]

    def work(self, one):
        turn = 0
        while not self.over.is_set():
            turn += 1
            one(turn * 7919 % COPIED_ROWS + 1, turn)
            time.sleep(0.005)

    def read(self, key, _turn):
        answer = ask(self.server, "GET", f"/item?id=eq.{key}&select=id,name,age,note")
        self.reads.append((answer.status, key, answer.json))

    def write(self, key, turn):
        answer = ask(self.server, "PATCH", f"/item?id=eq.{key}", {"name": f"name {turn}"})
        self.writes.append((answer.status, answer.json["code"] if answer.body else None))
        if answer.status == 204:
            self.told[key] = f"name {turn}"

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        for thread in self.threads:
            thread.join()


def expect_no_torn_state(project, clients):
    assert len(clients.reads) > 10 and {status for status, _, _ in clients.reads} == {200}
    for _, key, rows in clients.reads:
        assert len(rows) == 1 and rows[0]["id"] == key
        assert str(rows[0]["age"]) == str(key % 72)
        assert rows[0]["note"] in ((f"says {key}",) if key % 3 else (None, "none"))
    # A writer waits for the file, lock_timeout at most; who was refused has written nothing.
    assert set(clients.writes) <= {(204, None), (503, "55P03")}
    names = dict(project.db.rows("SELECT id, name FROM item"))
    assert len(names) == COPIED_ROWS
    changed = {key: name for key, name in names.items() if not name.startswith("Quick")}
    assert changed == clients.told


@pytest.mark.sqlite("PostgreSQL changes a table in place")
@pytest.mark.parametrize("how", ["command", "route"])
def test_a_daemon_goes_on_while_its_table_is_made_anew(project, serve, how):
    large_file(project)
    project.models(busy.BEFORE)
    server = serve(project.db, models=str(project.file), migrations=str(project.revisions),
                   migrate="false", admin_on_public="true")
    with Clients(server) as clients:
        project.models(busy.REBUILT)
        if how == "command":
            project.up()
        else:
            done = ask(server, "POST", "/-/migrations/apply", {})
            assert done.status == 200 and done.json["applied"] and done.json["generation"] > 1
        before = len(clients.reads)
        wait_until(lambda: len(clients.reads) >= before + 10, "ten reads after the migration")
    expect_no_torn_state(project, clients)
    if how == "route":
        assert server.rows("/item?id=eq.3&select=age,note") == [{"age": "3", "note": "none"}]


@pytest.mark.sqlite("PostgreSQL changes a table in place")
def test_a_writer_waits_no_longer_for_a_rebuild_than_lock_timeout(project, serve):
    large_file(project)
    project.models(busy.BEFORE)
    server = serve(project.db, models=str(project.file), migrations=str(project.revisions),
                   migrate="false", lock_timeout="50ms")
    with Clients(server) as clients:
        project.models(busy.REBUILT)
        project.up()
    assert (503, "55P03") in clients.writes
    expect_no_torn_state(project, clients)
