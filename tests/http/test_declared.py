"""Declared models, all that a definition file can say, as clients meet it: every type, default,
constraint, index, check, enum and relationship, models that share fields, and tables that are
somebody else's."""
import json
import re

import pytest

FULL = {"Prefer": "return=representation"}
SCALED = pytest.mark.sqlite("PostgreSQL shows a number with all digits of its scale")


@pytest.fixture
def declare(tmp_path, serve, fresh):
    """Serve a new database from the text of a file's models: declare(models, rest of the file,
    SQL that is run before)."""
    def start(models, more="", before="", **settings):
        path = tmp_path / "models.json"
        path.write_text('{ "version": 1, ' + more + ' "models": {' + models + "} }",
                        encoding="utf-8")
        if before:
            fresh.run(before)
        server = serve(fresh, "--models", str(path), **settings)
        server.db = fresh
        return server
    return start


def create(server, path, *rows, **row):
    response = server.post(path, list(rows) or row, **FULL)
    assert response.status == 201, response
    return response.json if rows else response.json[0]


def refused(response, code, message=None, status=400):
    assert (response.status, response.json["code"]) == (status, code), response
    if message is not None:
        assert response.json["message"] == message
    return response.json


# --- types -------------------------------------------------------------------------------------

TYPES = """"Zoo": { "fields": {
    "small": "smallint?", "whole": "integer?", "other_whole": "int?", "big": "bigint?",
    "id_of_another": { "type": "bigint", "json_number": "string", "nullable": true },
    "real": "float?", "other_real": "double?", "number": "number?",
    "price": "decimal(10,2)?", "exact": "decimal(30,10)?",
    "price_text": { "type": "decimal", "precision": 8, "scale": 2, "json_number": "string",
                    "nullable": true },
    "name": "string?", "short": "string(4)?", "words": "text?", "yes": "boolean?", "no": "bool?",
    "at": "datetime?", "stamp": "timestamp?", "local": "datetime_local?", "day": "date?",
    "clock": "time?", "key": "uuid?", "data": "json?", "blob": "bytes?",
    "color": "enum(red, 'dark blue')?", "role": "Role?", "numbers": "array(smallint)?",
    "labels": "array(string)?", "days": "array(date)?",
    "instants": "array(datetime)?", "blobs": "array(bytes)?",
    "keys": "array(uuid)?", "flags": "array(boolean)?" } }"""
ENUMS = '"enums": { "Role": ["user", "admin"] },'


@pytest.fixture
def zoo(declare):
    return declare(TYPES, ENUMS)


@pytest.mark.parametrize("field, given, shown", [
    ("small", -32768, -32768),
    ("whole", 2147483647, 2147483647),
    ("other_whole", "17", 17),
    ("big", 9223372036854775807, 9223372036854775807),
    ("id_of_another", 9007199254740993, "9007199254740993"),
    ("id_of_another", "9007199254740993", "9007199254740993"),
    ("real", 0.1, 0.1),
    ("other_real", -1e300, -1e300),
    ("number", 3, 3),
    ("price", 12345678.90, 12345678.9),
    ("price", "0.005", 0.01),
    pytest.param("price_text", 1.5, "1.5", marks=SCALED),
    ("exact", "12345678901234567890.0123456789", "12345678901234567890.0123456789"),
    ("exact", "0.00000000005", "0.0000000001"),
    pytest.param("exact", 7, "7", marks=SCALED),
    ("name", "ä" * 255, "ä" * 255),
    ("short", "äöüß", "äöüß"),
    ("words", "a\nb", "a\nb"),
    ("yes", True, True),
    ("no", "off", False),
    ("at", "2024-02-29T23:59:59.5-01:30", "2024-03-01T01:29:59.5+00:00"),
    ("stamp", "2024-02-29T23:59:59Z", "2024-02-29T23:59:59+00:00"),
    ("local", "2024-02-29 23:59:59.000001", "2024-02-29T23:59:59.000001"),
    ("day", "2024-02-29", "2024-02-29"),
    ("clock", "9:05", "09:05:00"),
    ("key", "{A0EEBC99-9C0B4EF8-BB6D6BB9BD380A11}", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"),
    ("data", {"a": [1, None, "x"]}, {"a": [1, None, "x"]}),
    ("data", "text", "text"),
    ("data", 5, 5),
    ("blob", "AAEC", "\\x000102"),
    ("blob", "\\x00fF", "\\x00ff"),
    ("color", "dark blue", "dark blue"),
    ("role", "admin", "admin"),
    ("numbers", [1, None, -3], [1, None, -3]),
    ("labels", ["a", "b,c"], ["a", "b,c"]),
    ("days", ["2024-02-29"], ["2024-02-29"]),
    ("clock", "2024-02-29T10:00:00Z", "10:00:00"),
    ("instants", ["2024-02-29T23:59:59.5-01:30", None],
     ["2024-03-01T01:29:59.5+00:00", None]),
    ("instants", '{2024-02-29T10:00:00.120Z}', ["2024-02-29T10:00:00.12+00:00"]),
    ("blobs", ["AAEC", "\\x00fF"], ["\\x000102", "\\x00ff"]),
    ("keys", ["{A0EEBC99-9C0B4EF8-BB6D6BB9BD380A11}", None],
     ["a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", None]),
    ("numbers", "{1,NULL,3}", [1, None, 3]),
    ("flags", "{t,f,NULL,true}", [True, False, None, True]),
    ("labels", '{a,"b c",NULL,1}', ["a", "b c", None, "1"]),
    ("labels", ["ä\n\"\\"], ["ä\n\"\\"]),
])
def test_every_type_takes_its_values_and_shows_them(zoo, field, given, shown):
    row = create(zoo, "/zoo", **{field: given})
    assert row[field] == shown and isinstance(row[field], type(shown))
    assert zoo.rows("/zoo?select=" + field) == [{field: shown}]
    assert zoo.column(f"/zoo?{field}=not.is.null") == [1]
    assert zoo.patch("/zoo?id=eq.1", {field: None}).status == 204
    assert zoo.rows(f"/zoo?select={field}") == [{field: None}]


@pytest.mark.parametrize("field, given, code, message", [
    ("small", "q", "22P02", 'invalid input syntax for type smallint: "q"'),
    ("whole", "q", "22P02", 'invalid input syntax for type integer: "q"'),
    ("big", "q", "22P02", 'invalid input syntax for type bigint: "q"'),
    ("small", 32768, "22003", 'value "32768" is out of range for type smallint'),
    ("whole", -2147483649, "22003", 'value "-2147483649" is out of range for type integer'),
    ("big", "9223372036854775808", "22003",
     'value "9223372036854775808" is out of range for type bigint'),
    ("whole", "99999999999999999999", "22003",
     'value "99999999999999999999" is out of range for type integer'),
    ("real", "q", "22P02", 'invalid input syntax for type double precision: "q"'),
    ("price", "q", "22P02", 'invalid input syntax for type numeric: "q"'),
    ("price", 123456789, "22003", "numeric field overflow"),
    ("exact", "123456789012345678901", "22003", "numeric field overflow"),
    ("exact", "q", "22P02", 'invalid input syntax for type numeric: "q"'),
    ("name", "a" * 256, "22001", "value too long for type character varying(255)"),
    ("yes", "maybe", "22P02", 'invalid input syntax for type boolean: "maybe"'),
    ("at", "q", "22007",
     'invalid input syntax for type timestamp with time zone: "q"'),
    ("at", "2024-02-29T23:59:59", "22007",
     'invalid input syntax for type timestamp with time zone: "2024-02-29T23:59:59"'),
    ("at", "10000-01-01T00:00:00Z", "22008",
     'date/time field value out of range: "10000-01-01T00:00:00Z"'),
    ("local", "q", "22007",
     'invalid input syntax for type timestamp without time zone: "q"'),
    ("day", "2023-02-29", "22008",
     'date/time field value out of range: "2023-02-29"'),
    ("clock", "q", "22007",
     'invalid input syntax for type time without time zone: "q"'),
    ("key", "q", "22P02", 'invalid input syntax for type uuid: "q"'),
    ("real", "1e309", "22003", '"1e309" is out of range for type double precision'),
    ("real", "1e-400", "22003", '"1e-400" is out of range for type double precision'),
    ("blob", "%", "22023", "invalid base64 data"),
    ("blob", "\\x0", "22023", "invalid hexadecimal data: odd number of digits"),
    ("blob", "\\x0ü", "22023", 'invalid hexadecimal digit: "ü"'),
    ("color", "green", "22P02", 'invalid input value for enum color: "green"'),
    ("role", "root", "22P02", 'invalid input value for enum Role: "root"'),
    ("numbers", [40000], "22003", 'value "40000" is out of range for type smallint'),
    ("numbers", ["q"], "22P02", 'invalid input syntax for type smallint: "q"'),
    ("labels", {"a": 1}, "22P02", None),
    ("labels", "a", "22P02", 'expected JSON array: ""a""'),
    ("instants", ["2024-02-29T10:00:00"], "22007",
     'invalid input syntax for type timestamp with time zone: "2024-02-29T10:00:00"'),
    ("blobs", ["%"], "22023", "invalid base64 data"),
    ("keys", ["q"], "22P02", 'invalid input syntax for type uuid: "q"'),
    ("keys", [5], "22P02", 'invalid input syntax for type uuid: "5"'),
    ("numbers", "{1", "22P02", 'malformed array literal: "{1"'),
    ("numbers", "{40000}", "22003", 'value "40000" is out of range for type smallint'),
])
def test_every_type_refuses_what_is_none_of_its_values(zoo, field, given, code, message):
    body = refused(zoo.post("/zoo", {field: given}), code, message)
    assert [error["pointer"] for error in body["errors"]] == [f"/{field}"]
    assert zoo.rows("/zoo") == []


@pytest.mark.parametrize("field, name", [
    ("small", "smallint"), ("whole", "integer"), ("big", "bigint"), ("price", "decimal"),
    ("exact", "decimal"), ("at", "datetime"), ("local", "datetime_local"), ("day", "date"),
    ("clock", "time"), ("key", "uuid"), ("data", "json"), ("blob", "bytes"), ("yes", "boolean"),
    ("color", "enum"), ("numbers", "array"), ("words", "text"), ("short", "string")])
def test_documents_name_the_declared_type(zoo, field, name):
    fields = {one["name"]: one for one in zoo.get("/-/models/zoo").json["fields"]}
    assert fields[field]["type"] == name


def test_a_filter_names_the_declared_type(zoo):
    refused(zoo.get("/zoo?small=eq.q"), "22P02", 'invalid input syntax for type smallint: "q"')
    refused(zoo.get("/zoo?whole=eq.q"), "22P02", 'invalid input syntax for type integer: "q"')


@SCALED
def test_exact_decimals_are_compared_and_ordered_as_numbers(zoo):
    create(zoo, "/zoo", {"exact": "9.5"}, {"exact": "10"}, {"exact": "-3"})
    assert zoo.column("/zoo?order=exact", "exact") == ["-3", "9.5", "10"]
    assert zoo.column("/zoo?exact=gt.9.50", "exact") == ["10"]
    assert zoo.column("/zoo?exact=eq.9.500", "exact") == ["9.5"]


def test_arrays_are_searched_by_their_elements(zoo):
    create(zoo, "/zoo", {"numbers": [1, 2]}, {"numbers": [3]})
    assert zoo.column("/zoo?numbers=cs.{2}") == [1]
    assert zoo.column("/zoo?numbers=ov.{2,3}&order=id") == [1, 2]
    assert zoo.column("/zoo?numbers=cd.{3,4}") == [2]


@pytest.mark.parametrize("condition", [
    "numbers=eq.[1,2]", "numbers=eq.[1, 2]", "numbers=eq.{1,2}", "numbers=eq.{1, 2}",
    "numbers=isdistinct.{1}", "labels=eq.{a,b c}",
    'labels=eq.["a","b c"]', 'labels=eq.["\\u0061", "b c"]', "labels=cs.[\"a\"]",
    'data=eq.{"a":[1,2]}', 'data=eq.{ "a": [1, 2] }', "days=eq.[\"2024-02-29\"]",
    "instants=cs.{2024-03-01T00:59:59%2B01:00}", "instants=eq.{2024-02-29T23:59:59Z}",
    "at=eq.2024-02-29T23:59:59Z", "at=eq.2024-03-01T00:59:59%2B01:00",
    "at=in.(2024-02-29 23:59:59Z,2020-01-01)", "clock=eq.9:05", "day=eq.2024-02-29",
    "key=eq.A0EEBC999C0B4EF8BB6D6BB9BD380A11", "blob=eq.AAEC", "blob=eq.\\x000102",
    "blob=in.(AAEC)"])
def test_a_filter_finds_a_value_however_it_is_written(zoo, condition):
    body = ('{ "numbers": [1,  2], "labels": [ "a", "b\\u0020c" ], "data": { "a": [1, 2] },'
            ' "days": ["2024-02-29"], "at": "2024-02-29T23:59:59Z", "clock": "09:05:00",'
            ' "day": "2024-02-29", "key": "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11",'
            ' "blob": "AAEC", "instants": ["2024-02-29T23:59:59Z"] }')
    assert zoo.post("/zoo", body, Content_Type="application/json").status == 201
    assert zoo.post("/zoo", {}).status == 201
    assert zoo.column("/zoo?" + condition.replace(" ", "%20")) in ([1], [1, 2])
    assert 1 not in zoo.column("/zoo?" + condition.replace(" ", "%20").replace("=", "=not.", 1))


@pytest.mark.parametrize("condition, code", [
    ("at=gt.2024-02-29T23:59:59", "22007"), ("at=gt.q", "22007"), ("day=eq.2023-02-29", "22008"),
    ("at=in.(2024-02-29T23:59:59)", "22007"), ("key=eq.q", "22P02"), ("numbers=eq.q", "22P02"), ("numbers=neq.1", "22P02"),
    ("clock=lt.q", "22007")])
def test_a_filter_refuses_what_is_no_value_of_its_field(zoo, condition, code):
    zoo.error("/zoo?" + condition, 400, code)


def test_lists_in_csv_are_json_or_array_literals(zoo):
    response = zoo.post("/zoo", 'id,numbers,labels\n1,"{1,2}","{a, ""b c"" }"\n'
                                '2,"[1, 2]","[""a"", ""b c""]"\n',
                        Content_Type="text/csv", **FULL)
    assert response.status == 201, response
    assert [(row["numbers"], row["labels"]) for row in response.json] == [
        ([1, 2], ["a", "b c"])] * 2
    assert zoo.column("/zoo?numbers=eq.[1,2]&labels=eq.{a,b c}&order=id".replace(" ", "%20")) == [1, 2]
    body = refused(zoo.post("/zoo", 'numbers\n"{1"\n', Content_Type="text/csv"), "22P02")
    assert [error["pointer"] for error in body["errors"]] == ["/0/numbers"]


def test_a_date_alone_is_midnight_utc_whatever_the_session_thinks(declare):
    server = declare('"A": { "fields": { "at": "datetime" } }')
    if server.db.engine == "postgresql":
        server.db.run("ALTER ROLE CURRENT_USER SET timezone = 'Asia/Tokyo'")
    try:
        create(server, "/a", at="2024-02-29")
        assert server.column("/a?at=eq.2024-02-29T00:00:00Z") == [1]
    finally:
        if server.db.engine == "postgresql":
            server.db.run("ALTER ROLE CURRENT_USER RESET timezone")


# --- defaults ----------------------------------------------------------------------------------

def test_every_default_is_made_by_the_daemon_and_stands_in_the_table(declare):
    server = declare(""""Thing": { "fields": {
        "n": "integer = 7", "s": "string = 'it''s'", "b": "boolean = false", "word": "enum(a,b) = b",
        "nothing": "text? = null", "now": "datetime = now()", "today": "date = today()",
        "four": "uuid = uuid()", "seven": "uuid = uuid7()", "hex": "string(32) = random_hex()",
        "sql": { "type": "integer", "default": { "sql": "40 + 2" } },
        "list": { "type": "array", "items": "integer", "default": [1, 2] },
        "tree": { "type": "json", "default": { "a": 1 } }, "price": "decimal(6,2) = 1.5" } }"""
                     .replace("it''s", "it\\\\'s"))
    row = create(server, "/thing", n=1)
    assert row["n"] == 1
    server.db.run("INSERT INTO thing (n, seven) VALUES"
                  " (2, 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11')")
    rows = server.rows("/thing?order=id")
    for row in rows:
        assert (row["s"], row["b"], row["word"], row["nothing"]) == ("it's", False, "b", None)
        assert (row["sql"], row["list"], row["tree"], row["price"]) == (42, [1, 2], {"a": 1}, 1.5)
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?\+00:00", row["now"])
        assert row["now"].startswith(row["today"])
        assert re.fullmatch(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}",
                            row["four"])
        assert re.fullmatch(r"[0-9a-f]{32}", row["hex"])
    assert rows[0]["seven"][14] == "7"


def test_timestamps_are_added_and_kept_by_the_server(declare):
    server = declare('"A": { "timestamps": true, "fields": { "x": "text" } },'
                     '"B": { "timestamps": { "created": "born", "updated": "seen" },'
                     ' "fields": { "x": "text" } }')
    first = create(server, "/a", x="1")
    assert first["created_at"] == first["updated_at"]
    later = server.patch("/a?id=eq.1", {"x": "2"}, **FULL).json[0]
    assert later["created_at"] == first["created_at"] and later["updated_at"] > first["updated_at"]
    refused(server.post("/a", {"x": "1", "created_at": "2001-01-01T00:00:00Z"}), "428C9")
    refused(server.patch("/a?id=eq.1", {"updated_at": "2001-01-01T00:00:00Z"}), "428C9")
    assert sorted(create(server, "/b", x="1")) == ["born", "id", "seen", "x"]


def test_the_defaults_of_a_file_hold_for_its_models(declare):
    server = declare('"BlogPost": { "fields": { "title": "string" } },'
                     '"BlogNote": { "fields": { "post": "-> BlogPost" } }',
                     '"defaults": { "auto_id": "uuid", "table_name": "snake", "string_max": 3,'
                     ' "timestamps": true, "on_delete": "cascade" },')
    post = create(server, "/blog_post", title="abc")
    assert re.fullmatch(r"[0-9a-f-]{36}", post["id"]) and "created_at" in post
    refused(server.post("/blog_post", {"title": "abcd"}), "22001")
    create(server, "/BlogNote", post=post["id"])
    assert server.delete(f"/blog_post?id=eq.{post['id']}").status == 204
    assert server.rows("/blog_note") == []


def test_a_backfill_is_for_migrations_and_nothing_else(declare):
    server = declare('"A": { "fields": { "x": { "type": "text", "backfill": "old" },'
                     ' "y": { "type": "text", "nullable": true, "backfill": { "sql": "1" } } } }')
    refused(server.post("/a", {}), "23502")
    assert create(server, "/a", x="new") == {"id": 1, "x": "new", "y": None}


# --- constraints, indexes, checks --------------------------------------------------------------

LIMITS = """"Item": { "fields": {
    "n": "integer? min(0) max(10)",
    "real": "float? exclusive_min(0) exclusive_max(1)",
    "price": "decimal(8,2)? min(0.5) multiple_of(0.25)",
    "exact": "decimal(30,2)? max('100000000000000000000')",
    "day": "date? min('2020-01-01') max('2029-12-31')",
    "words": "text? min_length(2) max_length(4)",
    "blob": "bytes? max_length(2)",
    "code": { "type": "string", "pattern": "[A-Z]{2}[0-9]+", "nullable": true },
    "free": { "type": "integer", "max": 5, "enforce": "database", "nullable": true },
    "soft": { "type": "integer", "max": 5, "enforce": "api", "nullable": true },
    "even": { "type": "integer", "check": "even % 2 = 0", "nullable": true } } }"""
CHECKED = 'new row for relation "item" violates check constraint "item_{}_check"'


@pytest.mark.parametrize("field, value, code, message, words", [
    ("n", -1, "23514", CHECKED, "n must be at least 0"),
    ("n", 11, "23514", CHECKED, "n must be at most 10"),
    ("real", 0, "23514", CHECKED, "real must be more than 0"),
    ("real", 1, "23514", CHECKED, "real must be less than 1"),
    ("price", 0.25, "23514", CHECKED, "price must be at least 0.5"),
    ("price", 0.6, "23514", CHECKED, "price must be a multiple of 0.25"),
    ("exact", "100000000000000000000.01", "23514", None,
     "exact must be at most 100000000000000000000"),
    ("day", "2019-12-31", "23514", CHECKED, "day must be at least 2020-01-01"),
    ("words", "a", "23514", CHECKED, "words must have at least 2 characters"),
    ("words", "abcde", "23514", CHECKED, "words must have at most 4 characters"),
    ("blob", "AAEC", "23514", CHECKED, "blob must have at most 2 bytes"),
    ("code", "ab1", "23514", None, "code must match the pattern [A-Z]{2}[0-9]+"),
    ("soft", 6, "23514", None, "soft must be at most 5"),
])
def test_limits_are_told_with_what_they_ask(declare, field, value, code, message, words):
    server = declare(LIMITS)
    body = refused(server.post("/item", {field: value}), code,
                   message.format(field) if message else None)
    assert body["details"] == f"/{field}: {words}"
    assert server.rows("/item") == []


def test_limits_of_the_database_alone_are_told_in_the_same_words(declare):
    server = declare(LIMITS)
    refused(server.post("/item", {"free": 6}), "23514", CHECKED.format("free"))
    refused(server.post("/item", {"even": 3}), "23514", CHECKED.format("even"))
    assert server.post("/item", {"free": 5, "even": 4, "n": 10, "words": "abcd"}).status == 201


@pytest.mark.parametrize("name, good, bad", [
    ("email", "a@example.org", "a"), ("uri", "https://example.org/x", "x y"),
    ("hostname", "a.example", "-a"), ("ipv4", "127.0.0.1", "256.0.0.1"), ("ipv6", "::1", ":1"),
    ("slug", "a-b", "A b"), ("phone", "+49 30 123456", "abc")])
def test_every_format_is_checked(declare, name, good, bad):
    server = declare(f'"A": {{ "fields": {{ "x": "text format({name})" }} }}')
    refused(server.post("/a", {"x": bad}), "22P02",
            f'invalid input syntax for type {name}: "{bad}"')
    assert server.post("/a", {"x": good}).status == 201


def test_a_check_of_the_model_tells_the_users_message(declare):
    server = declare('"Span": { "fields": { "low": "integer", "high": "integer" }, "checks": ['
                     ' { "name": "in_order", "sql": "low < high",'
                     '   "message": "high must be more than low" }, "low > -100" ] }')
    body = refused(server.post("/span", {"low": 5, "high": 1}), "23514",
                   'new row for relation "span" violates check constraint "in_order"')
    assert body["details"] == "high must be more than low"
    body = refused(server.post("/span", {"low": -100, "high": 1}), "23514",
                   'new row for relation "span" violates check constraint "span_check"')
    assert body["details"] is None
    create(server, "/span", low=1, high=2)
    body = refused(server.patch("/span?low=eq.1", {"high": 0}), "23514")
    assert body["details"] == "high must be more than low"


INDEXES = """"Seat": {
    "fields": { "hall": "integer", "row": "integer", "guest": "string? collate(nocase) index",
                "ticket": "string unique", "gone": "boolean = false" },
    "unique": [ ["hall", "row"], { "fields": ["guest"], "name": "one_guest", "where": "NOT gone" } ],
    "indexes": [ { "fields": ["row desc nulls last"], "name": "by_row" }, ["hall", "gone"],
                 { "fields": ["gone"], "name": "here", "where": { "sqlite": "gone = 0", "any": "gone" } } ] }"""


def test_unique_keys_and_indexes_are_made_and_told_by_name(declare):
    server = declare(INDEXES)
    create(server, "/seat", hall=1, row=1, guest="ann", ticket="a")
    for row, name in [({"hall": 1, "row": 1, "ticket": "b"}, "seat_hall_row_key"),
                      ({"hall": 1, "row": 2, "ticket": "a"}, "seat_ticket_key"),
                      ({"hall": 1, "row": 2, "ticket": "b", "guest": "ANN"}, "one_guest")]:
        refused(server.post("/seat", row), "23505",
                f'duplicate key value violates unique constraint "{name}"', 409)
    create(server, "/seat", hall=2, row=2, guest="Ann", ticket="b", gone=True)
    assert server.column("/seat?guest=eq.ANN&order=id", "hall") == [1, 2]
    sql = "SELECT name FROM sqlite_schema WHERE type = 'index' AND sql IS NOT NULL" \
        if server.db.engine == "sqlite" else "SELECT indexname FROM pg_indexes"
    names = {row[0] for row in server.db.rows(sql)}
    assert {"by_row", "here", "one_guest", "seat_guest_idx", "seat_hall_gone_idx"} <= names


@pytest.mark.sqlite("PostgreSQL stores every generated column")
def test_generated_columns_are_shown_and_never_taken(declare):
    server = declare(""""Line": { "fields": { "count": "integer", "price": "integer",
        "total": { "type": "integer", "generated": { "sql": "count * price", "stored": true } },
        "half": { "type": "float", "nullable": true,
                  "generated": { "sql": "price / 2.0", "stored": false } } } }""")
    assert create(server, "/line", count=3, price=5) == {
        "id": 1, "count": 3, "price": 5, "total": 15, "half": 2.5}
    refused(server.post("/line", {"count": 3, "price": 5, "total": 1}), "428C9",
            'cannot insert a non-DEFAULT value into column "total"')
    refused(server.patch("/line?id=eq.1", {"half": 1}), "428C9",
            'column "half" can only be updated to DEFAULT')
    assert server.patch("/line?id=eq.1", {"count": 4}, **FULL).json[0]["total"] == 20
    assert server.column("/line?total=gt.10") == [1]


def test_fields_say_who_may_write_them_when(declare):
    server = declare(""""A": { "fields": { "x": "text",
        "once": { "type": "text", "immutable": true, "nullable": true },
        "ours": "integer = 3 readonly",
        "word": { "type": "text", "writeonly": true, "nullable": true, "unique": true },
        "gone": { "type": "text", "hidden": true, "nullable": true } } }""")
    assert create(server, "/a", x="1", once="o", word="w") == {
        "id": 1, "x": "1", "once": "o", "ours": 3}
    body = refused(server.patch("/a?id=eq.1", {"once": "p"}), "428C9")
    assert body["details"].endswith('Column "once" cannot be changed.')
    refused(server.patch("/a?id=eq.1", {"ours": 4}), "428C9")
    body = refused(server.post("/a", {"x": "2", "word": "w"}), "23505", status=409)
    assert "(w)" not in json.dumps(body)
    refused(server.patch("/a?id=eq.1", {"gone": "x"}), "PGRST204")


def test_a_hidden_field_that_nobody_gives_is_not_named(declare):
    server = declare('"A": { "fields": { "x": "text", "secret": "text hidden" } }')
    body = refused(server.post("/a", {"x": "1"}), "23502",
                   'relation "a" needs a value that cannot be given here')
    assert [error["pointer"] for error in body["errors"]] == [""]
    body = refused(server.post("/a", [{"x": "1"}]), "23502")
    assert [error["pointer"] for error in body["errors"]] == ["/0"]
    assert "secret" not in json.dumps(body)


def test_a_read_only_model_is_read(declare):
    server = declare('"A": { "read_only": true, "fields": { "x": "text" } }')
    assert server.rows("/a") == []
    assert server.post("/a", {"x": "1"}).status == 405
    assert server.delete("/a?id=eq.1").status == 405


# --- keys --------------------------------------------------------------------------------------

def test_keys_of_several_fields_and_references_to_them(declare):
    server = declare("""
        "City": { "primary_key": ["country", "name"],
                  "fields": { "country": "string(2)", "name": "string(40)", "people": "integer?" },
                  "relations": { "streets": "Street[] <-> city" } },
        "Street": { "fields": { "country": "string(2)", "town": "string(40)", "name": "text" },
                    "foreign_keys": [ { "fields": ["country", "town"], "model": "City",
                                        "references": ["country", "name"], "name": "street_in",
                                        "on_delete": "cascade", "on_update": "cascade" } ],
                    "relations": { "city": "City <-> streets" } }""")
    assert create(server, "/city", country="de", name="Ulm") == {
        "country": "de", "name": "Ulm", "people": None}
    refused(server.post("/street", {"country": "de", "town": "Bonn", "name": "a"}), "23503",
            'insert or update on table "street" violates foreign key constraint "street_in"', 409)
    create(server, "/street", country="de", town="Ulm", name="a")
    assert server.get("/city/de,Ulm").json["name"] == "Ulm"
    assert server.rows("/city?select=name,streets(name)") == [
        {"name": "Ulm", "streets": [{"name": "a"}]}]
    assert server.rows("/street?select=name,city(people)") == [
        {"name": "a", "city": {"people": None}}]
    assert server.patch("/city/de,Ulm", {"name": "Neu"}).status == 204
    assert server.column("/street", "town") == ["Neu"]
    assert server.put("/city/de,Neu", {"country": "de", "name": "Neu", "people": 3}).status == 204
    assert server.delete("/city/de,Neu").status == 204
    assert server.rows("/street") == []


def test_a_key_of_ones_own_drops_the_id(declare):
    server = declare('"A": { "fields": { "code": "string(3) pk", "x": "int?" } },'
                     '"B": { "fields": { "n": { "type": "integer", "primary_key": true,'
                     ' "auto_increment": false } } },'
                     '"C": { "fields": { "n": "integer pk", "x": "int?" } }')
    assert create(server, "/a", code="abc") == {"code": "abc", "x": None}
    assert create(server, "/b", n=5) == {"n": 5}
    assert create(server, "/c", x=1)["n"] == 1
    refused(server.post("/a", {"x": 1}), "23502")


def test_a_violated_key_is_told_by_its_fields_not_by_its_columns(declare):
    server = declare("""
        "A": { "fields": { "name": { "type": "text", "column": "full_name", "unique": true } } },
        "B": { "fields": { "x": "int", "a": { "references": "A", "column": "a_ref" } },
               "unique": [["x", "a"]] }""")
    create(server, "/a", name="ann, bob")
    create(server, "/b", x=1, a=1)
    for path, row, details in [
            ("/a", {"name": "ann, bob"}, "Key (name)=(ann, bob) already exists."),
            ("/b", {"x": 1, "a": 1}, "Key (x, a)=(1, 1) already exists."),
            ("/b", {"x": 1, "a": 7}, 'Key (a)=(7) is not present in table "a".')]:
        assert server.post(path, row).json["details"] == details


def test_a_deferred_reference_may_come_late(declare):
    server = declare(""""Node": { "fields": { "next_id": { "nullable": true, "references": {
        "model": "Node", "deferrable": "deferred", "on_delete": "set null" } } } }""")
    rows = create(server, "/node", {"id": 1, "next_id": 2}, {"id": 2, "next_id": 1})
    assert [row["next_id"] for row in rows] == [2, 1]
    refused(server.post("/node", {"id": 3, "next_id": 9}), "23503", status=409)
    assert server.delete("/node?id=eq.2").status == 204
    assert server.rows("/node") == [{"id": 1, "next_id": None}]


@pytest.mark.parametrize("action, left", [
    ("cascade", []), ("set null", [None]), ("set default", [1]), ("restrict", None),
    ("no action", None)])
def test_every_action_of_a_reference(declare, action, left):
    server = declare('"A": { "fields": { "x": "text" } }, "B": { "fields": {'
                     f'"a_id": "-> A? = 1 on delete {action} on update cascade" }} }}')
    create(server, "/a", {"x": "1"}, {"x": "2"})
    create(server, "/b", a_id=2)
    assert server.patch("/a?id=eq.2", {"id": 5}).status == 204
    assert server.column("/b", "a_id") == [5]
    response = server.delete("/a?id=eq.5")
    if left is None:
        refused(response, "23503", status=409)
        left = [5]
    else:
        assert response.status == 204, response
    assert server.column("/b", "a_id") == left


# --- relationships -----------------------------------------------------------------------------

def test_a_model_refers_to_itself(declare):
    server = declare(""""Node": { "fields": { "name": "text", "parent_id": "-> Node?" },
        "relations": { "parent": "Node <-> children",
                       "children": { "model": "Node", "uselist": true, "back_populates": "parent",
                                     "order_by": ["name desc"] } } }""")
    create(server, "/node", name="root")
    create(server, "/node", {"name": "a", "parent_id": 1}, {"name": "b", "parent_id": 1})
    assert server.rows("/node?id=eq.1&select=name,children(name),parent(name)") == [
        {"name": "root", "children": [{"name": "b"}, {"name": "a"}], "parent": None}]
    assert server.rows("/node?id=eq.2&select=name,parent(name)") == [
        {"name": "a", "parent": {"name": "root"}}]
    refused(server.delete("/node?id=eq.1"), "23503", status=409)


def test_a_relation_is_always_loaded_and_ordered_as_declared(declare):
    server = declare("""
        "Author": { "fields": { "name": "text" }, "relations": {
            "books": { "model": "Book", "uselist": true, "back_populates": "author",
                       "load": "always", "order_by": ["year desc", "title"] } } },
        "Book": { "fields": { "title": "text", "year": "int?", "author_id": "-> Author" },
                  "relations": { "author": "Author <-> books" } }""")
    created = create(server, "/author", name="ann")
    assert created == {"id": 1, "name": "ann", "books": []}
    create(server, "/book", *[{"title": title, "year": year, "author_id": 1}
                              for title, year in [("x", None), ("b", 2000), ("a", 2000),
                                                  ("c", 2020)]])
    books = server.rows("/author")[0]["books"]
    assert [book["title"] for book in books] == ["x", "c", "a", "b"]
    assert "books" not in server.rows("/author?select=name")[0]
    books = server.rows("/author?select=books(title)&books.order=title")[0]["books"]
    assert [book["title"] for book in books] == ["a", "b", "c", "x"]


def test_the_order_of_a_relation_says_where_nulls_go(declare):
    server = declare("""
        "Author": { "fields": { "name": "text" }, "relations": {
            "books": { "model": "Book", "uselist": true, "back_populates": "author",
                       "order_by": ["year desc nulls last", "title nulls first"] } } },
        "Book": { "fields": { "title": "text?", "year": "int?", "author_id": "-> Author" },
                  "relations": { "author": "Author <-> books" } }""")
    create(server, "/author", name="ann")
    create(server, "/book", *[{"title": title, "year": year, "author_id": 1}
                              for title, year in [("x", None), ("b", 2000), (None, 2000),
                                                  ("c", 2020)]])
    books = server.rows("/author?select=books(title)")[0]["books"]
    assert [book["title"] for book in books] == ["c", None, "b", "x"]


def test_two_references_to_one_model_are_told_apart_by_via(declare):
    server = declare("""
        "Person": { "fields": { "name": "text" }, "relations": {
            "written": "Letter[] via sender_id <-> sender",
            "got": "Letter[] via receiver_id <-> receiver" } },
        "Letter": { "fields": { "sender_id": "-> Person", "receiver_id": "-> Person.id" },
            "relations": { "sender": "Person via sender_id <-> written",
                           "receiver": "Person via receiver_id <-> got" } }""")
    create(server, "/person", {"name": "ann"}, {"name": "bob"})
    create(server, "/letter", sender_id=1, receiver_id=2)
    assert server.rows("/letter?select=sender(name),receiver(name)") == [
        {"sender": {"name": "ann"}, "receiver": {"name": "bob"}}]
    assert server.rows("/person?select=name,written(id),got(id)&order=id") == [
        {"name": "ann", "written": [{"id": 1}], "got": []},
        {"name": "bob", "written": [], "got": [{"id": 1}]}]


def test_many_to_many_by_secondary_with_local_and_remote(declare):
    server = declare("""
        "User": { "fields": { "name": "text" }, "relations": {
            "follows": { "model": "User", "secondary": "Follow", "local": "who_id",
                         "remote": "whom_id", "back_populates": "followers" },
            "followers": { "model": "User", "secondary": "Follow", "local": "whom_id",
                           "remote": "who_id", "back_populates": "follows" } } },
        "Follow": { "fields": { "who_id": "-> User pk on delete cascade",
                                "whom_id": "-> User pk on delete cascade" } }""")
    create(server, "/user", {"name": "ann"}, {"name": "bob"})
    create(server, "/follow", who_id=1, whom_id=2)
    assert server.rows("/user?select=name,follows(name),followers(name)&order=id") == [
        {"name": "ann", "follows": [{"name": "bob"}], "followers": []},
        {"name": "bob", "follows": [], "followers": [{"name": "ann"}]}]


# --- models that share, models of others -------------------------------------------------------

def test_abstract_models_lend_their_fields(declare):
    server = declare("""
        "Named": { "abstract": true, "fields": { "name": "string(5)" } },
        "Dated": { "abstract": true, "timestamps": true, "fields": { "note": "text?" } },
        "Sized": { "abstract": true, "extends": "Named", "fields": { "size": "int?" } },
        "Thing": { "extends": "Named", "fields": { "weight": "int" } },
        "Tool": { "extends": ["Sized", "Dated"], "fields": { "weight": "int?" } }""")
    assert {model["name"] for model in server.get("/-/models").json["models"]} == {"thing", "tool"}
    tool = create(server, "/tool", name="saw", weight=3)
    assert set(tool) == {"id", "name", "note", "size", "weight", "created_at", "updated_at"}
    refused(server.post("/thing", {"name": "hammer", "weight": 1}), "22001")
    server.error("/named", 404, "PGRST205")
    assert server.rows("/thing") == []


OLD = """
    CREATE TABLE legacy_person (person_id INTEGER PRIMARY KEY, full_name VARCHAR(5) NOT NULL,
        born TEXT, flag INTEGER DEFAULT 1, -- sqlite only
        born DATE, flag BOOLEAN DEFAULT TRUE, -- postgresql only
        extra TEXT);
    CREATE TABLE legacy_pair (a INTEGER, b INTEGER, note TEXT, PRIMARY KEY (a, b));
    CREATE VIEW grown AS SELECT person_id, full_name FROM legacy_person;
    INSERT INTO legacy_person VALUES (1, 'ann', '2001-02-03', FALSE, 'x')"""
LENT = """
    "Person": { "table": "legacy_person", "managed": false, "fields": {
        "person_id": "integer pk", "name": { "type": "string", "max_length": 5,
        "column": "full_name" }, "born": "date?", "flag": "boolean?" } },
    "Pair": { "table": "legacy_pair", "managed": false, "primary_key": ["a", "b"],
        "fields": { "a": "integer", "b": "integer", "note": "text?" } },
    "Grown": { "managed": false, "read_only": true, "fields": {
        "person_id": "integer pk", "full_name": "text?" } }"""


def test_tables_of_others_are_served_and_left_as_they_are(declare):
    def schema():
        if server.db.engine == "sqlite":
            return server.db.rows(
                "SELECT sql FROM sqlite_schema WHERE tbl_name NOT LIKE '\\_modeld%' ESCAPE '\\'"
                " ORDER BY name")
        return server.db.rows(
            "SELECT table_name, column_name, data_type, character_maximum_length, is_nullable, "
            "column_default FROM information_schema.columns WHERE table_schema = 'public' "
            "AND table_name NOT LIKE '\\_modeld%' ORDER BY 1, 2")
    server = declare(LENT, before=OLD)
    before = schema()
    assert server.rows("/legacy_person") == [
        {"person_id": 1, "name": "ann", "born": "2001-02-03", "flag": False}]
    assert create(server, "/Person", name="bob")["person_id"] == 2
    refused(server.post("/Person", {"name": "robert"}), "22001")
    create(server, "/Pair", a=1, b=2)
    assert server.get("/Pair/1,2").json == {"a": 1, "b": 2, "note": None}
    assert server.column("/Grown?order=person_id", "full_name") == ["ann", "bob"]
    assert server.post("/Grown", {"full_name": "x"}).status == 405
    assert schema() == before


@pytest.mark.sqlite("the options are its own")
def test_options_of_the_engine_shape_the_table(declare):
    server = declare("""
        "A": { "options": { "sqlite": { "strict": false } }, "fields": { "x": "text" } },
        "B": { "options": { "sqlite": { "without_rowid": true } },
               "fields": { "k": "string pk", "s": { "type": "text", "nullable": true,
               "sql_type": { "sqlite": "ANY" } } } }""")
    create(server, "/b", k="a", s="x")
    assert server.rows("/b") == [{"k": "a", "s": "x"}]
    made = dict(server.db.rows("SELECT name, sql FROM sqlite_schema WHERE type = 'table'"))
    assert not made["a"].rstrip().endswith("STRICT")
    assert "WITHOUT ROWID" in made["b"] and "STRICT" in made["b"]


def test_descriptions_are_part_of_the_documents(declare):
    server = declare(""""A": { "description": "all of it", "fields": { "x": { "type": "text",
        "title": "Ex", "description": "the unknown", "example": "y" } } }""")
    model = server.get("/-/models/a").json
    assert model["description"] == "all of it"
    assert [field["description"] for field in model["fields"] if field["name"] == "x"] == [
        "the unknown"]


# --- the log -----------------------------------------------------------------------------------

def test_values_that_are_never_shown_are_not_in_the_log_either(declare):
    server = declare('''"Key": { "fields": {
        "open": "text", "word": { "type": "text", "writeonly": true, "unique": true },
        "made": { "type": "text", "hidden": true, "default": "gen-51f3a9" } } }''', echo="debug")
    row = create(server, "/key", open="seen-1", word="sesame-1")
    assert row == {"id": 1, "open": "seen-1"}
    create(server, "/key", {"open": "seen-2", "word": "sesame-2"},
           {"open": "seen-3", "word": "sesame-3"})
    assert server.patch("/key?id=eq.1", {"word": "sesame-4", "open": "seen-4"}).status == 204
    assert server.put("/key/3", {"id": 3, "word": "sesame-5", "open": "seen-5"}).status == 204
    refused(server.post("/key", {"open": "seen-6", "word": "sesame-2"}), "23505", status=409)
    server.get("/key?open=eq.seen-7")
    server.wait_log("'seen-7'")
    server.wait_log("***")
    assert not server.log_contains("sesame") and not server.log_contains("gen-51f3a9")
    # what has no such field is told as before
    assert server.patch("/key?id=eq.1", {"open": "seen-8"}).status == 204
    server.wait_log("seen-8")
