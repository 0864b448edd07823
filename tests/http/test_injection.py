"""Hostile texts (tests/data/injections) in every place that a client can write to: parts of the
path, names, operators and values of parameters, headers, keys and values of bodies. What must hold:

- A value never becomes part of a statement: those that were executed are the statements of a
  harmless run, word for word.
- What shapes a statement (select, order, names of columns …) brings nothing into it but what is in
  the statements of harmless requests: no other name, literal, sign or comment.
- Answers are successes or refusals (4xx), well formed, with none but the usual headers; what was
  written comes back as it was sent.
- The tables are as before."""
import csv
import io
import json
import re
import urllib.parse

import pytest

from injections import DRY, HARMLESS, QUOTED, VALUES, Target, enc, get, quoted, request, texts, tokens

ALL = texts()


@pytest.fixture(scope="module")
def target(engine, tmp_path_factory):
    one = Target(engine, tmp_path_factory.mktemp("injection"), harmless_shapes)
    yield one
    one.untouched()
    one.stop()


# --- values ------------------------------------------------------------------------------------------

@pytest.mark.parametrize("place", VALUES)
def test_a_value_never_changes_the_statement(target, place):
    harmless = [get(place, text) for text in HARMLESS]
    if place.startswith("/-/"):
        assert target.statements(harmless + [get(place, text) for text in ALL])[0] == set()
    else:
        target.only_values(harmless, [get(place, text) for text in ALL])


@pytest.mark.parametrize("place", QUOTED)
def test_a_value_in_quotes_never_changes_the_statement(target, place):
    target.only_values([get(place, text, quoted) for text in HARMLESS],
                       [get(place, text, quoted) for text in ALL])


def test_a_value_finds_what_is_equal_to_it_and_nothing_else(target):
    answers = target.send([get("/genre?select=name&name=eq.{}", text) for text in ALL])
    for text, answer in zip(ALL, answers):
        if "\0" not in text:
            assert (answer.status, answer.body) == (200, b"[]"), (text, answer)


def test_many_values_in_one_list_are_values(target):
    for size in (3, 30, 100):
        some = ALL[:size]
        place = "/genre?select=name&name=in.(" + ",".join(map(quoted, some)) + ")"
        harmless = "/genre?select=name&name=in.(" + ",".join(map(str, range(size))) + ")"
        answers = target.only_values([request("GET", harmless)], [request("GET", place)])
        assert answers[0].body == b"[]" or answers[0].status == 400, answers


@pytest.mark.parametrize("method, place", [("QUERY", "/genre"), ("POST", "/-/query/genre")])
@pytest.mark.parametrize("kind, body", [
    ("application/x-www-form-urlencoded", lambda text: "name=eq." + enc(text)),
    ("application/json", lambda text: json.dumps({"name": "eq." + text}))])
def test_a_value_in_a_query_in_a_body_never_changes_the_statement(target, method, place, kind, body):
    target.only_values(*[[request(method, place, [("Content-Type", kind)], body(text)) for text in some]
                         for some in (HARMLESS, ALL)])


# --- what shapes a statement ----------------------------------------------------------------------------

SHAPES = [
    "/{}", "/genre?select={}", "/genre?select=id,{}:name", "/genre?select=name::{}",
    "/book?select=info->{}", "/book?select=info->>{}", "/genre?select=id,{}(id)",
    "/author?select=id,{}:book!book_writer(id)", "/author?select=id,book!{}(id)",
    "/author?select=id,book!book_writer({})", "/author?select=id,book!book_writer(x:{})",
    "/author?select=id,book!book_writer({}:title)", "/genre?select=id,...{}(id)",
    "/book?select=title,...publisher({}:name)", "/genre?select=name.{}()", "/genre?{}=eq.1",
    "/genre?{}", "/genre?name={}", "/genre?id={}.1", "/genre?id=not.{}.1", "/genre?id=is.{}",
    "/genre?name=in.({})", "/genre?name=eq(any).{{{}}}", "/genre?name=eq({}).a",
    "/genre?name=fts({}).x", "/book?info->{}=eq.1", "/book?info->>{}=eq.1", "/genre?or=({})",
    "/genre?or=(id.eq.{},id.eq.1)", "/genre?or=({}.eq.1)", "/genre?not.and=(id.{}.1)",
    "/genre?order={}", "/genre?order=id.{}", "/genre?order=book({})", "/book?order=info->>{}",
    "/author?select=id,book!book_writer(id)&book.order={}",
    "/author?select=id,book!book_writer(id)&book.{}=eq.1",
    "/author?select=id,book!book_writer(id)&book.or=({})",
    "/author?select=id,book!book_writer(id)&{}.limit=1", "/genre/1/{}", "/genre/1?select={}",
    "/book_genre/{}", "/genre/1/book/{}", "/genre?columns={}", "/genre?on_conflict={}", "/-/{}",
    "/genre?select=id&select={}", "/genre?depth={}", "/genre/1?depth={}",
]


def harmless_shapes():
    """Requests that between them use what the grammar has."""
    casts = ["text", "integer", "int", "bigint", "smallint", "numeric", "real", "float8", "boolean",
             "date", "timestamp", "timestamptz", "time", "uuid", "json", "jsonb", "bytea", "varchar",
             "char", "int[]", "text[]", "name", "bpchar", "int2", "int4", "int8", "decimal", "float4",
             "bool", "timetz", "interval", "oid", "double%20precision",
             "character%20varying"]
    selects = ["*", "id,name", "id,x:name", "name->a->>b", "name->0", *[f"id::{c}" for c in casts],
               *[f"name::{c}" for c in casts], "id,book(id,title)", "id,book(*)", "id,book!inner(id)",
               "id,book!left(*)", "book()", "id,book_genre(*)", "book_genre(book(genre(id)))", "...book_genre(id)", "id,...book(id)", "...book(*)",
               "...book(x:title,...publisher(name))", "id,...book(n:id.count())",
               "id,book(x:title,book_genre(*),author!book_writer(id,name),publisher(*))"]
    orders = ["id", "id.desc", "id.asc.nullsfirst", "name.desc.nullslast", "name->>a", "name->a"]
    operators = ["eq", "neq", "gt", "gte", "lt", "lte", "like", "ilike", "match", "imatch", "isdistinct",
                 "cs", "cd", "ov", "sl", "sr", "nxl", "nxr", "adj", "fts", "plfts", "phfts", "wfts",
                 "fts(english)", "not.eq", "not.like", "not.fts(english)"]
    values = ["1", "{1,2}", "a*", "x"]
    targets = ["/", *[f"/{table}" for table in (
        "author", "book", "book_genre", "copy", "cover", "genre", "measure", "publisher", "shelf",
        "short_book", "vacancy", "visit", "reading%20room")]]
    targets += [f"/genre?select={one}" for one in selects] + [f"/genre?order={one}" for one in orders]
    targets += [f"/book?select=info{path}" for path in ("->a", "->>a", "->0", "->>0->a", "->a->>b::int")]
    targets += [f"/book?info{path}=eq.1&order=info->>a,pages.desc.nullsfirst" for path in ("->a", "->>a", "->-1->>a")]
    for column in ("id", "name"):
        for operator in operators:
            targets += [f"/genre?{column}={operator}.{value}" for value in values]
            targets += [f"/genre?or=({column}.{operator}.1,not.and(id.eq.1,name.eq.a))"]
        targets += [f"/genre?{column}={test}" for test in (
            "is.null", "is.not_null", "is.true", "is.false", "is.unknown", "not.is.null", "in.(1)",
            "in.()", "in.(1,2,3)", "eq(any).{1,2}", "eq(all).{1,2}", "like(any).{a*}", "not.in.(1,2)",
            "gt(all).{1}", "ilike(all).{a}", "match(any).{1}", "imatch(all).{1}")]
    authors = "/author?select=id,book!book_writer(id)"
    targets += [f"{authors}&book.{more}" for more in (
        "order=id.desc", "limit=1&book.offset=1", "or=(id.eq.1,title.eq.x)", "id=eq.1",
        "title=like.a*", "id=in.(1,2)", "id=is.null", "info->a=eq.1", "order=title.asc.nullsfirst")]
    targets += [f"/author?select=id,book!book_writer({inner})" for inner in (
        "*", "id::text", "x:info->>a", "title::integer", "cover(*)", "publisher(name)", "genre(*)",
        "copy(shelf(*))", "count", "author!book_editor(*)", "...publisher(name)", "book_genre(*)")]
    targets += ["/genre?book=is.null&select=id,book()", "/genre?book=not.is.null&select=id,book()",
                "/book?select=title,...publisher(name)", "/book?order=publisher(name)&select=publisher()",
                "/genre/1", "/genre/1?depth=3", "/genre/1/book", "/book/1/author", "/book/1/genre", "/book/1/copy",
                "/book_genre/1,1", "/shelf/A,1", "/genre?limit=1&offset=1", "/genre?select=id.count()",
                "/genre?id=not.in.(1)&name=not.like.a*", "/cover/1/book", "/book/1/cover",
                "/genre/1/book_genre", "/book/1/publisher", "/genre?select=count()",
                "/genre?select=id,count()", "/genre?select=count(),name&id=eq.1", "/genre/1?select=count()",
                "/genre/1?select=id,count()", "/genre?select=sum:id.sum(),id.max(),id.min(),id.avg()"]
    posts = [(f"/genre?columns={columns}{more}", body) for columns in ("id", "name", "id,name")
             for more in ("", "&on_conflict=id") for body in ("{}", '{"id":77,"name":"a"}')]
    posts += [("/genre", '{"id":77,"name":"a"}'), ("/genre?select=*", '[{"id":77,"name":"a"}]'),
              ("/genre?select=id,...book(*)", '{"id":77,"name":"a"}'),
              ("/genre?select=*,book(*)&order=id", '[{"id":77,"name":"a"}]'),
              ("/genre", '{"name":"a"}'), ("/genre", "{}"), ("/genre", '{"id":77}')]
    # What is asked when a constraint is in the way, to tell which.
    refused = [(method, place, [("Content-Type", "application/json"), *DRY], '{"id":77,"name":"a"}')
               for method in ("PATCH", "POST", "PUT") for place in ("/genre/1", "/genre?id=eq.1", "/genre?name=eq.novel")]
    deletions = ["name=eq.nobody", "id=in.(77)&name=eq.nobody&select=*,book(*)", "id=eq.77"]
    return [request("GET", one) for one in targets] + [
        request("DELETE", f"/genre?{one}", DRY) for one in deletions] + [
        request(*one) for one in refused] + [
        request(method, one, [("Content-Type", "application/json"), *DRY, *more], body)
        for one, body in posts for method, more in (
            ("POST", []), ("POST", [("Prefer", "resolution=merge-duplicates")]),
            ("POST", [("Prefer", "resolution=ignore-duplicates, missing=default")]),
            ("PATCH", []))]


@pytest.mark.parametrize("bad", ["SELECT 1 -- x", "SELECT /* x */ 1", "SELECT 1; SELECT 2",
                                 "SELECT 'a", 'SELECT "a', "SELECT {}"])
def test_the_reader_of_statements_refuses_what_nobody_wrote(bad):
    with pytest.raises(AssertionError):
        tokens(bad)


def test_the_reader_of_statements_sees_what_is_new():
    usual = tokens('SELECT t0."id" AS "x" FROM "genre" AS t0 WHERE t0."name" = $1')
    assert usual == {"SELECT", "numbered", ".", '"id"', "AS", "alias", "FROM", '"genre"', "WHERE", '"name"', "=",
                     "param"}
    for more in ("OR TRUE", "= 'a'", '"other"', "UNION", "|| $2", "pg_sleep(1)"):
        assert tokens(f'SELECT "id" {more}') - usual


@pytest.mark.parametrize("place", SHAPES)
def test_what_shapes_a_statement_brings_no_words_of_its_own(target, place):
    # Of a name with a NUL the log has the beginning only.
    target.only_known_words([get(place, text) for text in ALL if "\0" not in text or
                             not re.search("[{]}:|::[{]}", place)])


def test_names_with_a_nul_are_refused_or_come_back(target):
    for place in ("/author?select=book!book_writer({}:id)&id=eq.1", "/genre?select={}:id&id=eq.1"):
        for text in ("\0", "a\0b", "a\0\", id"):
            answer, = target.send([get(place, text, quoted)])
            assert answer.status == 400 or text in str(json.loads(answer.body)), answer


def test_names_given_to_columns_come_back_as_they_are(target):
    """Aliases are the only texts of a client that stand in a statement, on PostgreSQL."""
    usable = [text for text in ALL if "\0" not in text and text.strip() and len(text.encode()) < 64]
    answers = target.send([get("/author?select=book!book_writer({}:id)&id=eq.1", text, quoted)
                           for text in usable])
    for text, answer in zip(usable, answers):
        if answer.status == 200:
            assert json.loads(answer.body) == [{"book": [{text: 1}, {text: 2}]}], (text, answer)
    assert sum(answer.status == 200 for answer in answers) > len(usable) // 2


# --- headers -----------------------------------------------------------------------------------------

HEADERS = [
    ("GET", "Prefer", "{}"), ("GET", "Prefer", "count={}"), ("GET", "Prefer", "handling={}"),
    ("GET", "Prefer", "timezone={}"), ("GET", "Range", "{}"), ("GET", "Range", "0-{}"),
    ("GET", "Range-Unit", "{}"), ("GET", "Accept", "{}"), ("GET", "Accept", "application/{}"),
    ("GET", "Accept", "application/json;{}"), ("GET", "Accept-Profile", "{}"), ("GET", "Origin", "{}"),
    ("GET", "If-None-Match", "{}"), ("GET", "X-Request-Id", "{}"), ("GET", "Cookie", "{}"),
    ("GET", "User-Agent", "{}"), ("GET", "Referer", "{}"), ("GET", "X-Forwarded-For", "{}"),
    ("GET", "Accept-Language", "{}"), ("GET", "{}", "1"),
    ("OPTIONS", "Access-Control-Request-Headers", "{}"),
    ("OPTIONS", "Access-Control-Request-Method", "{}"),
    ("POST", "Prefer", "tx=rollback, return={}"), ("POST", "Prefer", "tx=rollback, resolution={}"),
    ("POST", "Prefer", "tx=rollback, missing={}"),
    ("POST", "Prefer", "tx=rollback, handling=strict, max-affected={}"),
    ("POST", "Content-Profile", "{}"), ("POST", "Content-Type", "{}"),
    ("POST", "Content-Type", "application/json;charset={}"),
]


@pytest.mark.parametrize("method, name, value", HEADERS)
def test_a_header_brings_no_words_of_its_own(target, method, name, value):
    sent = []
    for text in ALL:
        if re.search(r"[\r\n\0]", text) or (name == "{}" and re.search(r"[^!#$%&'*+.^`|~\w-]", text)):
            continue  # other requests
        headers = [(name.replace("{}", text), value.replace("{}", text))]
        if method == "OPTIONS":
            headers += [("Origin", "http://a.example")]
        if method == "POST":
            headers += [("Content-Type", "application/json")] * (name != "Content-Type")
            headers += [("Prefer", "tx=rollback")]
        sent.append(request(method, "/genre", headers, '{"id":77,"name":"a"}' if method == "POST" else None))
    target.only_known_words(sent)


# --- bodies ------------------------------------------------------------------------------------------




def cell(text):
    out = io.StringIO()
    csv.writer(out, quoting=csv.QUOTE_ALL, lineterminator="").writerow([text])
    return out.getvalue()


BODIES = {
    "application/json": lambda key, value: json.dumps({"id": 77, key: value}),
    "application/x-ndjson": lambda key, value: json.dumps({"id": 77, key: value}) + "\n",
    "text/csv": lambda key, value: f"id,{cell(key)}\n77,{cell(value)}\n",
    "application/x-www-form-urlencoded":
        lambda key, value: "id=77&" + urllib.parse.urlencode({key: value}),
}


def write(method, place, kind, key, value):
    return request(method, place, [("Content-Type", kind), *DRY], BODIES[kind](key, value))


@pytest.mark.parametrize("kind", BODIES)
def test_a_value_of_a_body_comes_back_as_it_was_sent(target, kind):
    answers = target.only_values(
        [write("POST", "/genre", kind, "name", text) for text in HARMLESS],
        [write("POST", "/genre", kind, "name", text) for text in ALL])
    for text, answer in zip(ALL, answers):
        if kind == "text/csv" and text == "NULL":
            assert answer.status == 400, answer  # null, as for PostgREST; the column is not null
        elif answer.status != 201:
            assert "\0" in text, (text, answer)  # PostgreSQL's text cannot hold it
        else:
            assert json.loads(answer.body) == [{"id": 77, "name": text}], (text, answer)


@pytest.mark.parametrize("kind", BODIES)
def test_a_value_of_another_type_is_read_or_refused(target, kind):
    target.only_values(
        [write("POST", "/author", kind, "born", text) for text in ("1", "2000", "x")],
        [write("POST", "/author", kind, "born", text) for text in ALL])


@pytest.mark.parametrize("kind", BODIES)
def test_a_key_of_a_body_is_a_column_or_refused(target, kind):
    keys = [text for text in ALL if text not in ("id", "name")]
    executed, answers = target.statements(
        [write("POST", "/genre", kind, text, "x") for text in keys])
    assert executed == set()
    assert {answer.status for answer in answers} == {400}


def test_keys_and_values_inside_json_are_only_json(target):
    def post(text):
        body = json.dumps({"id": 77, "title": "x", "author_id": 1, "info": {text: [text, {text: 1}]}})
        return request("POST", "/book", [("Content-Type", "application/json"), *DRY], body)
    answers = target.only_values([post(text) for text in HARMLESS], [post(text) for text in ALL])
    for text, answer in zip(ALL, answers):
        if answer.status == 201:
            assert json.loads(answer.body)[0]["info"] == {text: [text, {text: 1}]}, (text, answer)
        else:
            assert "\0" in text, (text, answer)


@pytest.mark.parametrize("method", ["PATCH", "DELETE", "PUT"])
@pytest.mark.parametrize("place", ["/genre?name=eq.{}", "/genre/{}", "/genre?id=eq.{}",
                                   "/genre?id=in.({})&name=eq.nobody"])
def test_no_filter_of_a_write_can_be_widened(target, method, place):
    """Not a dry run: the tables are compared."""
    body = None if method == "DELETE" else '{"name":"owned"}'
    some = [text for text in texts("sql", "quotes", "patterns") if not text.strip(' {}()[]"').isdigit()]
    sent = [request(method, urllib.parse.quote(place, safe="/?=&.(){}").replace("{}", enc(text)),
                    [("Content-Type", "application/json")], body) for text in some]
    target.only_known_words(sent)
    target.untouched()


@pytest.mark.parametrize("place", ["/genre?columns={}", "/genre?on_conflict={}", "/genre?select={}",
                                   "/{}", "/genre?columns=name,{}", "/genre/{}"])
@pytest.mark.parametrize("method", ["POST", "PATCH"])
def test_what_shapes_a_write_brings_no_words_of_its_own(target, method, place):
    more = [("Prefer", "resolution=merge-duplicates")] if method == "POST" else []
    target.only_known_words([
        request(method, place.replace("{}", enc(text)), [("Content-Type", "application/json"), *DRY, *more],
                '{"id":77,"name":"a"}') for text in ALL])


def test_the_key_of_a_new_row_is_encoded_in_its_location(target):
    room = [text for text in ALL if "\0" not in text]
    answers = target.send([request(
        "POST", "/shelf", [("Content-Type", "application/json"),
                           ("Prefer", "return=headers-only, tx=rollback")],
        json.dumps({"room": text, "number": 7})) for text in room])
    for text, answer in zip(room, answers):
        assert answer.status == 201, (text, answer)
        query = urllib.parse.urlsplit(answer.headers["location"]).query
        assert dict(urllib.parse.parse_qsl(query))["room"] == "eq." + text, (text, answer)


def test_methods_are_those_that_are_known(target):
    names = [text for text in ALL if re.fullmatch(r"[!#$%&'*+.^`|~\w-]+", text, re.ASCII)]
    executed, answers = target.statements([request(text, "/genre") for text in names])
    assert executed == set()
    assert {answer.status for answer in answers} <= {400, 405, 501}


def test_the_tables_are_as_before(target):
    target.untouched()
