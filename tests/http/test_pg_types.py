"""Types that only PostgreSQL has, in answers other than JSON and under settings of the database."""
import csv
import io
import json
import urllib.parse

import pytest

pytestmark = pytest.mark.postgresql("types that SQLite does not have")

KINDS = """
    CREATE TYPE mood AS ENUM ('calm', 'so, so', 'a "b" \\ c');
    CREATE TYPE pair AS (a integer, b text);
    CREATE TABLE kind (id integer PRIMARY KEY, mood mood, net inet, span int4range, took interval,
        words tsvector, price money, bits bit(3), name "char", pair pair, tags text[], doc jsonb,
        part point, ref oid);
    INSERT INTO kind VALUES
        (1, 'so, so', '10.0.0.1/8', '[1,5)', '1 day 02:00', 'a:1 b:2', '$1.50', '101', 'x',
         '(1,"x y")', '{a,NULL}', '"text"', '(1.5,2)', 7),
        (2, 'a "b" \\ c', '::1', 'empty', '-1 mon', '', '$0.00', '000', '"', '(,)', '{}', '[1]',
         '(0,0)', 0);
    INSERT INTO kind (id) VALUES (3);
"""


def test_csv_has_the_texts_of_values_and_not_json_strings(serve, database):
    daemon = serve(database(KINDS))
    plain = ["mood", "net", "span", "took", "words", "price", "bits", "name", "part", "ref"]
    rows = daemon.rows("/kind?order=id")
    read = list(csv.DictReader(io.StringIO(daemon.get("/kind?order=id", Accept="text/csv").text,
                                           newline=""), strict=True))
    assert [{name: cells[name] for name in plain} for cells in read[:2]] == [
        {name: row[name] for name in plain} for row in rows[:2]]
    assert [cells["pair"] for cells in read] == ['{"a":1,"b":"x y"}', '{"a":null,"b":null}', ""]
    assert [cells["tags"] for cells in read] == ['["a",null]', "[]", ""]
    assert [cells["doc"] for cells in read] == ['"text"', "[1]", ""]


def test_what_csv_says_of_such_values_can_be_posted(serve, database):
    daemon = serve(database(KINDS + "CREATE TABLE copy (LIKE kind INCLUDING ALL);"))
    names = "id,mood,net,span,took,words,price,bits,name,part,ref,doc"
    text = daemon.get(f"/kind?select={names}&id=lt.3&order=id", Accept="text/csv").text
    response = daemon.post("/copy?order=id&select=" + names, text, Content_Type="text/csv",
                           Prefer="return=representation")
    assert response.status == 201, response
    assert response.json == daemon.rows(f"/kind?select={names}&id=lt.3&order=id")


def test_lists_of_boxes_are_found_though_semicolons_part_them(serve, database):
    daemon = serve(database("CREATE TABLE area (id integer PRIMARY KEY, box box);"
                            "INSERT INTO area VALUES (1, '(1,1),(0,0)'), (2, '(3,3),(0,0)'),"
                            " (3, '(9,1),(0,0)');"))
    assert daemon.column('/area?box=in.("(1,1),(0,0)","(3,3),(0,0)")&order=id') == [1, 2, 3]
    assert daemon.column('/area?box=in.("(2,2),(0,0)")') == []
    assert daemon.column('/area?box=eq(any).{"(5,5),(4,4)","(7,7),(4,3)"}&order=id') == [1]


@pytest.mark.parametrize("kind", ['"a long ""name"" %s"' % ("x" * 49), "couple"])
@pytest.mark.parametrize("query, ids", [
    ("in.(\"(1,a)\",\"(2,\\\"b c\\\")\")", [1, 2]), ("not.in.(\"(1,a)\",\"(9,)\")", [2, 3]),
    ("eq.(1,a)", [1]), ("neq.(1,a)", [2, 3]), ("gt.(1,a)", [2, 3]), ("lt.(2,)", [1, 2]),
    ("isdistinct.(1,a)", [2, 3, 4]), ('lt(all).{"(2,z)","(3,a)"}', [1, 2]),
    ('eq(any).{"(3,)"}', [3])])
def test_composites_are_compared_whole(serve, database, kind, query, ids):
    pair = kind if kind != "couple" else "pair"
    daemon = serve(database(f"CREATE TYPE {pair} AS (a integer, b text);"
                            f"CREATE DOMAIN couple AS {pair} CHECK ((VALUE).a < 5);"
                            f"CREATE TABLE two (id integer PRIMARY KEY, duo {kind});"
                            "INSERT INTO two VALUES (1, '(1,a)'), (2, '(2,\"b c\")'), (3, '(3,)'),"
                            " (4, NULL);"))
    assert daemon.column(f"/two?duo={query}&order=id") == ids


def test_a_composite_may_be_a_key(serve, database):
    daemon = serve(database("CREATE TYPE pair AS (a integer, b text);"
                            "CREATE TABLE two (id pair PRIMARY KEY, n integer);"
                            "INSERT INTO two VALUES ('(1,a)', 1), ('(2,\"b c\")', 2);"))
    target = "/two/" + urllib.parse.quote('(2,"b c")')
    assert daemon.get(target).json == {"id": {"a": 2, "b": "b c"}, "n": 2}
    assert daemon.patch(target, {"n": 3}, Prefer="return=representation").json["n"] == 3
    assert daemon.delete(target).status == 204
    assert daemon.column("/two", "n") == [1]
    daemon.error(target, 404, "MD404")
    daemon.error("/two/(x,y)", 404, "MD404")


DOMAINS = """
    CREATE DOMAIN seven AS integer DEFAULT 7;
    CREATE DOMAIN eight AS seven DEFAULT 8 CHECK (VALUE IS NOT NULL);
    CREATE DOMAIN word AS varchar(5) NOT NULL DEFAULT 'x';
    CREATE DOMAIN given AS text NOT NULL;
    CREATE TABLE thing (id integer PRIMARY KEY, a seven, b eight DEFAULT 9, c eight, d word,
        e given);
"""


def test_the_default_of_a_domain_counts_like_that_of_a_column(serve, database):
    daemon = serve(database(DOMAINS))
    response = daemon.post("/thing?columns=id,a,b,c,d,e", [
        {"id": 1, "e": "y"}, {"id": 2, "a": None, "b": 1, "c": 2, "d": "z", "e": "y"}],
        Prefer="missing=default, return=representation")
    assert response.status == 201, response
    assert response.json == [{"id": 1, "a": 7, "b": 9, "c": 8, "d": "x", "e": "y"},
                             {"id": 2, "a": None, "b": 1, "c": 2, "d": "z", "e": "y"}]
    for row, code in [({"id": 3}, "23502"), ({"id": 3, "e": "y", "c": None}, "23514"),
                      ({"id": 3, "e": "y", "d": None}, "23502"),
                      ({"id": 3, "e": "y", "d": "longer"}, "22001")]:
        response = daemon.post("/thing?columns=id,a,b,c,d,e", row, Prefer="missing=default")
        assert (response.status, response.json["code"]) == (400, code), response
    fields = {field["name"]: field for field in daemon.get("/-/schema").json["models"][0]["fields"]}
    assert [name for name, field in fields.items() if field["required"]] == ["id", "e"]
    assert fields["d"]["default"] == {"sql": "'x'::character varying"}


@pytest.mark.parametrize("default", [None, 7, 6])
def test_a_model_of_a_column_of_a_domain_need_not_repeat_its_default(serve, database, tmp_path,
                                                                     default):
    field = {"type": "integer", "nullable": True, "sql_type": "seven"}
    if default:
        field["default"] = default
    models = tmp_path / "models.json"
    models.write_text(json.dumps({"version": 1, "models": {"Thing": {
        "table": "thing", "managed": False,
        "fields": {"id": {"type": "integer", "primary_key": True}, "a": field}}}}))
    daemon = serve(database(DOMAINS), models=models)
    told = daemon.admin("/-/models/Thing").json.get("differences", [])
    assert any("the default is" in str(each) for each in told) == (default == 6), told


def test_an_aggregate_of_such_a_type_is_what_row_to_json_prints(serve, database):
    db = database(KINDS)
    daemon = serve(db, db_aggregates_enabled="true")
    shown = db.rows("SELECT row_to_json(t)::text FROM (SELECT max(tags) AS a, sum(took) AS b,"
                    " sum(price) AS c, max(net) AS d, max(mood) AS e FROM kind) t")[0][0]
    response = daemon.get("/kind?select=a:tags.max(),b:took.sum(),c:price.sum(),d:net.max(),"
                          "e:mood.max()")
    assert response.text == f"[{shown}]"
    assert '["a",null]' in shown  # no blank behind the comma


def test_a_table_of_as_many_columns_as_there_can_be_is_served(serve, database):
    columns = [f"c{number}" for number in range(1599)]
    typed = ", ".join(f"{name} integer" for name in columns)
    daemon = serve(database(f"CREATE TABLE wide (id integer PRIMARY KEY, {typed});"
                            "CREATE TABLE kid (id integer PRIMARY KEY REFERENCES wide);"
                            f"CREATE TABLE other (nr integer PRIMARY KEY REFERENCES wide, {typed});"
                            "INSERT INTO wide (id, c1598) VALUES (1, 7);"
                            "INSERT INTO kid VALUES (1);"))
    row = {"id": 1, **dict.fromkeys(columns), "c1598": 7}
    assert daemon.rows("/wide") == [row]
    assert daemon.rows("/kid?select=id,wide(*)") == [{"id": 1, "wide": row}]
    assert daemon.patch("/wide/1?select=*", {"c0": 1}, Prefer="return=representation").json == {
        **row, "c0": 1}
    response = daemon.get("/other?select=*,...wide(*)")  # two of them side by side
    assert (response.status, response.json["code"]) == (400, "MD414"), response


@pytest.mark.parametrize("kind, key, value", [
    ("uuid", "A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"),
    ("timestamptz", "2024-01-01T00:00:00Z", "2024-01-01T02:00:00+02:00"),
    ("timestamp", "2024-01-01 00:00:00", "2024-01-01T00:00:00.000"),
    ("integer[]", "{1,2}", [1, 2]), ("text[]", '{a,"b c"}', ["a", "b c"])])
def test_a_put_knows_its_key_in_another_writing(serve, database, kind, key, value):
    daemon = serve(database(f"CREATE TABLE keyed (id {kind} PRIMARY KEY, n integer)"))
    target = f"/keyed/{urllib.parse.quote(key, safe='')}"
    for number, status in ((1, 201), (2, 200)):
        response = daemon.put(target, {"id": value, "n": number}, Prefer="return=representation")
        assert (response.status, response.json["n"]) == (status, number), response
    other = {"uuid": "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a12", "timestamptz": "2024-01-01T00:00:00",
             "timestamp": "2024-01-01T00:00:01", "integer[]": [1, 2, 3], "text[]": ["a", "b", "c"]}
    response = daemon.put(target, {"id": other[kind], "n": 3})
    assert (response.status, response.json["code"]) == (400, "PGRST115"), response


@pytest.mark.parametrize("kind, key", [
    ("uuid", "abc"), ("timestamptz", "abc"), ("date", "2024-02-30"), ("mood", "sad"),
    ("boolean", "abc"), ("inet", "abc"), ("integer", "abc")])
def test_a_key_that_its_column_cannot_hold_is_that_of_no_row(serve, database, kind, key):
    daemon = serve(database("CREATE TYPE mood AS ENUM ('calm');"
                            f"CREATE TABLE keyed (id {kind} PRIMARY KEY, n integer)"))
    for method, body in (("GET", None), ("PATCH", {"n": 1}), ("DELETE", None)):
        response = daemon.write(method, f"/keyed/{key}", body)
        assert (response.status, response.json["code"]) == (404, "MD404"), (method, response)
    response = daemon.patch("/keyed?n=eq.1", {"n": key})  # values of bodies are errors as ever
    assert (response.status, response.json["code"]) == (400, "22P02"), response
