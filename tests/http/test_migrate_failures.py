"""What goes wrong with Alembic, Flyway and their like, one by one, and what happens here instead. The
names are those of the complaints."""
import json
import os
import pty
import re
import signal
import subprocess
import threading

import pytest

from engines import PATIENCE
from migrating import Failed, Migrating

ID = {"type": "bigint", "primary_key": True}


def text(**more):
    return {"type": "text", "nullable": True, **more}


def models(**fields):
    return {"User": {"table": "user", "fields": {"id": ID, **fields}}}


@pytest.fixture
def project(database, tmp_path):
    """Users with a name: Ann, Bob, and one without."""
    project = Migrating(database("", "users.db"), tmp_path).models(models(name=text()))
    project.make("users")
    project.up()
    project.db.run("""INSERT INTO "user" (id, name) VALUES (1, 'Ann'), (2, 'Bob'), (3, NULL);""")
    return project


def change(project, changed, *words, **more):
    project.models(changed, **more)
    made = project.make("change", *words)
    project.up(*words)
    return made


def rows(project, columns="id, name", table='"user"'):
    return project.db.rows(f"SELECT {columns} FROM {table} ORDER BY id")


NAMES = [(1, "Ann"), (2, "Bob"), (3, None)]


# --- what is seen at all -------------------------------------------------------------------------

def full(**changes):
    user = {"table": "user", "fields": {
        "id": ID, "name": {"type": "string", "max_length": 10}, "age": {"type": "integer", "default": 1},
        "at": {"type": "datetime", "default": {"fn": "now"}}, "kind": {"enum": ["a", "b"], "default": "a"},
        "boss_id": {"references": {"model": "User", "on_delete": "restrict"}, "nullable": True}},
        "unique": [{"fields": ["name"]}],
        "indexes": [{"fields": ["age"], "name": "user_age", "where": "age > 0"}],
        "checks": [{"name": "user_old", "sql": "age >= 0"}]}
    user.update({key: value for key, value in changes.items() if key != "fields"})
    user["fields"].update(changes.get("fields", {}))
    return {"User": {key: value for key, value in user.items() if value is not None}}


@pytest.mark.parametrize("changes", [
    {"fields": {"name": {"type": "text"}}},
    {"fields": {"name": {"type": "string", "max_length": 20}}},
    {"fields": {"age": {"type": "bigint", "default": 1}}},
    {"fields": {"age": {"type": "integer", "default": 2}}},
    {"fields": {"age": {"type": "integer"}}},
    {"fields": {"age": {"type": "integer", "default": 1, "nullable": True}}},
    {"fields": {"at": {"type": "datetime"}}},
    {"fields": {"kind": {"enum": ["a", "b", "c"], "default": "a"}}},
    {"fields": {"boss_id": {"references": {"model": "User", "on_delete": "cascade"}, "nullable": True}}},
    {"unique": None},
    {"indexes": [{"fields": ["age"], "name": "user_age", "where": "age > 1"}]},
    {"indexes": [{"fields": ["age"], "name": "user_age", "unique": True, "where": "age > 0"}]},
    {"indexes": [{"fields": ["age desc"], "name": "user_age", "where": "age > 0"}]},
    {"indexes": None},
    {"checks": [{"name": "user_old", "sql": "age >= 1"}]},
    {"checks": None},
], ids=lambda changes: json.dumps(changes)[:60])
def test_a_change_that_is_not_detected(database, tmp_path, changes):
    project = Migrating(database("", "full.db"), tmp_path).models(full())
    project.make("full")
    project.up()
    assert project.make("nothing")["changes"] == []
    made = change(project, full(**changes), "--allow-data-loss=*")
    assert made["changes"]
    assert project.make("nothing")["changes"] == []
    assert project.status()["state"] == "up_to_date"
    (tmp_path / "new").mkdir()
    new = Migrating(database("", "new.db"), tmp_path / "new").models(full(**changes))
    assert new.run("db", "create-tables").returncode == 0
    assert project.described() == new.described()


def test_migrate_does_nothing_because_models_were_not_imported(project):
    project.fails(66, "makemigrations", "-m", "x", "--models", str(project.folder / "none/*.json"))
    assert "user" in project.db.tables()
    assert len(project.status()["applied"]) == 1


# --- data ----------------------------------------------------------------------------------------

def test_a_column_that_is_renamed_loses_its_data(project):
    project.models(models(full_name=text()))
    asked = project.fails(7, "makemigrations", "-m", "rename")
    assert "--rename User.name:full_name" in asked
    assert len(list(project.revisions.glob("*.json"))) == 2  # one revision, and snapshot.json
    project.make("rename", "--rename", "User.name:full_name")
    project.up()
    assert rows(project, "id, full_name") == NAMES


@pytest.mark.parametrize("answer", ["y", "n"])
def test_on_a_terminal_what_may_be_a_rename_is_asked_for(project, answer):
    project.models(models(full_name=text()))
    ours, theirs = pty.openpty()
    with subprocess.Popen([os.environ["MODELD_BIN"], *project.command("db", "makemigrations", "-m", "x")],
                          stdin=theirs, stderr=theirs, stdout=subprocess.PIPE, text=True,
                          cwd=project.folder) as asking:
        os.close(theirs)
        asked = b""
        while b"[y/N]" not in asked:
            asked += os.read(ours, 1000)
        assert b"User.name:full_name" in asked
        os.write(ours, answer.encode() + b"\n")
        assert asking.wait(timeout=PATIENCE) == 0
    os.close(ours)
    project.up("--allow-data-loss=*")
    assert rows(project, "id, full_name") == (NAMES if answer == "y" else [(1, None), (2, None), (3, None)])


def test_a_table_that_is_renamed_loses_its_data(project):
    renamed = {"Person": {"table": "person", "renamed_from": "User", "fields": {"id": ID, "name": text()}}}
    change(project, renamed)
    assert rows(project, table="person") == NAMES


def test_a_column_not_null_without_a_default_on_rows_that_exist(project):
    project.models(models(name=text(), size={"type": "integer"}))
    project.make("size")
    refused = project.fails(65, "migrate")
    assert "size" in refused and "backfill" in refused
    assert rows(project) == NAMES and project.status()["state"] == "pending"
    # The file that cannot be applied is not in the way of the next attempt.
    for file in project.revisions.glob("*_size.json"):
        file.unlink()
    project.run("db", "repair")
    change(project, models(name=text(), size={"type": "integer", "backfill": 5}))
    assert rows(project, "id, size") == [(1, 5), (2, 5), (3, 5)]


def test_not_null_with_nulls_in_the_column_leaves_a_temporary_table(project):
    before = project.db.tables()
    project.models(models(name={"type": "text"}))
    project.make("name")
    refused = project.fails(65, "migrate")
    assert "3" in refused  # the key of the row
    assert project.db.tables() == before and rows(project) == NAMES
    project.db.run("""UPDATE "user" SET name = '-' WHERE id = 3""")
    project.up()
    assert rows(project)[2] == (3, "-")


def test_unique_with_duplicates_in_the_column(project):
    project.db.run("""INSERT INTO "user" (id, name) VALUES (4, 'Ann')""")
    project.models(models(name=text(unique=True)))
    project.make("unique")
    refused = project.fails(65, "migrate")
    assert "1" in refused and "4" in refused
    project.db.run("""DELETE FROM "user" WHERE id = 4""")
    project.up()
    assert project.status()["state"] == "up_to_date"


def test_a_text_that_becomes_a_number_and_cannot(project):
    project.models(models(name={"type": "integer", "nullable": True}))
    project.make("number")
    assert "1" in project.fails(65, "migrate")
    assert rows(project) == NAMES
    project.db.run("""UPDATE "user" SET name = CAST(id AS text)""")
    project.up()
    assert rows(project) == [(1, 1), (2, 2), (3, 3)]


def test_a_rollback_brings_columns_back_empty(project):
    project.models(models())
    project.make("drop")
    assert "--allow-data-loss=user.name" in project.fails(6, "migrate")
    project.up("--allow-data-loss=user.name")
    project.down()
    assert rows(project) == NAMES


def test_a_table_that_is_dropped_comes_back_with_its_rows(project):
    project.models({"Other": {"table": "other", "fields": {"id": ID}}})
    project.make("other", "--allow-data-loss=user", "--no-renames")
    project.up()
    assert "user" not in project.db.tables()
    project.down("--allow-data-loss=*")
    assert rows(project) == NAMES


def test_the_children_of_a_table_that_is_copied_are_deleted_by_cascade(database, tmp_path):
    note = {"Note": {"table": "note", "fields": {
        "id": ID, "user_id": {"references": {"model": "User", "on_delete": "cascade"}}}}}
    project = Migrating(database("", "cascade.db"), tmp_path).models({**models(name=text()), **note})
    project.make("both")
    project.up()
    project.db.run("""INSERT INTO "user" (id, name) VALUES (1, 'Ann'); INSERT INTO note VALUES (1, 1), (2, 1);""")
    change(project, {**models(name={"type": "string", "max_length": 5, "nullable": True}), **note})
    assert project.db.rows("SELECT count(*) FROM note") == [(2,)]


# --- what is not ours ----------------------------------------------------------------------------

def test_a_table_that_is_in_no_model_is_dropped(project):
    project.db.run("CREATE TABLE spatial_ref_sys (id INTEGER PRIMARY KEY); CREATE INDEX extra ON \"user\" (name);")
    change(project, models(name={"type": "string", "max_length": 40, "nullable": True}))
    assert "spatial_ref_sys" in project.db.tables()
    drift = project.status()["drift"]
    assert [one["kind"] for one in drift if "extra" in one["path"]] == ["unexpected"]


def test_tables_that_exist_are_made_again(database, tmp_path):
    project = Migrating(database("", "old.db"), tmp_path).models(models(name=text()))
    assert project.run("db", "create-tables").returncode == 0
    project.db.run("""INSERT INTO "user" (id, name) VALUES (1, 'Ann')""")
    project.make("users")
    project.up()
    assert rows(project) == [(1, "Ann")] and project.status()["state"] == "up_to_date"


# --- names, enums, constraints ---------------------------------------------------------------------

def test_a_constraint_must_have_a_name(project):
    change(project, models(name=text(unique=True)))
    change(project, models(name=text()))
    project.db.run("""INSERT INTO "user" (id, name) VALUES (4, 'Ann')""")


def test_an_enum_column_that_is_added_again(project):
    kind = {"enum": ["en", "de"], "default": "en"}
    change(project, models(name=text(), lang=kind))
    change(project, models(name=text()), "--allow-data-loss=user.lang")
    change(project, models(name=text(), lang=kind), "--allow-data-loss=*")
    assert rows(project, "id, lang") == [(1, "en"), (2, "en"), (3, "en")]


def test_an_enum_label_that_rows_have_is_not_taken_away(project):
    change(project, models(name=text(), lang={"enum": ["en", "de"], "default": "en"}))
    project.models(models(name=text(), lang={"enum": ["de"], "default": "de"}))
    project.make("label", "--allow-data-loss=*")
    assert "1" in project.fails(65, "migrate", "--allow-data-loss=*")
    project.db.run("""UPDATE "user" SET lang = 'de'""")
    project.up("--allow-data-loss=*")


@pytest.mark.sqlite("foreign keys are off in SQLite unless somebody turns them on")
def test_foreign_keys_are_silently_off(project):
    change(project, {**models(name=text()), "Note": {"table": "note", "fields": {
        "id": ID, "user_id": {"references": {"model": "User"}, "nullable": True}}}})
    project.db.run("INSERT INTO note (id, user_id) VALUES (1, 99)")
    project.models({**models(name=text()), "Note": {"table": "note", "fields": {
        "id": ID, "user_id": {"references": {"model": "User", "on_delete": "cascade"}, "nullable": True}}}})
    project.make("cascade")
    assert "1" in project.fails(65, "migrate")


# --- history -------------------------------------------------------------------------------------

def test_there_is_no_way_back(project):
    change(project, models(name=text(), bio=text()))
    project.down("--allow-data-loss=user.bio")
    assert [one["message"] for one in project.status()["applied"]] == ["users"]
    assert "bio" not in project.described()["models"]["user"]["fields"]


def test_a_revision_that_was_changed_after_it_was_applied(project):
    file = next(project.revisions.glob("*_users.json"))
    file.write_text(file.read_text().replace('"nullable": true', '"nullable": false'))
    assert project.run("db", "status").returncode == 5
    assert project.fails(5, "migrate")
    file.write_text(file.read_text().replace('"nullable": false', '"nullable": true'))
    assert project.status()["state"] == "up_to_date"


def test_a_revision_of_the_database_that_the_files_do_not_have(project):
    change(project, models(name=text(), bio=text()))
    next(project.revisions.glob("*_change.json")).unlink()
    project.run("db", "repair")
    project.models(models(name=text()))
    status = project.run("db", "status", "--json")
    assert status.returncode == 5 and json.loads(status.stdout)["state"] in ("ahead", "unknown")
    # The database itself knows how to go back.
    project.down("--allow-data-loss=user.bio")
    assert project.status()["state"] == "up_to_date"


def branch(project, field, message):
    """A revision of somebody else's branch, made from the same point."""
    kept = {file.name: file.read_bytes() for file in project.revisions.iterdir()}
    project.models(models(name=text(), **{field: text()}))
    project.make(message, "--offline")
    new = {file.name: file.read_bytes() for file in project.revisions.iterdir() if file.name not in kept}
    for file in list(project.revisions.iterdir()):
        file.unlink()
    for name, content in kept.items():
        (project.revisions / name).write_bytes(content)
    return new


def test_two_heads_after_branches_were_merged(project):
    for new in (branch(project, "bio", "bio"), branch(project, "size", "size")):
        for name, content in new.items():
            (project.revisions / name).write_bytes(content)
    project.run("db", "repair")
    project.models(models(name=text(), bio=text(), size=text()))
    project.up()
    assert project.make("nothing")["changes"] == []
    assert rows(project, "id, bio, size") == [(1, None, None), (2, None, None), (3, None, None)]


def test_the_database_is_not_up_to_date_when_a_revision_is_made(project):
    project.models(models(name=text(), bio=text()))
    project.make("bio")
    project.models(models(name=text(), bio=text(), size=text()))
    project.fails(3, "makemigrations", "-m", "size")
    project.make("size", "--offline")  # the files know enough
    project.up()
    assert rows(project, "id, bio, size") == [(1, None, None), (2, None, None), (3, None, None)]
    assert project.status()["state"] == "up_to_date"


# --- several at once -----------------------------------------------------------------------------

def test_several_migrate_at_once(project):
    project.models(models(name=text(), bio=text(), size={"type": "integer", "default": 1}))
    project.make("more")
    codes = []
    threads = [threading.Thread(target=lambda: codes.append(project.run("db", "migrate").returncode))
               for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert codes == [0] * 6
    assert [one["message"] for one in project.status()["applied"]] == ["users", "more"]


def test_a_lock_that_is_not_released_after_a_failure(project):
    project.models(models(name={"type": "text"}))
    project.make("name")
    project.fails(65, "migrate")
    assert project.status()["lock"] is None
    project.db.run("""UPDATE "user" SET name = '-' WHERE name IS NULL""")
    project.up()


def test_a_holder_that_was_killed_is_in_nobodys_way(project):
    project.models(models(name=text(), bio=text()))
    project.make("bio")
    with subprocess.Popen([os.environ["MODELD_BIN"], *project.command("db", "migrate")],
                          stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                          cwd=project.folder) as one:
        one.send_signal(signal.SIGKILL)
        one.wait(timeout=PATIENCE)
    project.up()
    assert project.status()["state"] == "up_to_date"


def test_nothing_of_a_failed_revision_stays(project):
    project.models(models(name=text(), bio=text()))
    project.make("bio")
    file = next(project.revisions.glob("*_bio.json"))
    document = json.loads(file.read_text())
    document["up"].append({"op": "sql", "up": "SELECT * FROM nothing_of_the_kind", "down": None})
    file.write_text(json.dumps(document))
    project.run("db", "repair")
    with pytest.raises(Failed):
        project.up()
    project.fails(65, "migrate")
    document["up"].pop()
    file.write_text(json.dumps(document))
    project.run("db", "repair", "--accept-changes")
    project.up()
    assert project.status()["state"] == "up_to_date"
    assert not [name for name in project.db.tables() if re.match(r"_modeld_new|_alembic", name)]


# --- databases of others -------------------------------------------------------------------------

NOTES = {"Note": {"table": "note", "fields": {"id": {"type": "bigint", "primary_key": True},
                                            "size": {"type": "bigint", "nullable": True}},
                  "indexes": [{"fields": ["size"]}]}}


def test_an_index_with_a_name_of_others_is_no_difference(database, tmp_path):
    db = database("""
        CREATE TABLE note (id INTEGER PRIMARY KEY, size INTEGER); -- sqlite only
        CREATE TABLE note (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, size bigint); -- postgresql only
        CREATE INDEX ix_note_size ON note (size);""", "others.db")
    project = Migrating(db, tmp_path).models(NOTES)
    project.db_command("baseline")
    status = project.status()
    assert (status["state"], status["drift"]) == ("up_to_date", [])


def test_every_difference_of_a_database_that_is_taken_over_is_told(database, tmp_path):
    columns = ", ".join(f"a_column_with_a_long_name_{number} TEXT" for number in range(60))
    db = database(f"CREATE TABLE note (id INTEGER PRIMARY KEY, {columns});", "many.db")
    project = Migrating(db, tmp_path).models({"Note": {"table": "note", "fields": {
        "id": {"type": "bigint", "primary_key": True},
        **{f"a_column_with_a_long_name_{number}": {"type": "integer", "nullable": True}
           for number in range(60)}}}})
    told = project.fails(4, "baseline")
    assert all(f"/a_column_with_a_long_name_{number}:" in told for number in range(60))


# --- the rest of the verbs -------------------------------------------------------------------------

def test_check_finds_what_is_wrong_and_squash_makes_one_of_many(project):
    assert project.json("db", "check", "--replay") == {"problems": [], "ok": True}
    project.models(models(name=text(), bio=text()))
    assert project.run("db", "check").returncode == 3
    project.make("bio")
    assert project.run("db", "check").returncode == 3
    project.up()
    project.db.run('CREATE INDEX extra ON "user" (name)')
    assert project.run("db", "check").returncode == 4
    project.db.run("DROP INDEX extra")
    squashed = project.db_command("squash", "-m", "all")
    assert len(squashed["replaces"]) == 1 and squashed["left_out"] == []  # the newest keeps its name
    assert project.json("db", "check", "--replay") == {"problems": [], "ok": True}
    status = project.status()
    assert [one["message"] for one in status["applied"]] == ["all"]
    assert (status["state"], rows(project)) == ("up_to_date", NAMES)


def test_stamp_notes_and_runs_nothing(project):
    project.models(models(name=text(), bio=text()))
    revision = project.make("bio")["revision"]
    project.db_command("stamp", revision[:5])
    assert [one["message"] for one in project.status()["applied"]] == ["users", "bio"]
    assert "bio" not in project.described()["models"]["user"]["fields"]
    assert project.run("db", "drift").returncode == 4
    project.db_command("drift", "--fix")
    assert project.status()["state"] == "up_to_date"
    assert "bio" in project.described()["models"]["user"]["fields"]


def test_what_is_kept_is_purged_with_consent_only(project):
    project.models(models())
    project.make("drop", "--allow-data-loss=user.name")
    project.up()
    kept = project.db_command("purge", "--plan")["kept"]
    assert [one["object"] for one in kept] == ["user.name"]
    project.fails(6, "purge")
    assert len(project.db_command("purge", "--plan")["kept"]) == 1
    project.db_command("purge", "--allow-data-loss=user.name")
    assert project.db_command("purge", "--plan")["kept"] == []


def test_a_rehearsal_runs_and_changes_nothing(project):
    project.models(models(name={"type": "text", "backfill": "-"}, bio=text()))
    project.make("more")
    before = project.described()
    assert project.up("--rehearse")["applied"] is False
    assert project.described() == before and rows(project) == NAMES
    assert project.status()["state"] == "pending"


def test_a_script_is_printed_and_not_run(project):
    project.models(models(name=text(), bio=text()))
    project.make("bio")
    done = project.run("db", "migrate", "--sql")
    assert done.returncode == 0 and "bio" in done.stdout and "ALTER TABLE" in done.stdout
    assert project.status()["state"] == "pending"
