"""modeld list, get, create, update, delete and count: work on rows without a server."""
import csv
import io
import json
import os
import pty
import signal
import subprocess
import urllib.parse

import pytest

from conftest import SHOP, SHOP_ROWS
from faults import sanitized
from harness import PATIENCE, ROOT, clean_environment, find_modeld, run

BLOG = ROOT / "config" / "models" / "blog.json"


class Cli:
    """The commands on one database."""

    def __init__(self, db, *options):
        self.db = db
        self.options = ["--db", db.url, *map(str, options)]

    def run(self, command, *words, **more):
        return run(command, *self.options, *words, **more)

    def ok(self, command, *words, **more):
        done = self.run(command, *words, **more)
        assert (done.returncode, done.stderr) == (0, ""), done
        return done.stdout

    def json(self, command, *words, **more):
        return json.loads(self.ok(command, *words, **more))

    def fails(self, code, command, *words, **more):
        """What stands on standard error."""
        done = self.run(command, *words, **more)
        assert (done.returncode, done.stdout) == (code, ""), done
        assert done.stderr.startswith("modeld: "), done
        return done.stderr


@pytest.fixture
def blog(fresh):
    """Declared models, and three users."""
    cli = Cli(fresh, "--models", BLOG)
    made = run("db", "create-tables", *cli.options)
    assert made.returncode == 0, made
    cli.json("create", "User", "--json", json.dumps(
        [{"username": name, "email": f"{name}@x.org"} for name in ("ann", "bob", "cid")]))
    return cli


@pytest.fixture
def shop_cli(database):
    """Tables as they are."""
    return Cli(database(SHOP + SHOP_ROWS, "shop.db"))


# --- reading -----------------------------------------------------------------------------------

def test_list_prints_the_rows_that_are_asked_for(blog):
    assert blog.json("list", "User", "--select", "id,username", "--order", "id.desc", "--limit",
                     "1", "--offset", "1") == [{"id": 2, "username": "bob"}]
    assert len(blog.json("list", "User")) == 3


@pytest.mark.parametrize("condition, names", [
    ("username eq bob", "bob"), ("username=eq.bob", "bob"), ("username = bob", "bob"),
    ("id >= 2", "bob cid"), ("id <> 2", "ann cid"), ("username not.like a*", "bob cid"),
    ("id in (1,3)", "ann cid"), ("full_name is null", "ann bob cid"),
    ("or=(id.eq.1,and(id.gt.2,username.eq.cid))", "ann cid"), ("not.or=(id.eq.1,id.eq.2)", "cid"),
    ("  id   lt   2", "ann"), ("username=in.(ann,\"b,d\")", "ann"), ("full_name eq ", ""),
])
def test_conditions_are_understood_in_both_ways(blog, condition, names):
    rows = blog.json("list", "User", "--where", condition, "--order", "id")
    assert [row["username"] for row in rows] == names.split()
    assert blog.ok("count", "User", "--where", condition) == f"{len(names.split())}\n"


def test_all_conditions_must_hold(blog):
    assert blog.ok("count", "User", "--where", "id > 1", "--where=id=lt.3") == "1\n"


def test_related_rows_are_selected_and_asked_for(blog):
    blog.json("create", "Post", "title=one", "content=x", "author_id=2")
    assert blog.json("list", "User", "--select", "username,posts!inner(title)", "--where",
                     "posts.title eq one") == [{"username": "bob", "posts": [{"title": "one"}]}]


def test_get_prints_one_row(blog):
    assert blog.json("get", "User", "2", "--select", "username") == {"username": "bob"}
    assert blog.json("get", "--", "User", "2")["username"] == "bob"


def test_keys_of_several_columns_are_written_with_a_comma(blog):
    blog.json("create", "Post", "title=one", "content=x", "author_id=2")
    blog.json("create", "Tag", "name=red")
    blog.json("create", "PostTag", "post_id=1", "tag_id=1")
    assert blog.json("get", "PostTag", "1,1") == {"post_id": 1, "tag_id": 1}
    assert "does not have 2 parts" in blog.fails(66, "get", "PostTag", "1")
    assert blog.json("delete", "PostTag", "1,1") == {"post_id": 1, "tag_id": 1}


def test_tables_are_read_as_they_are(shop_cli):
    rows = shop_cli.json("list", "maker", "--order", "id")
    assert rows and rows == [dict(zip(("id", "name", "country"), row)) for row in
                             shop_cli.db.rows("SELECT id, name, country FROM maker ORDER BY id")]


def test_each_format_has_the_same_rows(blog):
    words = ["list", "User", "--select", "id,username,is_active", "--order", "id", "--format"]
    rows = blog.json(*words, "json")
    assert [json.loads(line) for line in blog.ok(*words, "ndjson").splitlines()] == rows
    table = list(csv.DictReader(io.StringIO(blog.ok(*words, "csv"))))
    assert [row["username"] for row in table] == ["ann", "bob", "cid"]
    assert blog.ok(*words, "table").splitlines() == [
        "id  username  is_active", "--  --------  ---------", "1   ann       true",
        "2   bob       true", "3   cid       true"]


def test_one_row_in_each_format(blog):
    words = ["get", "User", "2", "--select", "id,username,full_name", "--format"]
    assert blog.ok(*words, "json") == '{"id":2,"username":"bob","full_name":null}\n'
    assert blog.ok(*words, "ndjson") == '{"id":2,"username":"bob","full_name":null}\n'
    assert blog.ok(*words, "csv") == "id,username,full_name\n2,bob,\n"
    assert blog.ok(*words, "table") == "id         2\nusername   bob\nfull_name  null\n"


def test_no_rows_in_each_format(blog):
    for name, text in [("json", "[]\n"), ("ndjson", ""), ("table", "no rows\n")]:
        assert blog.ok("list", "User", "--where", "id = 0", "--format", name) == text


# --- terminals ---------------------------------------------------------------------------------

def on_a_terminal(cli, *words):
    """What a terminal gets."""
    leader, follower = pty.openpty()
    process = subprocess.Popen([find_modeld(), words[0], *cli.options, *words[1:]],
                               stdin=subprocess.DEVNULL, stdout=follower, stderr=follower,
                               env=clean_environment())
    os.close(follower)
    text = b""
    while True:
        try:
            piece = os.read(leader, 65536)
        except OSError:  # EIO: the other side is closed
            break
        if not piece:
            break
        text += piece
    os.close(leader)
    assert process.wait(PATIENCE) == 0, text
    return text.decode().replace("\r\n", "\n")


def test_on_a_terminal_it_is_a_table(blog):
    assert on_a_terminal(blog, "list", "Tag") == "no rows\n"
    assert on_a_terminal(blog, "get", "User", "1", "--select", "id,username") == \
        "id        1\nusername  ann\n"
    assert on_a_terminal(blog, "get", "User", "1", "--select", "id", "--format", "json") == \
        '{"id":1}\n'


@pytest.mark.parametrize("text, shown", [
    ("a\x1b[31mred", "a\\x1b[31mred"), ("one\ntwo\tx\r", "one\\ntwo\\tx\\r"), ("\x7f\x9b2J", "\\x7f\\x9b2J"),
    ("\u202egpj.exe", "\\u202egpj.exe"), ("zero\u200bwidth", "zero\\u200bwidth"), ("größe", "größe"),
])
def test_control_characters_of_the_database_do_not_reach_a_terminal(blog, text, shown):
    blog.json("update", "User", "1", "full_name=" + text)
    assert blog.json("get", "User", "1", "--select", "full_name") == {"full_name": text}
    assert on_a_terminal(blog, "get", "User", "1", "--select", "full_name") == \
        f"full_name  {shown}\n"
    assert on_a_terminal(blog, "list", "User", "--select", "full_name", "--where",
                         "id = 1").splitlines()[2] == shown


def test_control_characters_do_not_come_with_errors(blog):
    blog.json("update", "User", "1", "username=a\x1b[31m")
    assert "a\\x1b[31m" in blog.fails(65, "create", "User", "username=a\x1b[31m", "email=e@x.org")


def test_columns_of_a_table_stand_below_each_other_and_long_texts_are_cut(blog):
    for key, name in enumerate(["日本", "e\u0301e", "x" * 200], 1):
        blog.json("update", "User", str(key), "full_name=" + name)
    lines = blog.ok("list", "User", "--select", "full_name,id", "--order", "id", "--format",
                    "table").splitlines()
    assert lines[2] == "日本" + " " * 78 + "1"
    assert lines[3] == "e\u0301e" + " " * 80 + "2"
    assert lines[4] == "x" * 79 + "…  3"
    assert "x" * 200 in blog.ok("get", "User", "3", "--format", "table")


# --- writing -----------------------------------------------------------------------------------

def test_create_reads_texts_as_the_types_of_their_fields(blog):
    row = blog.json("create", "User", "username=007", "email=b@x.org", "is_active=false")
    assert (row["id"], row["username"], row["is_active"]) == (4, "007", False)
    assert blog.json("get", "User", "4") == row


def test_create_takes_json_beside_texts(blog):
    row = blog.json("create", "User", "username=7", 'email:="b@x.org"', "is_active:=false",
                    "full_name:=null", )
    assert (row["username"], row["email"], row["is_active"], row["full_name"]) == \
        ("7", "b@x.org", False, None)
    assert blog.json("update", "User", "4", "full_name=")["full_name"] == ""


@pytest.mark.parametrize("word, value", [
    ('facts={"a": [1]}', {"a": [1]}), ('facts:={"a": [1]}', {"a": [1]}), ('facts:="x"', "x"),
    ("facts:=null", None), ("facts:=5", 5)])
def test_json_columns_take_texts_of_json_and_json(shop_cli, word, value):
    row = shop_cli.json("create", "toy", "id=900", "name=x", word, "stock:=3")
    stored = row["facts"]
    if shop_cli.db.engine == "sqlite" and isinstance(stored, str) and stored != "x":
        stored = json.loads(stored)  # a column that is declared JSON there holds texts
    assert (stored, row["stock"]) == (value, 3)


def test_create_takes_json_from_everywhere(blog, tmp_path):
    path = tmp_path / "rows.json"
    path.write_text('[{"name": "red"}, {"name": "blue"}]', encoding="utf-8")
    assert blog.json("create", "Tag", "--json", f"@{path}") == [{"id": 1, "name": "red"},
                                                                {"id": 2, "name": "blue"}]
    assert blog.json("create", "Tag", "--json", "-", stdin='{"name": "green"}') == \
        {"id": 3, "name": "green"}
    assert blog.json("create", "Tag", "--json", '[{"name": "last"}]') == [{"id": 4, "name": "last"}]
    assert blog.json("update", "Tag", "4", "--json", '{"name": "end"}')["name"] == "end"
    assert blog.ok("create", "Tag", "--format", "ndjson", "--json",
                   '[{"name": "a]\\"},{"}, {"name": "b"}]') == \
        '{"id":5,"name":"a]\\"},{"}\n{"id":6,"name":"b"}\n'


def test_update_changes_the_row_with_the_key_or_those_that_match(blog):
    assert blog.json("update", "User", "1", "username=anna")["username"] == "anna"
    rows = blog.json("update", "User", "--where", "id > 1", "is_active=false")
    assert sorted(row["id"] for row in rows) == [2, 3]
    assert blog.ok("count", "User", "--where", "is_active is false") == "2\n"
    assert len(blog.json("update", "User", "--all", "is_active=true")) == 3
    assert blog.json("update", "User", "--where", "id = 77", "is_active=true") == []


def test_delete_takes_the_row_with_the_key_or_those_that_match(blog):
    assert blog.json("delete", "User", "1")["username"] == "ann"
    assert [row["id"] for row in blog.json("delete", "User", "--where", "username = bob")] == [2]
    assert [row["id"] for row in blog.json("delete", "User", "--all")] == [3]
    assert blog.ok("count", "User") == "0\n"


@pytest.mark.parametrize("words", [
    ["create", "User", "username=x", "email=x@x.org"], ["update", "User", "1", "username=x"],
    ["delete", "User", "--all"]])
def test_a_dry_run_shows_and_changes_nothing(blog, words):
    before = blog.json("list", "User", "--order", "id")
    done = blog.run(*words, "--dry-run")
    assert (done.returncode, done.stderr) == (0, "modeld: dry run: nothing was changed\n")
    assert json.loads(done.stdout)
    assert blog.json("list", "User", "--order", "id") == before


def test_it_works_beside_a_daemon(blog, serve):
    server = serve(blog.db, models=BLOG)
    row = blog.json("create", "User", "username=x", "email=x@x.org")
    assert server.rows("/user?username=eq.x") == [row]
    server.patch(f"/user?id=eq.{row['id']}", {"full_name": "X"})
    assert blog.json("get", "User", str(row["id"]))["full_name"] == "X"


@pytest.mark.sqlite("about the file")
def test_the_journal_mode_of_a_file_is_left_alone(database):
    db = database("PRAGMA journal_mode = DELETE; CREATE TABLE t (id INTEGER PRIMARY KEY, x TEXT);")
    cli = Cli(db)
    assert cli.json("create", "t", "x=1") == {"id": 1, "x": "1"}
    assert cli.json("list", "t") == [{"id": 1, "x": "1"}]
    assert db.rows("PRAGMA journal_mode") == [("delete",)]


# --- failures ----------------------------------------------------------------------------------

@pytest.mark.parametrize("words, told", [
    (["list"], "list needs the name of a model"),
    (["get", "User"], "get needs a key"),
    (["get", "User", "1", "2"], 'get does not take "2"'),
    (["count", "User", "1"], 'count does not take "1"'),
    (["create", "User"], "create needs FIELD=VALUE or --json"),
    (["create", "User", "name"], '"name" is not FIELD=VALUE'),
    (["create", "User", "=x"], '"=x" is not FIELD=VALUE'),
    (["create", "User", "a=1", "--json", "{}"], "not both"),
    (["update", "User", "username=x"], "update needs a key, --where, or --all"),
    (["update", "User", "username=x", "email=y"], "update needs a key, --where, or --all"),
    (["update", "User", "1"], "update needs FIELD=VALUE"),
    (["delete", "User"], "delete needs a key, --where, or --all"),
    (["delete", "User", "--all", "--where", "id = 1"], "not both"),
    (["delete", "User", "--where", "id = 1", "2"], 'delete does not take "2"'),
    (["list", "User", "--limit", "x"], '--limit needs a number, not "x"'),
    (["list", "User", "--offset=-1"], '--offset needs a number, not "-1"'),
    (["list", "User", "--format", "xml"], "one of json, ndjson, csv, table"),
    (["delete", "User", "1", "--format", "csv"], "csv is for list and get"),
    (["list", "User", "--where", "id"], '"id" is not "COLUMN OPERATOR VALUE"'),
    (["list", "User", "--where", "id=3"], '"id=3" is not'),
    (["list", "User", "--where", ""], '"" is not'),
    (["list", "User", "--where", "id between 1"], "failed to parse filter"),
    (["list", "User", "--order", "id.up"], "failed to parse order"),
    (["list", "User", "--select", "id("], "failed to parse select"),
    (["list", "User", "--wher", "id = 1"], "did you mean --where?"),
    (["count", "User", "--limit", "1"], "count does not know --limit"),
])
def test_a_wrong_command_line_is_64(blog, words, told):
    assert told in blog.fails(64, *words)
    assert len(blog.json("list", "User")) == 3


def test_what_is_not_there_is_66(blog, tmp_path):
    assert 'there is no model "Usr"; did you mean "User"?' in blog.fails(66, "list", "Usr")
    assert blog.fails(66, "list", "Zebra") == 'modeld: there is no model "Zebra"\n'
    for words in [["get", "User", "99"], ["update", "User", "99", "username=x"],
                  ["delete", "User", "99"]]:
        assert blog.fails(66, *words) == 'modeld: User has no row with the key "99"\n'
    assert "cannot read" in blog.fails(66, "create", "User", "--json", f"@{tmp_path}/none")


@pytest.mark.parametrize("words, told", [
    (["create", "User", "username=ann", "email=q@x.org"], "Key (username)=(ann) already exists."),
    (["create", "User", "username=x"], "email"),
    (["create", "User", "username=x", "email=nonsense"], "email"),
    (["create", "User", "username=x", "email=x@x.org", "is_active=maybe"], "maybe"),
    (["create", "User", "username=x", "email:=nonsense"], 'given for "email" is not JSON'),
    (["create", "User", "nothing=x"], "nothing"),
    (["create", "User", "--json", "{"], "modeld: "),
    (["create", "Post", "title=t", "content=c", "author_id=99"], "author_id"),
    (["update", "User", "1", "username=bob"], "already exists"),
    (["get", "User", "abc"], "abc"),
    (["list", "User", "--where", "nothing eq 1"], "nothing"),
    (["list", "User", "--where", "id eq x"], "x"),
])
def test_what_is_refused_is_65_and_changes_nothing(blog, words, told):
    before = blog.json("list", "User", "--order", "id")
    assert told in blog.fails(65, *words)
    assert blog.json("list", "User", "--order", "id") == before


def test_a_row_that_others_need_is_not_deleted(blog):
    blog.json("create", "Post", "title=t", "content=c", "author_id=1")
    assert "post" in blog.fails(65, "delete", "User", "1")
    assert blog.json("get", "User", "1")["username"] == "ann"


def test_a_nul_byte_is_not_json(blog):
    assert "NUL" in blog.fails(65, "create", "Tag", "--json", "-", stdin='{"name":"a"}\0,')


def test_no_database_is_78():
    done = run("list", "User")
    assert (done.returncode, done.stderr) == (
        78, 'modeld: no database: give --db URL, or set "db_url"\n')


@pytest.mark.sqlite("about files")
def test_a_file_that_is_not_there_is_66_and_is_not_made(tmp_path):
    for models in [[], ["--models", BLOG]]:
        done = run("list", "User", "--db", f"sqlite:///{tmp_path}/none.db", *models)
        assert done.returncode == 66 and "no such file" in done.stderr, done
    assert os.listdir(tmp_path) == []


@pytest.mark.postgresql("about servers")
def test_a_server_that_does_not_answer_is_69(engine, tmp_path):
    done = run("list", "user", "--db", f"postgresql:///x?host={tmp_path}")
    assert (done.returncode, done.stdout) == (69, ""), done


def test_tables_that_are_missing_are_told(fresh):
    if fresh.engine == "sqlite":
        fresh.run("CREATE TABLE other (id INTEGER)")
    done = run("list", "User", "--db", fresh.url, "--models", BLOG)
    assert done.returncode == 78 and "table user" in done.stderr, done
    assert "user" not in fresh.tables()


def test_all_mistakes_of_the_definitions_are_told(fresh, tmp_path):
    path = tmp_path / "wrong.json"
    path.write_text('{ "version": 1, "models": { "A": { "fields": { "x": "strong", '
                    '"y": "intger" } } } }', encoding="utf-8")
    if fresh.engine == "sqlite":
        fresh.run("CREATE TABLE other (id INTEGER)")
    done = run("list", "A", "--db", fresh.url, "--models", path)
    assert done.returncode == 65, done
    assert "strong" in done.stderr and "intger" in done.stderr and "2 mistakes" in done.stderr


def test_a_lock_that_somebody_holds_is_75(blog):
    words = ["update", "User", "1", "username=x", "--set", "lock_timeout=200ms"]
    if blog.db.engine == "sqlite":
        import sqlite3
        other = sqlite3.connect(blog.db.path)
        other.execute("BEGIN IMMEDIATE")
    else:
        other = blog.db.connect()
        other.execute('BEGIN; UPDATE "user" SET username = username WHERE id = 1')
    try:
        assert blog.fails(75, *words)
    finally:
        other.close()
    assert blog.json("get", "User", "1")["username"] == "ann"


@pytest.mark.postgresql("about rights")
def test_what_is_not_permitted_is_77(shop_cli):
    shop_cli.db.run("DROP ROLE IF EXISTS cli_guest; CREATE ROLE cli_guest LOGIN; "
                    "GRANT SELECT ON maker TO cli_guest")
    guest = Cli(shop_cli.db)
    guest.options[1] += "&user=cli_guest"
    assert guest.json("list", "maker")
    assert "permission denied" in guest.fails(77, "delete", "maker", "--all")
    shop_cli.options[1] += "&options=-cdefault_transaction_read_only%3Don"
    assert "read-only" in shop_cli.fails(77, "delete", "maker", "--all")
    assert shop_cli.json("list", "maker")


@pytest.mark.postgresql("rules that wait for the end are PostgreSQL's")
def test_a_rule_that_is_checked_at_the_end_is_65(database):
    cli = Cli(database("CREATE TABLE a (id INTEGER PRIMARY KEY); CREATE TABLE b (id INTEGER PRIMARY "
                       "KEY, a_id INTEGER REFERENCES a DEFERRABLE INITIALLY DEFERRED);"))
    assert "b_a_id_fkey" in cli.fails(65, "create", "b", "a_id=7")
    assert cli.json("list", "b") == []


@pytest.mark.postgresql("other forms of the URL")
def test_keywords_of_libpq_are_a_database_as_well(shop_cli):
    url = shop_cli.db.url
    parts = urllib.parse.urlsplit(url)
    words = dict(urllib.parse.parse_qsl(parts.query), dbname=parts.path[1:],
                 user=parts.username or "")
    keywords = " ".join(f"{key}={value}" for key, value in words.items() if value)
    assert json.loads(run("list", "maker", "--db", keywords).stdout) == shop_cli.json("list", "maker")


# --- large answers -----------------------------------------------------------------------------

MANY = """
CREATE TABLE many (id INTEGER PRIMARY KEY, text TEXT);
WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 150000)
    INSERT INTO many (id, text) SELECT i,
        'a text of some length, so that there is a good deal to print: two hundred bytes or so, '
        || 'as rows of this kind have them, or those of a log, or what somebody wrote about it: '
        || i FROM n;
"""


def peak_of(cli, *words):
    """Bytes of output, and the most memory in bytes."""
    process = subprocess.Popen([find_modeld(), words[0], *cli.options, *words[1:]],
                               stdout=subprocess.PIPE, env=clean_environment())
    length = 0
    while piece := process.stdout.read(1 << 20):
        length += len(piece)
    process.stdout.close()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0
    return length, usage.ru_maxrss * 1024


@pytest.mark.parametrize("name", ["json", "ndjson", "csv"])
def test_memory_does_not_grow_with_the_answer(database, name):
    cli = Cli(database(MANY))
    few, little = peak_of(cli, "list", "many", "--limit", "1", "--format", name)
    length, most = peak_of(cli, "list", "many", "--format", name)
    assert few < 1000 and length > 25 * 1000 * 1000
    if not sanitized():  # which keeps what is freed
        assert most - little < 10 * 1000 * 1000


def test_a_reader_that_leaves_ends_it(database):
    cli = Cli(database(MANY))

    def start(**more):
        process = subprocess.Popen([find_modeld(), "list", *cli.options, "many"],
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                   env=clean_environment(), **more)
        assert process.stdout.read(2) == b"[{"
        process.stdout.close()
        told = process.stderr.read().decode()
        process.stderr.close()
        return process.wait(PATIENCE), told
    assert start() == (-signal.SIGPIPE, "")
    assert start(restore_signals=False,
                 preexec_fn=lambda: signal.signal(signal.SIGPIPE, signal.SIG_IGN)) == (
        74, "modeld: cannot write: Broken pipe\n")


@pytest.mark.sqlite("there is one writer of the output")
def test_a_full_disk_is_74(database):
    cli = Cli(database(MANY))
    with open("/dev/full", "wb") as full:
        done = subprocess.run([find_modeld(), "list", *cli.options, "many"], stdout=full,
                              stderr=subprocess.PIPE, text=True, env=clean_environment(),
                              timeout=PATIENCE, check=False)
    assert (done.returncode, done.stderr) == (74, "modeld: cannot write: No space left on device\n")
