"""A migration of more than twelve steps is killed before each of its statements: the next run reaches
the end, nothing is applied twice, and what the database contains is what its history says."""
import pathlib
import shutil
import signal

import pytest

from faults import sanitized
from harness import find_modeld
from migrating import Migrating

PARTS = 4  # so that processes share the work

BEFORE = {
    "Author": {"table": "author", "fields": {
        "id": {"type": "bigint", "primary_key": True},
        "name": {"type": "string", "max_length": 40},
        "nick": {"type": "string", "max_length": 40, "nullable": True},
        "old": {"type": "text", "nullable": True},
        "level": {"type": "smallint", "default": 1}}},
    "Post": {"table": "post", "fields": {
        "id": {"type": "bigint", "primary_key": True},
        "title": {"type": "string", "max_length": 80},
        "kind": {"enum": ["a", "b"], "default": "a"},
        "author_id": {"references": {"model": "Author", "on_delete": "restrict"}}}},
}
AFTER = {
    "Author": {"table": "author", "fields": {
        "id": {"type": "bigint", "primary_key": True},
        "full_name": {"type": "string", "max_length": 80, "renamed_from": "name", "index": True},
        "nick": {"type": "string", "max_length": 40, "backfill": "-"},
        "level": {"type": "integer", "default": 2},
        "email": {"type": "text", "nullable": True, "unique": True},
        "since": {"type": "date", "backfill": "2020-01-01"}},
        "checks": [{"name": "author_level", "sql": "level >= 0"}]},
    "Post": {"table": "post", "fields": {
        "id": {"type": "bigint", "primary_key": True},
        "title": {"type": "text"},
        "kind": {"enum": ["a", "b", "c"], "default": "a"},
        "author_id": {"references": {"model": "Author", "on_delete": "cascade"}, "index": True},
        "tag_id": {"references": {"model": "Tag"}, "nullable": True}}},
    "Tag": {"table": "tag", "fields": {
        "id": {"type": "bigint", "primary_key": True},
        "name": {"type": "string", "max_length": 20, "unique": True}}},
}
ROWS = """INSERT INTO author (id, name, nick, old, level) VALUES (1, 'Ann', NULL, 'x', 1), (2, 'Bob', 'b', NULL, 3);
    INSERT INTO post (id, title, kind, author_id) VALUES (1, 'one', 'a', 1), (2, 'two', 'b', 1), (3, 'three', 'a', 2);"""


def copy_of(engine, db, folder, name):
    """A database with the same contents."""
    if engine.name == "postgresql":
        return engine._make(name, "", db.name)  # pylint: disable=protected-access
    made = engine.database(folder, "", name + ".db")
    shutil.copy(db.path, made.path)
    return made


def described_new(engine, folder):
    folder.mkdir()
    project = Migrating(engine.database(folder, "", "new.db"), folder).models(AFTER)
    done = project.run("db", "create-tables")
    assert done.returncode == 0, done.stderr
    return project.described()


def expect_whole(project, wanted):
    assert project.described() == wanted
    status = project.status()
    assert (status["state"], status["drift"], len(status["applied"])) == ("up_to_date", [], 2)
    assert project.db.rows("SELECT id, full_name, nick, level, CAST(since AS text) FROM author ORDER BY id") == \
        [(1, "Ann", "-", 1, "2020-01-01"), (2, "Bob", "b", 3, "2020-01-01")]
    assert project.db.rows("SELECT id, title, kind, author_id FROM post ORDER BY id") == \
        [(1, "one", "a", 1), (2, "two", "b", 1), (3, "three", "a", 2)]


@pytest.mark.parametrize("part", range(PARTS))
def test_a_migration_killed_at_each_statement_is_gone_on_with(engine, database, tmp_path, part):
    library = pathlib.Path(find_modeld()).parent / "tests/support/preload_kill.so"
    if sanitized():
        return  # its runtime has to be the first library; the plain build shows it
    db = database("", "first.db")
    project = Migrating(db, tmp_path).models(BEFORE)
    project.make("before")
    project.up()
    db.run(ROWS)
    project.models(AFTER)
    project.make("after", "--allow-data-loss=author.old", "--no-renames")
    plan = project.up("--plan")
    assert sum(len(step["sql"]) for step in plan["revisions"][0]["steps"]) >= 12
    wanted = described_new(engine, tmp_path / "new")

    counted = tmp_path / "count"
    env = {"LD_PRELOAD": str(library), "KILL_COUNT": str(counted)}
    whole = Migrating(copy_of(engine, db, tmp_path, f"whole_{part}"), tmp_path)
    assert whole.run("db", "migrate", env=env).returncode == 0
    expect_whole(whole, wanted)
    statements = int(counted.read_text(encoding="ascii"))
    assert statements > 12

    for number in range(1 + part, statements + 1, PARTS):
        one = Migrating(copy_of(engine, db, tmp_path, f"killed_{number}"), tmp_path)
        killed = one.run("db", "migrate", env={**env, "KILL_AT": str(number)})
        assert killed.returncode == -signal.SIGKILL, f"{number}: {killed.stderr}"
        again = one.run("db", "migrate")
        assert again.returncode == 0, f"after statement {number}: {again.stderr}"
        expect_whole(one, wanted)
        one.db.drop()
