"""What only PostgreSQL has: its types in and out, operators of arrays and ranges, text search, paths
into JSON, composites and arrays, views with keys, materialized views, partitions, generated and
identity columns, errors of functions, privileges, schemas and the search path."""
import json

import pytest

from harness import Modeld, StartFailed

pytestmark = pytest.mark.postgresql("types, objects and rights that SQLite does not have")
FULL = "return=representation"
OBJECT = "application/vnd.pgrst.object+json"

# type, a value as JSON, the same value as the answer gives it, and as a filter writes it.
TYPES = [
    ("smallint", "-32768", "-32768", "-32768"),
    ("integer", "2147483647", "2147483647", "2147483647"),
    ("bigint", "9223372036854775807", "9223372036854775807", "9223372036854775807"),
    ("numeric", "12345678901234567890.12345678901234567890",
     "12345678901234567890.12345678901234567890", "12345678901234567890.1234567890123456789"),
    ("numeric", '"NaN"', '"NaN"', "NaN"),
    ("numeric(6,2)", "1.005", "1.01", "1.01"),
    ("real", "0.1", "0.1", "0.1"),
    ("double precision", "1e300", "1e+300", "1e300"),
    ("double precision", '"Infinity"', '"Infinity"', "Infinity"),
    ("money", '"12.34"', '"$12.34"', "12.34"),
    ("boolean", "true", "true", "t"),
    ("text", '"Ünï \\"x\\" \\\\"', '"Ünï \\"x\\" \\\\"', 'Ünï "x" \\'),
    ("varchar(5)", '"abcde"', '"abcde"', "abcde"),
    ("char(4)", '"ab"', '"ab  "', "ab"),
    ("\"char\"", '"x"', '"x"', "x"),
    ("name", '"somebody"', '"somebody"', "somebody"),
    ("bytea", '"\\\\x00ff"', '"\\\\x00ff"', "\\x00ff"),
    ("uuid", '"A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11"', '"a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"',
     "a0eebc999c0b4ef8bb6d6bb9bd380a11"),
    ("date", '"2024-02-29"', '"2024-02-29"', "2024-02-29"),
    ("date", '"infinity"', '"infinity"', "infinity"),
    ("time", '"23:59:59.5"', '"23:59:59.5"', "23:59:59.5"),
    ("timetz", '"23:59:59+02"', '"23:59:59+02"', "23:59:59+02"),
    ("timestamp", '"2024-02-29 12:00:00.123456"', '"2024-02-29T12:00:00.123456"',
     "2024-02-29T12:00:00.123456"),
    ("timestamptz", '"2024-02-29T12:00:00+02"', '"2024-02-29T10:00:00+00:00"',
     "2024-02-29T10:00:00Z"),
    ("interval", '"1 day 02:03:04"', '"1 day 02:03:04"', "26:03:04"),
    ("jsonb", '{"b": [1, 2.50, null], "a": {}}', '{"a": {}, "b": [1, 2.50, null]}',
     '{"a":{},"b":[1,2.50,null]}'),
    ("json", '{"b": 1,  "a":2}', '{"b": 1,  "a":2}', None),
    ("integer[]", "[1, null, 3]", "[1,null,3]", "{1,NULL,3}"),
    ("integer[]", '"{1,2}"', "[1,2]", "{1,2}"),
    ("integer[][]", "[[1, 2], [3, 4]]", "[[1,2],[3,4]]", "{{1,2},{3,4}}"),
    ("text[]", '["a,b", "c\\"d", ""]', '["a,b","c\\"d",""]', '{"a,b","c\\"d",""}'),
    ("jsonb[]", '[{"a": 1}]', '[{"a": 1}]', '{"{\\"a\\": 1}"}'),
    ("mood", '"calm"', '"calm"', "calm"),
    ("mood[]", '["calm", "wild"]', '["calm","wild"]', "{calm,wild}"),
    ("positive", "5", "5", "5"),
    ("point3", '{"x": 1, "y": 2.5, "z": null}', '{"x":1,"y":2.5,"z":null}', None),
    ("point3[]", '[{"x": 1, "y": 2, "z": "a"}]', '[{"x":1,"y":2,"z":"a"}]', '{"(1,2,a)"}'),
    ("int4range", '"[1,5]"', '"[1,6)"', "[1,6)"),
    ("tstzrange", '"[2024-01-01,)"', '"[\\"2024-01-01 00:00:00+00\\",)"', "[2024-01-01,)"),
    ("int4multirange", '"{[1,3),[7,9)}"', '"{[1,3),[7,9)}"', "{[1,3),[7,9)}"),
    ("inet", '"10.0.0.1/8"', '"10.0.0.1/8"', "10.0.0.1/8"),
    ("cidr", '"10.0.0.0/8"', '"10.0.0.0/8"', "10.0.0.0/8"),
    ("macaddr", '"08:00:2b:01:02:03"', '"08:00:2b:01:02:03"', "08002b010203"),
    ("bit(3)", '"101"', '"101"', "101"),
    ("varbit", '"10101"', '"10101"', "10101"),
    ("xml", '"<a b=\\"1\\">x</a>"', '"<a b=\\"1\\">x</a>"', None),
    ("point", '"(1,2.5)"', '"(1,2.5)"', None),
    ("box", '"(2,2),(0,0)"', '"(2,2),(0,0)"', "(2,2),(0,0)"),
    ("tsvector", '"a:1 b:2"', '"\'a\':1 \'b\':2"', "a:1 b:2"),
    ("oid", "4000000000", '"4000000000"', "4000000000"),
    ("pg_lsn", '"16/B374D848"', '"16/B374D848"', "16/B374D848"),
]
SCHEMA = """
    CREATE TYPE mood AS ENUM ('wild', 'calm', 'bored');
    CREATE DOMAIN positive AS integer CHECK (VALUE > 0);
    CREATE TYPE point3 AS (x integer, y double precision, z text);
    CREATE TABLE kind (id INTEGER PRIMARY KEY, %s);
    CREATE TABLE band (id INTEGER PRIMARY KEY, name text NOT NULL, mood mood DEFAULT 'calm',
        years int4range, tags text[], marks integer[], info jsonb, place point3,
        words tsvector GENERATED ALWAYS AS (to_tsvector('english', name)) STORED,
        EXCLUDE USING gist (years WITH &&));
    INSERT INTO band (id, name, mood, years, tags, marks, info, place) VALUES
        (1, 'The running dogs', 'wild', '[1960,1970)', '{loud,"a b"}', '{1,2,3}',
         '{"a": {"b": [10, {"c": "deep"}]}, "n": 1.50}', '(1,2.5,here)'),
        (2, 'Cats', 'bored', '[1970,1980)', '{quiet}', '{3}', '{"a": 2}', NULL),
        (3, 'Dog and cat', 'calm', NULL, NULL, '{}', NULL, '(7,,)');
    CREATE TABLE song (id INTEGER PRIMARY KEY, band_id integer REFERENCES band (id), title text);
    INSERT INTO song VALUES (1, 1, 'Bark'), (2, 1, 'Howl'), (3, 2, 'Purr');
    CREATE VIEW loud_band AS SELECT id, name, mood FROM band WHERE 'loud' = ANY (tags);
    CREATE VIEW checked AS SELECT id, name FROM band WHERE id > 10 WITH CHECK OPTION;
    CREATE MATERIALIZED VIEW song_count AS SELECT band_id, count(*) AS songs FROM song GROUP BY 1;
    CREATE TABLE made (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, a integer,
                       b integer GENERATED ALWAYS AS (a * 2) STORED, c uuid DEFAULT gen_random_uuid());
    CREATE TABLE event (day date, what text, PRIMARY KEY (day, what)) PARTITION BY RANGE (day);
    CREATE TABLE event_2023 PARTITION OF event FOR VALUES FROM ('2023-01-01') TO ('2024-01-01');
    CREATE TABLE event_2024 PARTITION OF event FOR VALUES FROM ('2024-01-01') TO ('2025-01-01');
    INSERT INTO event VALUES ('2023-05-01', 'a'), ('2024-05-01', 'b');
    CREATE TABLE guarded (id INTEGER PRIMARY KEY, how text);
    CREATE FUNCTION guard() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        IF new.how = 'plain' THEN RAISE 'not like this'; END IF;
        IF new.how = 'status' THEN
            RAISE sqlstate 'PT402' USING message = 'pay first', detail = 'five', hint = 'cash'; END IF;
        IF new.how = 'own' THEN RAISE sqlstate 'AB123' USING message = 'our own'; END IF;
        IF new.how = 'zero' THEN new.id = 1 / 0; END IF;
        RETURN new; END $$;
    CREATE TRIGGER guard BEFORE INSERT ON guarded FOR EACH ROW EXECUTE FUNCTION guard();
""" % ", ".join(f"c{number} {row[0]}" for number, row in enumerate(TYPES))


@pytest.fixture(scope="module")
def pg(engine, tmp_path_factory):
    """A daemon on everything above."""
    folder = tmp_path_factory.mktemp("pg")
    db = engine.database(folder, SCHEMA)
    server = Modeld(db.url, folder=folder, settings={"threads": 1})
    server.db = db
    yield server
    server.stop()
    db.drop()


# --- types ----------------------------------------------------------------------------------------

@pytest.mark.parametrize("number, kind, given, expected, text", [
    pytest.param(number, *row, id=f"{row[0]} {row[1]}") for number, row in enumerate(TYPES)])
def test_a_type_is_written_read_and_filtered(pg, number, kind, given, expected, text):
    column = f"c{number}"
    response = pg.post(f"/kind?select=id,{column}", f'{{"{column}":{given}}}', Prefer=FULL,
                       Accept=OBJECT)
    assert response.status == 201, response
    row = response.json["id"]
    target = f"/kind?id=eq.{row}&select={column}"
    assert pg.get(target).body.decode() == f'[{{"{column}":{expected}}}]', kind
    shown = pg.db.rows(f"SELECT row_to_json(r)::text FROM (SELECT {column} FROM kind "
                       f"WHERE id = {row}) r")[0][0]
    assert pg.get(target).json[0] == json.loads(shown), "as row_to_json prints it"
    if text is not None:
        from urllib.parse import quote
        assert row in pg.column(f"/kind?{column}=eq.{quote(text, safe='')}")


@pytest.mark.parametrize("kind, value", [
    ("smallint", "32768"), ("integer", '"x"'), ("uuid", '"x"'), ("date", '"2024-02-30"'),
    ("mood", '"sad"'), ("inet", '"x"'), ("int4range", '"[5,1]"'), ("integer[]", '["x"]'),
    ("positive", "-5"), ("varchar(5)", '"abcdef"'), ("bit(3)", '"1"')])
def test_a_value_that_a_type_does_not_take_is_400(pg, kind, value):
    number = [row[0] for row in TYPES].index(kind)
    response = pg.post("/kind", f'{{"c{number}":{value}}}')
    assert response.status == 400, response
    assert response.json["code"][:2] in ("22", "23"), response


def test_whole_rows_are_what_row_to_json_prints(pg):
    shown = pg.db.rows("SELECT json_agg(b ORDER BY id)::text FROM band b")[0][0]
    assert pg.rows("/band?order=id") == json.loads(shown)


# --- operators --------------------------------------------------------------------------------------

@pytest.mark.parametrize("query, ids", [
    ("tags=cs.{loud}", [1]),
    ('tags=cs.{"a b",loud}', [1]),
    ("tags=cd.{quiet,other}", [2]),
    ("marks=ov.{3,9}", [1, 2]),
    ("marks=not.ov.{3,9}", [3]),
    ("marks=eq.{}", [3]),
    ("years=cs.[1961,1962]", [1]),
    ("years=cd.[1900,1975]", [1]),
    ("years=ov.[1969,1971)", [1, 2]),
    ("years=sl.[1970,1975)", [1]),
    ("years=sr.[1950,1960)", [1, 2]),
    ("years=nxr.[1960,1970)", [1]),
    ("years=nxl.[1970,1980)", [2]),
    ("years=adj.[1970,1975)", [1]),
    ("info=cs.{\"a\":2}", [2]),
    ("info->a=cs.{\"b\":[10]}", [1]),
    ("mood=gt.wild", [2, 3]),
    ("mood=in.(wild,bored)", [1, 2]),
    ("mood=eq(any).{wild,calm}", [1, 3]),
    ("name=match.(.)\\1", [1]),
    ("name=imatch.^(the|cats)", [1, 2]),
    ("words=fts.dog", [1, 3]),
    ("words=fts.run", [1]),
    ("words=plfts(english).running dogs", [1]),
    ("name=fts(english).dogs", [1, 3]),
    ("name=phfts(english).running dogs", [1]),
    ("name=wfts(english).dog -cat", [1]),
    ("words=not.fts.dog", [2]),
])
def test_operators_of_its_types_select_their_rows(pg, query, ids):
    assert pg.column(f"/band?{query}&order=id") == ids


@pytest.mark.parametrize("item, values", [
    ("x:info->a->b->0", [10, None, None]),
    ("x:info->a->b->1->>c", ["deep", None, None]),
    ("x:info->n", [1.5, None, None]),
    ("x:info->>n", ["1.50", None, None]),
    ("x:tags->0", ["loud", "quiet", None]),
    ("x:marks->-1", [3, 3, None]),
    ("x:place->x", [1, None, 7]),
    ("x:place->>z", ["here", None, None]),
    ("x:mood::text", ["wild", "bored", "calm"]),
    ("x:years::text", ["[1960,1970)", "[1970,1980)", None]),
])
def test_paths_go_into_json_arrays_and_composites(pg, item, values):
    assert pg.column(f"/band?select={item}&order=id", "x") == values


@pytest.mark.parametrize("query, ids", [
    ("info->a->b->0=eq.10", [1]),
    ("info->>n=eq.1.50", [1]),
    ("place->x=eq.7", [3]),
    ("tags->>0=eq.quiet", [2]),
    ("order=info->n.nullslast,id", [1, 2, 3]),
    ("order=mood.desc", [2, 3, 1]),
    ("order=mood", [1, 3, 2]),
])
def test_paths_and_enums_are_filtered_and_ordered_by(pg, query, ids):
    assert pg.column(f"/band?{query}" + ("" if "order" in query else "&order=id")) == ids


# --- relations of other kinds -------------------------------------------------------------------------

def test_a_view_has_the_keys_of_its_table(pg):
    assert pg.get("/loud_band/1").json == {"id": 1, "name": "The running dogs", "mood": "wild"}
    assert pg.rows("/loud_band?select=name,song(title)&song.order=id") == [
        {"name": "The running dogs", "song": [{"title": "Bark"}, {"title": "Howl"}]}]
    assert pg.rows("/song?select=title,loud_band(name)&id=eq.3") == [
        {"title": "Purr", "loud_band": None}]


def test_a_simple_view_is_written(pg):
    assert pg.patch("/loud_band?id=eq.1", {"mood": "wild"}).status == 204
    response = pg.post("/checked?select=id,name", {"id": 11, "name": "New"}, Prefer=FULL)
    assert (response.status, response.json) == (201, [{"id": 11, "name": "New"}])
    response = pg.post("/checked?on_conflict=id&select=name", {"id": 11, "name": "Newer"},
                       Prefer=FULL + ", resolution=merge-duplicates")
    assert (response.status, response.json) == (200, [{"name": "Newer"}])
    assert pg.delete("/checked?id=eq.11").status == 204


def test_a_row_that_a_view_would_not_show_is_refused(pg):
    response = pg.post("/checked", {"id": 5, "name": "Hidden"})
    assert (response.status, response.json["code"]) == (400, "44000")


def test_a_materialized_view_is_only_read(pg):
    assert pg.rows("/song_count?order=band_id") == [{"band_id": 1, "songs": 2},
                                                    {"band_id": 2, "songs": 1}]
    assert pg.options("/song_count").header("Allow") == "OPTIONS,GET,HEAD"
    response = pg.post("/song_count", {"band_id": 3})
    assert (response.status, response.json["code"]) == (405, "PGRST117")


def test_a_partitioned_table_is_one_table(pg):
    assert pg.column("/event?order=day", "what") == ["a", "b"]
    response = pg.post("/event", {"day": "2024-06-01", "what": "c"}, Prefer=FULL)
    assert response.status == 201, response
    assert pg.get("/event/2024-06-01,c").json == {"day": "2024-06-01", "what": "c"}
    assert pg.delete("/event/2024-06-01,c").status == 204
    response = pg.post("/event", {"day": "1999-01-01", "what": "c"})
    assert (response.status, response.json["code"]) == (400, "23514")


def test_generated_and_identity_columns_are_the_databases(pg):
    response = pg.post("/made?select=id,a,b", {"a": 4}, Prefer=FULL)
    assert (response.status, response.json) == (201, [{"id": 1, "a": 4, "b": 8}])
    for column in ("id", "b"):
        response = pg.post("/made", {"a": 1, column: 5})
        assert (response.status, response.json["code"]) == (400, "428C9"), column
    assert pg.patch("/made/1", {"b": 5}).json["code"] == "428C9"
    assert len(pg.rows("/made?select=c")[0]["c"]) == 36


def test_exclusion_constraints_are_told(pg):
    response = pg.post("/band", {"name": "Both", "years": "[1965,1975]"})
    assert (response.status, response.json["code"]) == (400, "23P01")


@pytest.mark.parametrize("query, code", [
    ("place=eq.(1,2.5", "22P02"), ("years=cs.1965", "22P02"), ("marks=ov.3", "22P02"),
    ('marks=eq(any).{"{3}"}', "42704"), ("mood=eq.sad", "22P02"), ("name=match.(", "2201B")])
def test_values_that_the_server_does_not_take_are_its_errors(pg, query, code):
    pg.error(f"/band?{query}", 400, code)


# --- errors of functions --------------------------------------------------------------------------------

@pytest.mark.parametrize("how, status, code, message", [
    ("plain", 400, "P0001", "not like this"),
    ("status", 402, "PT402", "pay first"),
    ("own", 400, "AB123", "our own"),
    ("zero", 400, "22012", "division by zero"),
])
def test_what_a_function_raises_is_told(pg, how, status, code, message):
    response = pg.post("/guarded", {"how": how})
    assert response.status == status, response
    assert (response.json["code"], response.json["message"]) == (code, message)
    if how == "status":
        assert (response.json["details"], response.json["hint"]) == ("five", "cash")
    assert pg.rows("/guarded") == []


# --- rights, schemas, the search path ---------------------------------------------------------------------

RIGHTS = """
    DO $$ BEGIN IF to_regrole('web_{n}') IS NULL THEN CREATE ROLE web_{n} NOLOGIN; END IF; END $$;
    CREATE TABLE open_to_all (id INTEGER PRIMARY KEY, name text, secret text);
    CREATE TABLE closed (id INTEGER PRIMARY KEY);
    INSERT INTO open_to_all VALUES (1, 'a', 's');
    GRANT SELECT (id, name), INSERT ON open_to_all TO web_{n};
    CREATE TABLE own (id INTEGER PRIMARY KEY, owner text DEFAULT current_user);
    GRANT ALL ON own TO web_{n};
    ALTER TABLE own ENABLE ROW LEVEL SECURITY;
    CREATE POLICY mine ON own USING (owner = current_user) WITH CHECK (owner = current_user);
    INSERT INTO own VALUES (1, 'somebody'), (2, 'web_{n}');
"""


@pytest.fixture
def web(serve, database):
    """A daemon that answers as a role with few rights."""
    return serve(database(RIGHTS.replace("{n}", "anon")), db_anon_role="web_anon")


def test_a_role_that_is_missing_stops_the_start(database):
    with pytest.raises(StartFailed) as failed:
        Modeld(database("").url, settings={"db-anon-role": "nobody_at_all"})
    assert failed.value.code == 78
    assert "nobody_at_all" in failed.value.log


@pytest.mark.parametrize("target", ["/closed", "/open_to_all", "/open_to_all?select=secret",
                                    "/open_to_all?select=id&secret=eq.s"])
def test_what_the_role_may_not_read_is_401(web, target):
    error = web.error(target, 401, "42501")
    assert error["message"].startswith("permission denied for table")


def test_what_the_role_may_read_is_read(web):
    assert web.rows("/open_to_all?select=id,name") == [{"id": 1, "name": "a"}]


@pytest.mark.parametrize("method, target", [("POST", "/closed"), ("PATCH", "/open_to_all?id=eq.1"),
                                            ("DELETE", "/open_to_all?id=eq.1")])
def test_what_the_role_may_not_write_is_401(web, method, target):
    response = web.write(method, target, {"id": 9})
    assert (response.status, response.json["code"]) == (401, "42501")


def test_row_security_goes_by_the_role(web):
    assert web.column("/own") == [2]
    assert web.post("/own?columns=id", {"id": 3}).status == 201
    response = web.post("/own", {"id": 4, "owner": "somebody"})
    assert (response.status, response.json["code"]) == (401, "42501")
    assert web.delete("/own?id=eq.1", Prefer="count=exact").header("Content-Range") == "*/0"


def test_a_schema_that_is_missing_stops_the_start(database):
    with pytest.raises(StartFailed) as failed:
        Modeld(database("").url, settings={"db-schemas": "nowhere"})
    assert failed.value.code == 78
    assert 'schema "nowhere" does not exist' in failed.value.log


API = """
    CREATE SCHEMA api; CREATE SCHEMA tools;
    CREATE TYPE tools.size AS ENUM ('small', 'large');
    CREATE TABLE api.box (id INTEGER PRIMARY KEY, kind text DEFAULT 'large');
    CREATE TABLE public.hidden (id INTEGER PRIMARY KEY);
    CREATE TABLE tools.hidden (id INTEGER PRIMARY KEY);
    INSERT INTO api.box VALUES (1, 'small');
"""


def test_one_schema_is_served_and_no_other(serve, database):
    server = serve(database(API), db_schemas="api")
    assert server.rows("/box", Accept_Profile="api") == [{"id": 1, "kind": "small"}]
    assert server.post("/box", {"id": 2}, Content_Profile="api").status == 201
    for name in ("hidden", "size"):
        server.error(f"/{name}", 404, "PGRST205")
    server.error("/box", 406, "PGRST106", Accept_Profile="public")


def test_types_are_found_on_the_extra_search_path(serve, database):
    db = database(API)
    with_path = serve(db, db_schemas="api", db_extra_search_path="tools, public")
    assert with_path.rows("/box?select=x:kind::size") == [{"x": "small"}]
    without = serve(db, db_schemas="api")
    without.error("/box?select=x:kind::size", 400, "42704")


def test_a_type_that_is_made_anew_while_it_serves_is_no_error_for_long(serve, database):
    """DDL under prepared statements: the next request is right."""
    db = database("CREATE TABLE t (id INTEGER PRIMARY KEY, a integer); INSERT INTO t VALUES (1, 2);")
    server = serve(db, threads=1)
    for _ in range(8):
        assert server.rows("/t") == [{"id": 1, "a": 2}]
    db.run("ALTER TABLE t ALTER a TYPE text USING 'v' || a")
    assert server.rows("/t") == [{"id": 1, "a": "v2"}]
