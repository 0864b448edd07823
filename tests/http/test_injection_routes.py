"""Hostile texts in the routes beside those of test_injection.py: queries in bodies, batches,
transactions, nested bodies, links, keys of requests that are sent again; in the plans that are made
for them; in the command line; and in the names and definitions of a database itself."""
import json
import os
import re
import subprocess
import urllib.parse

import pytest

from harness import PATIENCE, Modeld
from injections import DRY, HARMLESS, QUOTED, VALUES, Target, enc, get, quoted, request, sql_name, texts
from test_injection import harmless_shapes

ALL = texts()
CRUEL = texts("sql", "quotes")
JSON = ("Content-Type", "application/json")
FORM = ("Content-Type", "application/x-www-form-urlencoded")


@pytest.fixture(scope="module")
def target(engine, tmp_path_factory):
    one = Target(engine, tmp_path_factory.mktemp("routes"), harmless_shapes, plan_cache=16)
    yield one
    one.untouched()
    one.stop()


def send(path, body, *headers, method="POST"):
    return request(method, path, [JSON, *headers], json.dumps(body))


# --- plans --------------------------------------------------------------------------------------

def test_a_plan_that_is_made_for_a_hostile_value_has_nothing_of_it(target):
    """Elsewhere plans are made for harmless values, and values come later. Here each text goes to all
    places in turn: they have more shapes than the cache of plans has room for."""
    def everywhere(some):
        return [get(place, text, encode) for text in some
                for places, encode in ((VALUES, enc), (QUOTED, quoted)) for place in places]
    target.only_values(everywhere(HARMLESS), everywhere(CRUEL))


# --- queries in a body -----------------------------------------------------------------------------

QUERIES = [lambda text: {"select": text}, lambda text: {"order": text}, lambda text: {text: "eq.1"},
           lambda text: {"name": text}, lambda text: {"name": ["eq." + text, "neq.a"]}, lambda text: {"or": text},
           lambda text: {"or": f"(name.eq.{text})"}, lambda text: {"limit": text}, lambda text: {"id": f"in.({text})"},
           lambda text: {"select": f"id,book(id)&{text}", "book.order": text, "book.limit": "1"}]


@pytest.mark.parametrize("kind", [JSON, FORM])
@pytest.mark.parametrize("number", range(len(QUERIES)))
def test_a_query_in_a_body_brings_no_words_of_its_own(target, kind, number):
    sent = []
    for text in ALL:
        query = QUERIES[number](text)
        body = json.dumps(query) if kind is JSON else urllib.parse.urlencode(query, doseq=True)
        sent += [request("POST", "/-/query/genre", [kind], body), request("QUERY", "/genre", [kind], body)]
    target.only_known_words(sent)


def test_the_relation_of_a_query_in_a_body_is_a_table_or_refused(target):
    target.only_known_words([request("POST", "/-/query/" + enc(text), [JSON], "{}") for text in ALL])


# --- batches ---------------------------------------------------------------------------------------

def batch(*operations):
    return send("/-/batch", list(operations), ("Prefer", "tx=rollback"))


OPERATIONS = {
    "path": lambda text: [{"path": text}],
    "relation": lambda text: [{"path": "/" + text}],
    "value in a path": lambda text: [{"path": "/genre?name=eq." + enc(text)}],
    "key in a path": lambda text: [{"path": f"/genre/{enc(text)}"}],
    "method": lambda text: [{"path": "/genre", "method": text}],
    "id": lambda text: [{"id": text, "path": "/genre/1"}, {"path": "/genre/${%s.id}" % text}],
    "field of a reference": lambda text: [{"id": "a", "path": "/genre/1"}, {"path": "/genre/${a.%s}" % text}],
    "reference": lambda text: [{"id": "a", "path": "/genre/1"},
                               {"path": "/genre", "method": "POST", "body": {"id": 78, "name": {"$ref": text}}}],
    "name of a header": lambda text: [{"path": "/genre", "headers": {text: "1"}}],
    "value of a header": lambda text: [{"path": "/genre", "headers": {"Prefer": text}}],
    "key of a body": lambda text: [{"path": "/genre", "method": "POST", "body": {text: 1}}],
    "value of a body": lambda text: [{"path": "/genre", "method": "POST", "body": {"id": 78, "name": text}}],
    "text as a body": lambda text: [{"path": "/genre", "method": "POST", "body": text,
                                     "headers": {"Content-Type": "text/csv"}}],
    "key of an operation": lambda text: [{"path": "/genre", text: 1}],
}


@pytest.mark.parametrize("place", OPERATIONS)
def test_an_operation_of_a_batch_brings_no_words_of_its_own(target, place):
    target.only_known_words([batch(*OPERATIONS[place](text)) for text in ALL])


def test_a_reference_puts_a_value_where_a_value_stands(target):
    """What an operation answered is percent-encoded in a path, whatever it is."""
    some = [text for text in ALL if "\0" not in text]

    def chain(text):
        return batch({"id": "a", "path": "/genre", "method": "POST", "body": {"id": 78, "name": text}},
                     {"path": "/genre?select=name&name=eq.${a.name}"},
                     {"path": "/genre", "method": "POST", "body": {"id": 79, "name": {"$ref": "a.name"}},
                      "headers": {"Prefer": "return=representation"}})
    answers = target.only_values([chain(text) for text in HARMLESS], [chain(text) for text in some])
    for text, answer in zip(some, answers):
        assert answer.status == 200, (text, answer)
        made, found, copied = (one["body"] for one in json.loads(answer.body))
        assert (made, found, copied) == ([{"id": 78, "name": text}], [{"name": text}],
                                         [{"id": 79, "name": text}]), text


# --- transactions, and requests that are sent again -----------------------------------------------------

def test_a_session_runs_the_statements_that_others_run(target):
    begun, = target.send([request("POST", "/-/transactions", body="")])
    mine = ("Transaction", json.loads(begun.body)["id"])

    def inside(text):
        return [request("GET", "/genre?name=eq." + enc(text), [mine]),
                request("PATCH", f"/genre?name=eq.{enc(text)}&id=eq.0", [mine, JSON], json.dumps({"name": text})),
                request("DELETE", f"/genre?id=eq.0&name=eq.{enc(text)}", [mine])]
    # A request that fails may undo the session: a NUL is refused by PostgreSQL.
    target.only_values([one for text in HARMLESS for one in inside(text)],
                       [one for text in ALL if "\0" not in text for one in inside(text)])
    ended, = target.send([request("POST", f"/-/transactions/{mine[1]}/rollback", body="")])
    assert ended.status in (200, 204), ended


@pytest.mark.parametrize("method, path, name", [
    ("GET", "/genre", "Transaction"), ("POST", "/genre", "Idempotency-Key"), ("PATCH", "/genre/1", "If-Match"),
    ("PUT", "/genre/1", "If-Match"), ("PATCH", "/genre/1", "If-None-Match"), ("GET", "/genre/1", "If-Match"),
    ("DELETE", "/genre/77", "If-Match"), ("POST", "/-/batch", "Idempotency-Key"), ("GET", "/genre", "Host")])
def test_a_header_of_these_routes_brings_no_words_of_its_own(target, method, path, name):
    body = {"/-/batch": [{"path": "/genre"}]}.get(path, {"id": 1, "name": "novel"} if method == "PUT" else
                                                {"id": 77, "name": "a"})
    sent = []
    for text in ALL:
        if re.search(r"[\r\n\0]", text):
            continue
        for value in (text, '"' + text + '"'):
            one = request(method, path, [JSON, ("Prefer", "tx=rollback"), (name, value)],
                          None if method in ("GET", "DELETE") else json.dumps(body))
            sent.append(one.replace(b"Host: localhost\r\n", b"") if name == "Host" else one)
    # A note of a key, and the row that If-Match is about, are looked up by statements of their own.
    if name != "Host":
        harmless = [request(method, path, [JSON, ("Prefer", "tx=rollback"), (name, value)],
                            None if method in ("GET", "DELETE") else json.dumps(body))
                    for value in ('"a"', "a", '"b"', "*", "0" * 32)]
        wanted, _ = target.statements(harmless * 2)
        executed, _ = target.statements(sent)
        assert executed <= wanted, executed - wanted
    else:
        target.only_known_words(sent)


@pytest.mark.parametrize("how", ["commit", "rollback"])
def test_the_name_of_a_transaction_is_looked_up_and_no_more(target, how):
    executed, answers = target.statements([
        request("POST", f"/-/transactions/{enc(text)}/{how}", body="") for text in ALL])
    assert executed == set() and {answer.status for answer in answers} <= {400, 404, 410}


# --- nested bodies and links ---------------------------------------------------------------------------

NESTED = {
    "value of a child": lambda text: ("/publisher", {"id": 77, "name": "x", "book": [
        {"id": 77, "title": text, "author_id": 1}]}),
    "value of a parent": lambda text: ("/cover", {"colour": "x", "book": {"id": 77, "title": text, "author_id": 1}}),
    "value of a linked row": lambda text: ("/genre", {"id": 77, "name": "x", "book": [
        {"id": 77, "title": text, "author_id": 1}]}),
    "value at every level": lambda text: ("/publisher", {"id": 77, "name": text, "book": [
        {"id": 77, "title": text, "author_id": 1, "genre": [{"id": 77, "name": text}], "cover": {"colour": text}}]}),
    "key of a linked row alone": lambda text: ("/genre", {"id": 77, "name": "x", "book": [text]}),
    "key of a linked row": lambda text: ("/genre", {"id": 77, "name": "x", "book": [{"id": text}]}),
    "related row": lambda text: ("/book/1/genre", {"id": 77, "name": text}),
}


@pytest.mark.parametrize("place", NESTED)
def test_a_value_of_a_nested_body_never_changes_the_statements(target, place):
    def sent(some):
        found = []
        for text in some:
            path, body = NESTED[place](text)
            found.append(send(path, body, *DRY))
        return found
    answers = target.only_values(sent(HARMLESS), sent(ALL))
    if not place.startswith("key"):
        for text, answer in zip(ALL, answers):
            assert answer.status == 201 or "\0" in text, (text, answer)


@pytest.mark.parametrize("place", [
    lambda text: {"id": 77, "name": "x", text: [{"id": 1}]}, lambda text: {"id": 77, "name": "x", text: {"id": 1}},
    lambda text: {"id": 77, "name": "x", "book": [{text: 1}]}, lambda text: {"id": 77, "name": "x", "book": {text: []}},
    lambda text: {"id": 77, "name": "x", "book": text}])
def test_a_name_in_a_nested_body_is_known_or_refused(target, place):
    known = ("", "id", "name", "title", "pages", "price", "info", "book", "genre", "cover")
    executed, answers = target.statements([
        send("/genre", place(text), *DRY) for text in ALL if text not in known])
    assert not [one for one in executed if "INSERT" in one], executed
    assert {answer.status for answer in answers} <= {300, 400}


@pytest.mark.parametrize("place", [
    lambda text: request("PUT", "/book/1/genre", [JSON, ("Prefer", "tx=rollback")], json.dumps([text])),
    lambda text: request("PUT", "/book/1/genre", [JSON, ("Prefer", "tx=rollback")], json.dumps([1, text, 2])),
    lambda text: request("PUT", "/book/1/genre", [JSON, ("Prefer", "tx=rollback")], json.dumps([{"id": text}])),
    lambda text: request("PUT", f"/book/{enc(text)}/genre", [JSON, ("Prefer", "tx=rollback")], "[1]"),
    lambda text: request("POST", f"/book/1/genre/{enc(text)}", [("Prefer", "tx=rollback")], ""),
    lambda text: request("DELETE", f"/book/1/genre/{enc(text)}", [("Prefer", "tx=rollback")]),
    lambda text: request("DELETE", f"/book/{enc(text)}/genre/1", [("Prefer", "tx=rollback")])])
def test_a_key_of_a_link_never_changes_the_statements(target, place):
    target.only_values([place(text) for text in ["1", "2", "3", "99", "9999999999", *HARMLESS]], [place(text) for text in ALL])


# --- many rows -------------------------------------------------------------------------------------

@pytest.mark.parametrize("kind", ["application/json", "application/x-ndjson", "text/csv"])
def test_many_rows_of_hostile_values_come_back(target, kind):
    def body(some):
        rows = [{"id": 100 + number, "name": text} for number, text in enumerate(some)]
        if kind == "application/json":
            return json.dumps(rows)
        if kind == "application/x-ndjson":
            return "".join(json.dumps(row) + "\n" for row in rows)
        return "id,name\n" + "".join('{},"{}"\n'.format(row["id"], row["name"].replace('"', '""')) for row in rows)
    some = [text for text in ALL if "\0" not in text and text != "NULL"]
    harmless = [f"x{number}" for number in range(len(some))]
    answer, = target.only_values([request("POST", "/genre", [("Content-Type", kind), *DRY], body(harmless))],
                                 [request("POST", "/genre", [("Content-Type", kind), *DRY], body(some))])
    assert answer.status == 201, answer
    assert [row["name"] for row in json.loads(answer.body)] == some


@pytest.mark.parametrize("path", ["/-/schema?format={}", "/-/schema?{}=1", "/-/models?include_empty={}", "/-/models/{}"])
def test_what_describes_the_models_runs_no_statement(target, path):
    executed, _ = target.statements([request("GET", path.replace("{}", enc(text))) for text in ALL])
    assert executed == set()


# --- the command line --------------------------------------------------------------------------------

def test_the_command_line_takes_texts_for_values_and_names_for_names(target):
    """A process each, so: the cruellest only. The tables are compared at the end."""
    def run(*words):
        done = subprocess.run([os.environ["MODELD_BIN"], *words, "--db", target.db.url], capture_output=True,
                              text=True, timeout=PATIENCE, check=False)
        assert done.returncode in (0, 64, 65, 66), (words, done)
        return done
    some = ["' OR '1'='1", "1'; DROP TABLE genre; --", '"; DELETE FROM genre; --', "1) OR (1=1", "\\'; --", "1 OR 1=1",
            "id.eq.1,name.not.is.null", "*", "); DROP TABLE genre; --"]
    for text in some:
        assert json.loads(run("list", "genre", "--where", f"name = {text}", "--format", "json").stdout or "[]") == []
        assert run("get", "genre", text).returncode != 0
        for option in ("--select", "--order", "--where"):
            run("list", "genre", option, text)
        assert run("list", text).returncode == 66
        assert run("delete", "genre", text).returncode != 0
        run("update", "genre", text, "name=owned")
        run("delete", "genre", "--where", f"name = {text}")
        assert run("create", "genre", f"{text}=1").returncode != 0
        made = json.loads(run("create", "genre", "id=77", f"name={text}", "--dry-run", "--format", "json").stdout)
        assert made == {"id": 77, "name": text}
    target.untouched()


# --- names and definitions ------------------------------------------------------------------------------

def names(most=63):
    """What both engines take for a name."""
    return [text for text in ALL if "\0" not in text and 0 < len(text.encode()) <= most and text.strip()]


# Columns that every table of PostgreSQL has, and those of the tests.
TAKEN = (b"ctid", b"tableoid", b"xmin", b"xmax", b"cmin", b"cmax", b"id", b"up", b"key")


def distinct(some):
    """SQLite's names do not depend on the case of ASCII letters."""
    found = {text.encode().lower(): text for text in some}
    # The tests themselves take PRAGMA out of the SQL that they give to PostgreSQL.
    return [text for lower, text in found.items() if lower not in TAKEN and b"pragma" not in lower]


def test_columns_with_hostile_names_are_served(engine, tmp_path):
    some = distinct(names())
    pieces = [some[at:at + 40] for at in range(0, len(some), 40)]
    sql = "".join(f"CREATE TABLE t{number} (key INTEGER PRIMARY KEY, " +
                  ", ".join(f"{sql_name(text)} TEXT" for text in piece) + ");\n" for number, piece in enumerate(pieces))
    target = Target(engine, tmp_path, sql=sql)
    try:
        for number, piece in enumerate(pieces):
            row = {"key": 1, **{text: f"value of {text}" for text in piece}}
            made, = target.send([send(f"/t{number}", row, ("Prefer", "return=representation"))])
            assert made.status == 201 and json.loads(made.body) == [row], made
            # Tolerated names only: a name with a newline in quotes is one, too.
            for text in piece:
                name = quoted(text)
                found, ordered, changed = target.send([
                    request("GET", f"/t{number}?select={name}&{name}=eq.{enc(row[text])}"),
                    request("GET", f"/t{number}?select=key&order={name}.desc&{name}=not.is.null"),
                    send(f"/t{number}?key=eq.1&select={name}", {text: "new"}, *DRY, method="PATCH")])
                assert json.loads(found.body) == [{text: row[text]}], (text, found)
                assert json.loads(ordered.body) == [{"key": 1}], (text, ordered)
                assert json.loads(changed.body) == [{text: "new"}], (text, changed)
        assert len(target.db.tables()) == len(pieces)
    finally:
        target.stop()


def test_tables_with_hostile_names_are_served(engine, tmp_path):
    some = [text for text in distinct(names(50)) if not text.lower().startswith(("sqlite_", "_modeld", "pg_"))][::5]
    sql = "".join(f"CREATE TABLE {sql_name(text)} (id INTEGER PRIMARY KEY, up INTEGER REFERENCES {sql_name(text)}, "
                  f"{sql_name(text)} TEXT);\nINSERT INTO {sql_name(text)} VALUES (1, NULL, 'a'), (2, 1, 'b');\n"
                  for text in some)
    target = Target(engine, tmp_path, sql=sql)
    try:
        for text in some:
            path = "/" + enc(text)
            listed, item, embedded, made = target.send([
                request("GET", f"{path}?select={quoted(text)}&order=id"), request("GET", f"{path}/2"),
                request("GET", f"{path}?select=id,up(id)&id=eq.2"), send(path, {"id": 3, text: "c"}, *DRY)])
            assert json.loads(listed.body) == [{text: "a"}, {text: "b"}], (text, listed)
            assert json.loads(item.body) == {"id": 2, "up": 1, text: "b"}, (text, item)
            assert json.loads(embedded.body) == [{"id": 2, "up": {"id": 1}}], (text, embedded)
            assert json.loads(made.body) == [{"id": 3, "up": None, text: "c"}], (text, made)
        target.untouched()
    finally:
        target.stop()


def test_defaults_labels_and_comments_of_definitions_are_texts(engine, tmp_path):
    some = [text for text in ALL if "\0" not in text]
    labels = [text for text in names() if text == text.strip()]
    fields = {f"f{number}": {"type": "text", "default": text, "description": text} for number, text in enumerate(some[:300])}
    models = {"Plain": {"fields": fields, "description": "'; DROP TABLE plain; --"},
              "Choice": {"fields": {"label": {"type": "enum", "enum": labels[:200], "default": labels[0]}}}}
    file = tmp_path / "models.json"
    file.write_text(json.dumps({"version": 1, "models": models}), encoding="utf-8")
    server = Modeld(engine.database(tmp_path, "", "defined.db").url, "--models", str(file), folder=tmp_path)
    try:
        made = server.post("/plain?select=*", {}, Prefer="return=representation")
        assert made.status == 201, made
        for number, text in enumerate(some[:300]):
            assert made.json[0][f"f{number}"] == text
        for text in labels[:200]:
            made = server.post("/choice", {"label": text}, Prefer="return=representation")
            assert made.status == 201 and made.json[0]["label"] == text, (text, made)
            assert len(server.rows(f"/choice?label=eq.{enc(text)}")) == 1, text
    finally:
        server.stop()


def test_tables_and_columns_of_definitions_are_names(engine, tmp_path):
    """Made by modeld: tables, indexes, checks and foreign keys, whatever they are called."""
    some = [text for text in distinct(names(50)) if text == text.strip() and text.isprintable() and
            not text.startswith(("-", "sqlite_", "pg_"))][::6]
    models = {}
    for number, text in enumerate(some):
        models[f"M{number}"] = {"table": text, "indexes": [{"fields": ["word"]}], "fields": {
            "word": {"type": "string", "max_length": 200, "column": text},
            "up": f"-> M{max(number - 1, 0)}?"}}
    file = tmp_path / "models.json"
    file.write_text(json.dumps({"version": 1, "models": models}), encoding="utf-8")
    db = engine.database(tmp_path, "", "named.db")
    server = Modeld(db.url, "--models", str(file), folder=tmp_path)
    try:
        for text in some:
            made = server.post("/" + enc(text), {"word": text, "up": None}, Prefer="return=representation")
            assert made.status == 201 and made.json == [{"id": 1, "word": text, "up": None}], (text, made)
        for text in some:
            assert server.patch(f"/{enc(text)}/1", {"up": 1}).status == 204, text
            found = server.rows(f"/{enc(text)}?select=word,up(id)&word=eq.{enc(text)}&order=word")
            assert found == [{"word": text, "up": {"id": 1}}], text
            assert db.rows(f"SELECT {sql_name(text)} FROM {sql_name(text)}") == [(text,)]
    finally:
        server.stop()


@pytest.mark.postgresql("it has schemas and roles")
@pytest.mark.parametrize("name", ["'; DROP TABLE word; --", '"; DROP TABLE word; --', "a\\'b", "$$x$$", "$1", "é😀", "%s", "pub lic"])
def test_schemas_and_roles_of_the_configuration_are_names(database, serve, name):
    role = "role " + name
    db = database(f"CREATE SCHEMA {sql_name(name)}; CREATE TABLE {sql_name(name)}.word (id INTEGER PRIMARY KEY, text TEXT);"
                  f"INSERT INTO {sql_name(name)}.word VALUES (1, 'a');"
                  f"DROP ROLE IF EXISTS {sql_name(role)}; CREATE ROLE {sql_name(role)};"
                  f"GRANT USAGE ON SCHEMA {sql_name(name)} TO {sql_name(role)};"
                  f"GRANT SELECT ON {sql_name(name)}.word TO {sql_name(role)};")
    server = serve(db, **{"db-schemas": name, "db-anon-role": role})
    assert server.rows("/word?text=eq.a") == [{"id": 1, "text": "a"}]
    assert server.delete("/word/1").status in (401, 403, 405)
    assert db.rows(f"SELECT id FROM {sql_name(name)}.word") == [(1,)]
