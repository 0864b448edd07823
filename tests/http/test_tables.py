"""modeld db create-tables: tables from definition files, as a user runs it."""
import json
import os
import pathlib
import re
import sqlite3
import subprocess

import pytest

from harness import ROOT, find_modeld

BLOG = ROOT / "config" / "models" / "blog.json"


def run(db, *words):
    """The command; its exit code, standard output and standard error."""
    done = subprocess.run([find_modeld(), "db", "create-tables", "--db", db.url,
                           *map(str, words)], capture_output=True, text=True, timeout=60,
                          check=False)
    return done.returncode, done.stdout, done.stderr


def models(tmp_path, text):
    path = tmp_path / "models.json"
    path.write_text('{ "version": 1, "models": {\n' + text + "\n} }\n")
    return path


@pytest.fixture
def db(fresh):
    return fresh


def expect_untouched(db):
    """Nothing was made, not even the file where it is one."""
    assert db.engine != "sqlite" or not os.path.exists(db.path)
    assert db.engine == "sqlite" or db.tables() == set()


def test_the_blog_is_made_once_and_can_be_served(db, serve):
    code, out, err = run(db, "--models", BLOG)
    assert (code, err) == (0, "")
    assert out.splitlines() == [
        "made table user", "made table userprofile", "made table post",
        "made index post_author_id_idx of post", "made table tag", "made table post_tags",
        "made index post_tags_tag_id_idx of post_tags"]
    assert run(db, BLOG) == (0, "nothing to make: every table is there\n", "")
    server = serve(db)
    assert server.get("/user").json == []
    server.error("/_modeld_objects", 404, "PGRST205")


# A text that we write, a timestamptz that the engine writes.
NOW = {"sqlite": r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}\+00:00",
       "postgresql": r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d+)?\+00"}
TEXT = {"sqlite": "TEXT", "postgresql": 'text COLLATE "C"'}


def test_what_was_made_is_noted(db):
    run(db, BLOG)
    rows = db.rows("SELECT kind, name, model, length(checksum), created_at "
                   "FROM _modeld_objects ORDER BY kind, name")
    assert [row[:3] for row in rows] == [
        ("index", "post_author_id_idx", "Post"), ("index", "post_tags_tag_id_idx", "PostTag"),
        ("table", "post", "Post"), ("table", "post_tags", "PostTag"), ("table", "tag", "Tag"),
        ("table", "user", "User"), ("table", "userprofile", "UserProfile")]
    assert all(row[3] == 64 for row in rows)
    assert all(re.fullmatch(NOW[db.engine], row[4]) for row in rows), rows[0]


# What there is in a database, as the engine tells it.
EVERYTHING = {
    "sqlite": "SELECT type, name, sql FROM sqlite_schema ORDER BY 1, 2",
    "postgresql": """
        SELECT attrelid::regclass::text, attnum, attname, format_type(atttypid, atttypmod),
               attnotnull, attidentity, pg_get_expr(adbin, adrelid)
        FROM pg_attribute LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
        WHERE attrelid >= 16384 AND attnum > 0 AND attrelid::regclass::text NOT LIKE 'pg_toast%'
        UNION ALL SELECT conrelid::regclass::text, 0, conname, pg_get_constraintdef(oid),
               NULL, NULL, NULL FROM pg_constraint WHERE conrelid >= 16384
        UNION ALL SELECT tablename, 0, indexname, indexdef, NULL, NULL, NULL FROM pg_indexes
               WHERE schemaname = 'public' ORDER BY 1, 2, 3, 4""",
}


def test_a_dry_run_prints_the_sql_and_changes_nothing(db, database):
    code, out, err = run(db, "--dry-run", BLOG)
    assert (code, err) == (0, "")
    expect_untouched(db)
    by_hand = database("", "by-hand.db")
    by_hand.run(out)
    assert run(db, BLOG)[0] == 0
    assert by_hand.rows(EVERYTHING[db.engine]) == db.rows(EVERYTHING[db.engine])


@pytest.mark.sqlite("a database is a file")
def test_a_dry_run_leaves_the_bytes_of_a_file_alone(db):
    db.run("CREATE TABLE mine (id INTEGER PRIMARY KEY)")
    before = pathlib.Path(db.path).read_bytes()
    code, out, err = run(db, "--dry-run", BLOG)
    assert code == 0 and 'CREATE TABLE "post"' in out
    assert err == "modeld: warning: table mine: no model describes this table\n"
    assert pathlib.Path(db.path).read_bytes() == before


def test_a_difference_in_the_way_is_78_with_what_would_mend_it(db, tmp_path):
    db.run("CREATE TABLE a (id INTEGER PRIMARY KEY)")
    file = models(tmp_path, '"A": { "fields": { "x": "text?" } },\n"B": { "fields": {} }')
    code, out, err = run(db, file)
    assert (code, out) == (78, "")
    assert f"error: table a, column x: the column is missing (model A, {file}:2)\n" in err
    assert f'    to mend it: ALTER TABLE "a" ADD COLUMN "x" {TEXT[db.engine]}\n' in err
    assert "modeld db makemigrations and modeld db migrate bring tables to their models" in err
    assert "modeld db baseline" in err
    assert err.endswith("nothing was made: 1 difference is in the way, see above\n")
    assert db.tables() == {"a"}
    db.run('ALTER TABLE "a" ADD COLUMN "x" TEXT')
    assert run(db, file)[:2] == (0, "made table b\n")


def test_other_differences_are_warnings(db, tmp_path):
    db.run("CREATE TABLE a (id INTEGER PRIMARY KEY, x TEXT, y TEXT)")
    code, out, err = run(db, models(tmp_path, """"A": { "fields": { "x": "text = 'b'" } }"""))
    assert (code, out) == (0, "nothing to make: every table is there\n")
    assert "warning: table a, column x: the column may be null, the field may not" in err
    assert "warning: table a, column x: the default is missing, the model says 'b'" in err
    assert "warning: table a, column y: the model has no such field" in err


def test_what_is_not_ours_to_change_is_told_without_a_command(db, tmp_path):
    db.run("CREATE TABLE a (id INTEGER PRIMARY KEY, x TEXT)")
    code, _, err = run(db, models(
        tmp_path, '"A": { "managed": false, "fields": { "id": "bigint pk", "x": "text" } }'))
    assert code == 0 and "the column may be null, the field may not" in err
    assert "makemigrations" not in err
    code, _, err = run(db, models(
        tmp_path, '"A": { "managed": false, "fields": { "id": "bigint pk", "y": "text" } }'))
    assert code == 78 and "to mend it: take the field away, or have the column added" in err


@pytest.mark.postgresql("numbers have their size in the type there")
def test_numbers_of_another_size_are_told(db, tmp_path):
    db.run("CREATE DOMAIN positive AS integer CHECK (value > 0)")
    db.run("CREATE TABLE a (id serial PRIMARY KEY, s smallint, r real, n numeric, d numeric(8, 2),"
           " p positive)")
    code, _, err = run(db, models(tmp_path, """"A": { "fields": { "s": "integer?", "r": "float?",
        "n": "decimal(10, 2)?", "d": "decimal(8, 2)?", "p": "integer?" } }"""))
    assert code == 0
    assert re.findall(r"column (\w+): the type is (.*) \(model A", err) == [
        ("id", "integer, the model says bigint"), ("s", "smallint, the model says integer"),
        ("r", "real, the model says double precision"),
        ("n", "numeric, the model says numeric(10,2)")]


def test_a_type_of_another_engine_leaves_this_one_its_own(db, tmp_path):
    other = {"sqlite": "postgresql", "postgresql": "sqlite"}[db.engine]
    file = models(tmp_path, """"A": { "fields": { "x": { "type": "text", "nullable": true,
        "sql_type": { "%s": "CHARACTER LARGE OBJECT" } } } }""" % other)
    code, out, err = run(db, "--dry-run", file)
    assert (code, err) == (0, "") and f'"x" {TEXT[db.engine]}' in out
    assert run(db, file) == (0, "made table a\n", "")
    assert run(db, file) == (0, "nothing to make: every table is there\n", "")


@pytest.mark.postgresql("there foreign keys can be added later")
def test_a_circle_of_references_is_made_and_told(db, tmp_path):
    code, out, _ = run(db, models(tmp_path, """"A": { "fields": { "b_id": "-> B?" } },
        "B": { "fields": { "a_id": "-> A?" } }"""))
    assert code == 0
    assert out.splitlines()[-1] == "made foreign key a_b_id_fkey of a"


def test_what_was_made_differs_in_nothing_however_defaults_are_written(db, tmp_path):
    file = models(tmp_path, """"A": { "fields": {
        "x": { "type": "integer", "default": { "sql": "(40 + 2)" } },
        "y": { "type": "integer", "default": { "sql": "(1) + (2)" } },
        "z": { "type": "text", "default": { "sql": "((lower('A'))) || ')'" } } } }""")
    assert run(db, file) == (0, "made table a\n", "")
    assert run(db, file) == (0, "nothing to make: every table is there\n", "")


def test_mistakes_in_files_are_65_and_touch_nothing(db, tmp_path):
    code, _, err = run(db, models(tmp_path, '"A": { "fields": { "x": "txt" } }'))
    assert code == 65 and "M120" in err
    code, _, err = run(db, models(
        tmp_path, '"A": { "fields": { "x": "text" }, "checks": ["y > 1"] }'))
    assert code == 65 and "y" in err and 'in: CREATE TABLE "a"' in err
    assert f"the model is A, {tmp_path / 'models.json'}:2\n" in err
    expect_untouched(db)


def test_no_tables_or_no_files_is_66_and_makes_no_file(db, tmp_path):
    empty = models(tmp_path, '"A": { "abstract": true, "fields": { "x": "text" } }')
    code, out, err = run(db, empty)
    if db.engine == "sqlite":
        assert code == 66 and "no such file" in err
    else:
        assert (code, out) == (0, "nothing to make: every table is there\n")
    assert run(db, tmp_path / "nothing*.json")[0] == 66
    assert run(db)[0] == 66
    expect_untouched(db)


def test_engines_without_tables_and_missing_urls_are_78():
    for words in (["--db", "mysql://localhost/x"], []):
        done = subprocess.run([find_modeld(), "db", "create-tables", *words, str(BLOG)],
                              capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 78, done.stderr
        assert done.stderr.startswith("modeld: ")


@pytest.mark.sqlite("one lock for a whole file")
def test_a_locked_database_is_75(db):
    holder = sqlite3.connect(db.path)
    holder.execute("PRAGMA journal_mode=WAL")
    holder.execute("CREATE TABLE mine (id INTEGER PRIMARY KEY)")
    holder.execute("BEGIN IMMEDIATE")
    code, _, err = run(db, "--set", "lock_timeout=100ms", BLOG)
    holder.rollback()
    holder.close()
    assert code == 75, err
    assert db.tables() == {"mine"}


def test_two_at_once_make_everything_once(db):
    command = [find_modeld(), "db", "create-tables", "--db", db.url, str(BLOG)]
    both = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
            for _ in range(2)]
    outputs = [process.communicate(timeout=60) for process in both]
    assert [process.returncode for process in both] == [0, 0], outputs
    assert sorted("made table user" in out for out, _ in outputs) == [False, True]


@pytest.mark.sqlite("there functions and tables share their names")
def test_tables_named_like_functions_of_the_engine_are_in_nobodys_way(serve, database):
    names = ["json_each", "json_tree", "pragma_table_list", "pragma_table_xinfo", "pragma_index_list",
             "pragma_index_xinfo", "pragma_foreign_key_list", "pragma_foreign_key_check"]
    db = database("".join(f"CREATE TABLE {name} (id INTEGER PRIMARY KEY, tags JSON);"
                          f"""INSERT INTO {name} VALUES (1, '["a"]');""" for name in names))
    server = serve(db)
    for name in names:
        assert server.rows(f"/{name}?tags=ov.[\"a\"]") == [{"id": 1, "tags": ["a"]}], name


def test_the_schema_for_editors_has_the_keys_of_files_and_no_others(tmp_path):
    defs = json.loads(pathlib.Path(ROOT, "config/models/modeld-models-1.schema.json").read_text())["$defs"]

    def told(model):
        path = tmp_path / "m.json"
        path.write_text(json.dumps({"version": 1, "models": {"A": model}}))
        done = subprocess.run([find_modeld(), "models", "check", str(path)], capture_output=True,
                              text=True, timeout=60, check=False)
        return done.stdout + done.stderr

    def anything(name):
        schema = defs[name]
        for choice in schema.get("oneOf", [schema]):
            if "properties" in choice:
                return dict.fromkeys(choice["properties"], {"$": {}})
        raise AssertionError(name)

    field = {"type": "text", "default": anything("fn")}
    for model in [anything("model"), {"fields": {"x": anything("field_object"), "y": field}},
                  {"fields": {}, "relations": {"r": anything("relation")}},
                  {"fields": {}, "indexes": [anything("index")]},
                  {"fields": {"x": {"references": anything("reference")}}}]:
        err = told(model)
        assert "mistake" in err
        assert not [line for line in err.splitlines()
                    if "unknown key" in line and '"$"' not in line], err
    assert 'unknown key "nonsense"' in told({"fields": {}, "nonsense": 1})
