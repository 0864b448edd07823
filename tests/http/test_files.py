"""Database files that are not as one hopes: each ends with, or serves, a sentence that says what to
do."""
import os
import sqlite3
import stat

import pytest

from harness import Modeld, StartFailed, dashed, wait_until

pytestmark = pytest.mark.sqlite("a database is a file")


def start_fails(url, **settings):
    with pytest.raises(StartFailed) as failed:
        Modeld(url, settings=dashed(settings))
    return failed.value


def test_a_missing_file_is_66_and_is_not_created(tmp_path):
    path = tmp_path / "nowhere.db"
    failed = start_fails(f"sqlite:///{path}")
    assert failed.code == 66
    assert "nowhere.db" in failed.log
    assert not path.exists()


def test_a_missing_folder_is_66(tmp_path):
    failed = start_fails(f"sqlite:///{tmp_path}/no/such/folder/x.db")
    assert failed.code == 66


def test_a_folder_is_no_database(tmp_path):
    failed = start_fails(f"sqlite:///{tmp_path}")
    assert failed.code == 78
    assert "directory" in failed.log or "folder" in failed.log


@pytest.mark.parametrize("content", [b"this is a letter and not a database " * 50,
                                     b"SQLite format 3\x00" + b"\xff" * 200],
                         ids=["letter", "damaged"])
def test_a_file_of_another_kind_is_refused_and_left_alone(tmp_path, content):
    path = tmp_path / "letter.txt"
    path.write_bytes(content)
    failed = start_fails(f"sqlite:///{path}")
    assert failed.code == 78
    assert "letter.txt" in failed.log
    assert path.read_bytes() == content


def test_an_empty_file_is_an_empty_database(serve, tmp_path):
    path = tmp_path / "empty.db"
    path.touch()
    server = serve(f"sqlite:///{path}")
    assert server.get("/").status == 200
    server.error("/anything", 404, "PGRST205")


def test_a_read_only_file_is_served(serve, database, tmp_path):
    db = database()
    os.chmod(db.path, stat.S_IRUSR)
    server = serve(db)
    assert server.column("/genre?order=id") == [1, 2, 3]


def test_another_writer_is_waited_for(serve, database):
    """A reader in WAL mode is not held up by a writer in another program."""
    db = database()
    server = serve(db)
    writer = sqlite3.connect(db.path, isolation_level=None)
    writer.execute("BEGIN IMMEDIATE")
    writer.execute("INSERT INTO genre VALUES (9, 'late')")
    assert server.column("/genre?order=id") == [1, 2, 3]
    writer.execute("COMMIT")
    writer.close()
    assert server.column("/genre?order=id") == [1, 2, 3, 9]


def test_what_others_write_is_seen_at_once(serve, database):
    db = database()
    server = serve(db)
    for number in range(10, 20):
        db.run(f"INSERT INTO genre VALUES ({number}, 'x')")
        assert server.column(f"/genre?id=eq.{number}") == [number]


def test_a_file_locked_for_long_says_so(serve, database):
    db = database()
    server = serve(db, lock_timeout="300ms", sqlite_journal="keep")
    holder = sqlite3.connect(db.path, isolation_level=None)
    holder.execute("BEGIN EXCLUSIVE")
    response = server.get("/genre")
    assert response.status in (500, 503)
    assert response.json["code"] in ("55P03", "PGRST000")
    assert "lock" in response.text
    server.expect_error("55P03|locked")
    holder.execute("ROLLBACK")
    holder.close()
    wait_until(lambda: server.get("/genre").status == 200)


def test_the_journal_is_left_alone_when_asked(serve, database):
    db = database()
    assert db.rows("PRAGMA journal_mode") == [("delete",)]
    server = serve(db, sqlite_journal="keep")
    assert server.get("/genre").status == 200
    assert db.rows("PRAGMA journal_mode") == [("delete",)]


def test_a_file_replaced_underneath_is_no_fault(serve, database, tmp_path):
    db = database()
    server = serve(db)
    other = database("CREATE TABLE genre (id INTEGER PRIMARY KEY, name TEXT);"
                     "INSERT INTO genre VALUES (7, 'new')", name="other.db")
    assert server.column("/genre?order=id") == [1, 2, 3]
    os.replace(other.path, db.path)
    response = server.get("/genre")
    assert response.status in (200, 500, 503)
    server.expect_error(".")


def test_a_file_that_vanishes_is_no_fault(serve, database):
    db = database()
    server = serve(db)
    os.unlink(db.path)
    assert server.get("/genre").status in (200, 500, 503)
    server.expect_error(".")


def test_broken_foreign_keys_are_warned_about(serve, database):
    db = database("""CREATE TABLE a (id INTEGER PRIMARY KEY);
                     CREATE TABLE b (id INTEGER PRIMARY KEY, a_id INTEGER REFERENCES a (id));
                     INSERT INTO b VALUES (1, 99);""")
    server = serve(db)
    assert server.rows("/b?select=id,a(id)") == [{"id": 1, "a": None}]
    assert "foreign key" in server.log().lower()


def test_a_file_whose_path_has_spaces_is_found(serve, tmp_path, database):
    folder = tmp_path / "a b"
    folder.mkdir()
    db = database(name="a b/my file.db")
    assert serve(db.url.replace(" ", "%20")).get("/genre").status == 200


def test_a_relative_path_is_relative_to_the_working_folder(serve, database, tmp_path):
    database(name="here.db")
    (tmp_path / "daemon-0").mkdir()
    os.rename(tmp_path / "here.db", tmp_path / "daemon-0" / "here.db")
    from harness import Modeld as Daemon
    server = Daemon("sqlite:///here.db", folder=tmp_path / "daemon-0")
    try:
        assert server.get("/genre").status == 200
    finally:
        server.stop()


def test_odd_schemas_are_served(serve, database):
    """Generated columns, WITHOUT ROWID, STRICT, self-made names of keys, triggers."""
    server = serve(database("""
        CREATE TABLE g (a INTEGER, b INTEGER GENERATED ALWAYS AS (a * 2) VIRTUAL,
                        c INTEGER GENERATED ALWAYS AS (a + 1) STORED);
        INSERT INTO g (a) VALUES (3);
        CREATE TABLE w (k TEXT PRIMARY KEY, v ANY) WITHOUT ROWID;
        INSERT INTO w VALUES ('x', 1.5);
        CREATE TABLE s (id INTEGER PRIMARY KEY, v ANY, t TEXT) STRICT;
        INSERT INTO s VALUES (1, 'text', 'u'), (2, 7, NULL);
        CREATE TABLE "select" ("from" INTEGER PRIMARY KEY, "where" TEXT);
        INSERT INTO "select" VALUES (1, 'here');
        CREATE VIRTUAL TABLE f USING fts5(body);
        INSERT INTO f VALUES ('some words');"""))
    assert server.rows("/g") == [{"a": 3, "b": 6, "c": 4}]
    assert server.get("/w/x").json == {"k": "x", "v": 1.5}
    assert server.rows("/s?order=id") == [{"id": 1, "v": "text", "t": "u"},
                                          {"id": 2, "v": 7, "t": None}]
    assert server.rows("/select?where=eq.here&select=from") == [{"from": 1}]
    for shadow in ("f_data", "f_idx", "f_content", "f_docsize", "f_config"):
        server.error(f"/{shadow}", 404, "PGRST205")
