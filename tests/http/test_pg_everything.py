"""One schema with everything that PostgreSQL lets people make: names of every kind, tables that
inherit, are unlogged, foreign or parts of parts, keys of every kind, views upon views, rights by
column. What is served of it, and how, is compared with what the database itself says."""
import urllib.parse

import pytest

from harness import Modeld

pytestmark = pytest.mark.postgresql("objects that SQLite does not have")
FULL = "return=representation"
MERGE = FULL + ", resolution=merge-duplicates"
UNDONE = ", tx=rollback"

LONG = "ü" * 31 + "x"  # 63 bytes
NAMES = ["a b", "a.b", "a,b", "a(b)", "a->b", "a->>b", 'a"b', "a'b", "a\\b", "a%b", "a%20b", "a/b",
         "a:b", "a::text", "a!b", "a?b", "a#b", "a&b", "a=b", "a+b", "a;b", "a|b", "a*b", "*", "a{b}",
         "$1", "-", "--", "/*", "a\nb", "a\tb", "é", "😀", "A", " ", "0", "1a", "and", "or", "not",
         "select", "order", "limit", "offset", "columns", "on_conflict", "null", "count", "eq", "in",
         "not.and", "a.select", "user", "current_user", "pg_temp_1", "tableoid_", "_", "...", "…", LONG]


def quoted(name):
    """As SQL writes it."""
    return '"' + name.replace('"', '""') + '"'


def escaped(name):
    return urllib.parse.quote(name, safe="")


def told(name):
    """As a query string writes it."""
    return escaped('"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"')


@pytest.fixture(scope="module", name="odd")
def make_odd(engine, tmp_path_factory):
    """A table for each name, with a column of each name; all refer to the first of them."""
    columns = ", ".join(f"{quoted(name)} integer" for name in NAMES)
    tables = "".join(
        f"CREATE TABLE {quoted(name)} (id integer PRIMARY KEY, {quoted('to ' + name[:20])} integer,"
        f" CONSTRAINT {quoted(name[:31])} FOREIGN KEY ({quoted('to ' + name[:20])})"
        f" REFERENCES wide); INSERT INTO {quoted(name)} VALUES ({number}, 1);"
        for number, name in enumerate(NAMES))
    values = ", ".join(map(str, range(len(NAMES))))
    db = engine.database(None, f"CREATE TABLE wide (id integer PRIMARY KEY, {columns});"
                               f"INSERT INTO wide VALUES (1, {values});" + tables)
    server = Modeld(db.url, folder=tmp_path_factory.mktemp("odd"), settings={"threads": 1})
    server.db = db
    yield server
    server.stop()
    db.drop()


def test_tables_of_any_name_are_read_embedded_and_written(odd):
    for number, name in enumerate(NAMES):
        key = "to " + name[:20]
        row = {"id": number, key: 1}
        target = "/" + escaped(name)
        if name != "-":  # the routes of our own
            assert odd.rows(target) == [row], name
            assert odd.get(f"{target}/{number}").json == row, name
            assert odd.rows(f"{target}?select={told(key)},wide(id)") == [
                {key: 1, "wide": {"id": 1}}], name
            assert odd.patch(f"{target}/{number}", {"id": 1000 + number}).status == 204, name
            assert odd.post(target, row, Prefer=MERGE).json == [row], name
            assert odd.delete(f"{target}?id=gte.1000").status == 204, name
        hint = told(name[:31])
        assert odd.rows(f"/wide?select=x:{told(name)}!{hint}(id)&x.id=gt.-1") == [
            {"x": [{"id": number}]}], name
        if name != "count":  # that is the aggregate's, as in PostgREST
            assert odd.rows(f"/wide?select=id,{told(name)}(id)&{told(name)}.id=gt.-1") == [
                {"id": 1, name: [{"id": number}]}], name


def test_columns_of_any_name_are_selected_filtered_and_written(odd):
    row = odd.rows("/wide")[0]
    assert row == {"id": 1, **{name: number for number, name in enumerate(NAMES)}}
    for number, name in enumerate(NAMES):
        assert odd.rows(f"/wide?select={told(name)}") == [{name: number}], name
        assert odd.rows(f"/wide?select=x:{told(name)}::text") == [{"x": str(number)}], name
        assert odd.rows(f"/wide?select={told(name)}:id") == [{name: 1}], name
        assert odd.column(f"/wide?{told(name)}=eq.{number}") == [1], name
        assert odd.column(f"/wide?and=({told(name)}.eq.{number})&order={told(name)}.desc") == [1]
        assert odd.column(f"/wide?not.or=({told(name)}.eq.{number})") == [], name
        response = odd.post(f"/wide?columns=id,{told(name)}&select={told(name)}",
                            {"id": 2, name: 7, "other": 1}, Prefer=MERGE)
        assert (response.status, response.json) == (201, [{name: 7}]), (name, response)
        response = odd.patch(f"/wide?id=eq.2&select={told(name)}", {name: 8}, Prefer=FULL)
        assert response.json == [{name: 8}], name
        assert odd.delete("/wide?id=eq.2").status == 204


# --- objects ----------------------------------------------------------------------------------------

THINGS = """
    CREATE ROLE {owner}; CREATE ROLE {guest};
    CREATE SCHEMA "other Schema"; CREATE SCHEMA extra;
    CREATE EXTENSION btree_gist;
    -- gaps among the numbers of columns
    CREATE TABLE gap (gone integer, id integer, gone2 text, a text, gone3 integer, b integer,
        PRIMARY KEY (id), UNIQUE (b));
    ALTER TABLE gap DROP gone, DROP gone2, DROP gone3, ADD c integer DEFAULT 5;
    CREATE TABLE leaf (id integer GENERATED ALWAYS AS IDENTITY (START 10) PRIMARY KEY, drop1 text,
        gap_b integer REFERENCES gap (b), gap_id integer, leaf_id integer REFERENCES leaf);
    ALTER TABLE leaf DROP drop1, ADD CONSTRAINT later FOREIGN KEY (gap_id) REFERENCES gap NOT VALID;
    INSERT INTO gap VALUES (1, 'one', 11), (2, 'two', 22);
    INSERT INTO leaf (gap_b, gap_id, leaf_id) VALUES (11, 2, NULL), (22, 2, 10);
    -- keys of every kind
    CREATE TABLE keyed (a integer, b text, c integer, d integer, e integer, f integer, span int4range,
        PRIMARY KEY (b, a), UNIQUE (c) DEFERRABLE INITIALLY DEFERRED, EXCLUDE USING gist
        (d WITH =, span WITH &&));
    CREATE UNIQUE INDEX ON keyed (e); CREATE UNIQUE INDEX ON keyed (f) WHERE f > 0;
    CREATE UNIQUE INDEX ON keyed (lower(b), c); CREATE UNIQUE INDEX ON keyed (d, c) INCLUDE (e);
    CREATE TABLE of_keyed (id integer PRIMARY KEY, b text, a integer, e integer,
        CONSTRAINT pair FOREIGN KEY (b, a) REFERENCES keyed (b, a) DEFERRABLE,
        CONSTRAINT by_index FOREIGN KEY (e) REFERENCES keyed (e));
    CREATE UNIQUE INDEX ON of_keyed (e); CREATE UNIQUE INDEX ON of_keyed (b) WHERE a > 5;
    INSERT INTO keyed VALUES (1, 'x', 1, 1, 100, -1, '[1,5)'), (2, 'x', 2, 1, 200, -1, '[5,9)');
    INSERT INTO of_keyed VALUES (1, 'x', 2, 100), (2, 'x', 2, 200), (3, NULL, 2, NULL);
    -- tables that inherit
    CREATE TABLE animal (id integer PRIMARY KEY, name text);
    CREATE TABLE dog (breed text, PRIMARY KEY (id), gap_id integer REFERENCES gap) INHERITS (animal);
    INSERT INTO animal VALUES (1, 'cow'); INSERT INTO dog VALUES (2, 'rex', 'collie', 1);
    -- unlogged; of a type; without columns; without a key
    CREATE UNLOGGED TABLE fleeting (id integer PRIMARY KEY, gap_id integer REFERENCES gap);
    INSERT INTO fleeting VALUES (1, 2);
    CREATE TYPE shape AS (id integer, size integer);
    CREATE TABLE shaped OF shape (PRIMARY KEY (id), size WITH OPTIONS DEFAULT 3);
    CREATE TABLE bare (); INSERT INTO bare DEFAULT VALUES;
    CREATE TABLE keyless (x integer, y text); INSERT INTO keyless VALUES (1, 'a'), (1, 'a');
    -- parts of parts, and keys to and from them
    CREATE TABLE part (region text, day date, n integer, gap_id integer REFERENCES gap,
        note text DEFAULT 'none', PRIMARY KEY (region, day, n)) PARTITION BY LIST (region);
    CREATE TABLE part_eu PARTITION OF part FOR VALUES IN ('eu') PARTITION BY RANGE (day);
    CREATE TABLE part_eu_24 PARTITION OF part_eu FOR VALUES FROM ('2024-01-01') TO ('2025-01-01')
        PARTITION BY HASH (n);
    CREATE TABLE part_eu_24_0 PARTITION OF part_eu_24 FOR VALUES WITH (MODULUS 2, REMAINDER 0);
    CREATE TABLE part_eu_24_1 (note text DEFAULT 'none', n integer NOT NULL, gone text, day date
        NOT NULL, gap_id integer, region text NOT NULL);
    ALTER TABLE part_eu_24_1 DROP gone;
    ALTER TABLE part_eu_24 ATTACH PARTITION part_eu_24_1 FOR VALUES WITH (MODULUS 2, REMAINDER 1);
    CREATE TABLE part_rest PARTITION OF part DEFAULT;
    CREATE TABLE of_part (id integer PRIMARY KEY, region text, day date, n integer,
        FOREIGN KEY (region, day, n) REFERENCES part);
    INSERT INTO part SELECT region, '2024-05-05', n, 1 FROM unnest('{{eu,us}}'::text[]) region,
        generate_series(1, 4) n;
    INSERT INTO of_part VALUES (1, 'eu', '2024-05-05', 3), (2, 'us', '2024-05-05', 3);
    -- views upon views
    CREATE VIEW low AS SELECT id AS nr, b AS key_b, a FROM gap;
    CREATE VIEW middle AS SELECT nr AS number, nr AS twin, upper(a) AS loud, key_b FROM low;
    CREATE VIEW high AS SELECT m.number, m.loud, l.id AS leaf, l.gap_id FROM middle m
        LEFT JOIN leaf l ON l.gap_b = m.key_b;
    CREATE VIEW united AS SELECT id, a FROM gap UNION ALL SELECT id, 'leaf' FROM leaf;
    CREATE VIEW limited AS SELECT id, gap_id FROM leaf WHERE id < 12 WITH CHECK OPTION;
    CREATE MATERIALIZED VIEW kept AS SELECT id AS number, gap_id, gap_b FROM leaf;
    CREATE UNIQUE INDEX ON kept (number);
    CREATE MATERIALIZED VIEW unfilled AS SELECT id FROM gap WITH NO DATA;
    CREATE VIEW part_view AS SELECT region AS where, day, n AS nth, gap_id FROM part;
    CREATE RECURSIVE VIEW chain (id, depth) AS SELECT id, 0 FROM leaf WHERE leaf_id IS NULL UNION ALL
        SELECT leaf.id, depth + 1 FROM leaf JOIN chain ON chain.id = leaf.leaf_id;
    CREATE VIEW through AS SELECT id, a FROM gap;
    CREATE FUNCTION write_through() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN INSERT INTO gap (id, a) VALUES (NEW.n, NEW.a); RETURN NEW; END $$;
    CREATE VIEW summed AS SELECT a, count(*) AS n, sum(b) AS b FROM gap GROUP BY a;
    CREATE TRIGGER put INSTEAD OF INSERT ON summed FOR EACH ROW EXECUTE FUNCTION write_through();
    -- words and rights
    COMMENT ON TABLE gap IS 'with "gaps" ''n'' more'; COMMENT ON COLUMN gap.b IS 'unique: é';
    ALTER TABLE keyless OWNER TO {owner};
    GRANT SELECT (id, a), UPDATE (a) ON gap TO {guest}; GRANT SELECT, INSERT ON fleeting TO {guest};
    GRANT SELECT ON leaf, low, bare TO {guest};
    -- other schemas
    CREATE TABLE "other Schema".gap (id integer PRIMARY KEY, hidden integer);
    CREATE TABLE extra.far (id integer PRIMARY KEY, gap_id integer REFERENCES gap);
    -- a file
    CREATE EXTENSION file_fdw; CREATE SERVER files FOREIGN DATA WRAPPER file_fdw;
    CREATE FOREIGN TABLE filed (id integer OPTIONS (force_not_null 'true'), word text)
        SERVER files OPTIONS (filename '{file}', format 'csv');
    CREATE FUNCTION noticed() RETURNS event_trigger LANGUAGE plpgsql AS
        $$ BEGIN RAISE NOTICE 'changed'; END $$;
    CREATE EVENT TRIGGER watch ON ddl_command_end EXECUTE FUNCTION noticed();
"""


@pytest.fixture(scope="module", name="things")
def make_things(engine, tmp_path_factory):
    file = f"{engine.folder}/words.csv"
    with open(file, "w", encoding="utf-8") as out:
        out.write('1,"a, b"\n2,é\n')
    db = engine.database()
    names = {"owner": db.name + "_owner", "guest": db.name + "_guest"}
    db.run(THINGS.format(file=file, **names))
    server = Modeld(db.url, folder=tmp_path_factory.mktemp("things"),
                    settings={"threads": 1, "db-tx-end": "commit-allow-override"})
    server.db, server.guest = db, names["guest"]
    yield server
    server.stop()
    db.run("REFRESH MATERIALIZED VIEW unfilled; DROP OWNED BY " + ", ".join(names.values()) +
           "; DROP ROLE " + ", ".join(names.values()))
    db.drop()


@pytest.fixture(scope="module", name="guest")
def make_guest(things, tmp_path_factory):
    """A daemon whose requests have few rights."""
    server = Modeld(things.db.url, folder=tmp_path_factory.mktemp("guest"), settings={
        "threads": 1, "db-anon-role": things.guest, "db-tx-end": "commit-allow-override"})
    yield server
    server.stop()


@pytest.mark.parametrize("target, rows", [
    ("/gap?order=id", [{"id": 1, "a": "one", "b": 11, "c": 5}, {"id": 2, "a": "two", "b": 22, "c": 5}]),
    ("/leaf?select=id,by_b:gap!leaf_gap_b_fkey(a),by_id:gap!later(a)&id=eq.10",
     [{"id": 10, "by_b": {"a": "one"}, "by_id": {"a": "two"}}]),
    ("/leaf?select=id,leaf_id(id),below:leaf(id)&order=id",
     [{"id": 10, "leaf_id": None, "below": [{"id": 11}]},
      {"id": 11, "leaf_id": {"id": 10}, "below": []}]),
    ("/keyed?select=a,of_keyed!pair(id),one:of_keyed!by_index(id)&order=a",
     [{"a": 1, "of_keyed": [], "one": {"id": 1}},
      {"a": 2, "of_keyed": [{"id": 1}, {"id": 2}], "one": {"id": 2}}]),
    ("/of_keyed?select=id,keyed!pair(c),other:keyed!by_index(c)&order=id",
     [{"id": 1, "keyed": {"c": 2}, "other": {"c": 1}}, {"id": 2, "keyed": {"c": 2},
                                                        "other": {"c": 2}},
      {"id": 3, "keyed": None, "other": None}]),
    ("/animal?order=id", [{"id": 1, "name": "cow"}, {"id": 2, "name": "rex"}]),
    ("/dog?select=*,gap(a)",
     [{"id": 2, "name": "rex", "breed": "collie", "gap_id": 1, "gap": {"a": "one"}}]),
    ("/gap?select=id,dog(name),fleeting(id)&order=id",
     [{"id": 1, "dog": [{"name": "rex"}], "fleeting": []},
      {"id": 2, "dog": [], "fleeting": [{"id": 1}]}]),
    ("/bare", [{}]), ("/keyless", [{"x": 1, "y": "a"}] * 2), ("/shaped", []),
    ("/part?select=n,gap(a),of_part(id)&region=eq.eu&n=gt.2&order=n",
     [{"n": 3, "gap": {"a": "one"}, "of_part": [{"id": 1}]},
      {"n": 4, "gap": {"a": "one"}, "of_part": []}]),
    ("/of_part?select=id,part(region,note,gap(id))&order=id",
     [{"id": 1, "part": {"region": "eu", "note": "none", "gap": {"id": 1}}},
      {"id": 2, "part": {"region": "us", "note": "none", "gap": {"id": 1}}}]),
    ("/part_view?select=nth,gap(a),of_part(id)&where=eq.us&nth=eq.3",
     [{"nth": 3, "gap": {"a": "one"}, "of_part": [{"id": 2}]}]),
    ("/low?select=nr,a,leaf!later(id)&order=nr",
     [{"nr": 1, "a": "one", "leaf": []}, {"nr": 2, "a": "two", "leaf": [{"id": 10}, {"id": 11}]}]),
    ("/middle?select=number,twin,loud,leaf!leaf_gap_b_fkey(id)&order=number",
     [{"number": 1, "twin": 1, "loud": "ONE", "leaf": [{"id": 10}]},
      {"number": 2, "twin": 2, "loud": "TWO", "leaf": [{"id": 11}]}]),
    ("/high?select=number,leaf,gap(a)&order=number",
     [{"number": 1, "leaf": 10, "gap": {"a": "two"}}, {"number": 2, "leaf": 11, "gap": {"a": "two"}}]),
    ("/united?order=id", [{"id": 1, "a": "one"}, {"id": 2, "a": "two"}, {"id": 10, "a": "leaf"},
                          {"id": 11, "a": "leaf"}]),
    ("/kept?select=number,gap!later(a)&order=number",
     [{"number": 10, "gap": {"a": "two"}}, {"number": 11, "gap": {"a": "two"}}]),
    ("/chain?order=depth", [{"id": 10, "depth": 0}, {"id": 11, "depth": 1}]),
    ("/summed?order=a", [{"a": "one", "n": 1, "b": 11}, {"a": "two", "n": 1, "b": 22}]),
    ("/filed?order=id", [{"id": 1, "word": "a, b"}, {"id": 2, "word": "é"}])])
def test_every_object_is_read_with_what_it_refers_to(things, target, rows):
    assert things.rows(target) == rows


@pytest.mark.parametrize("target, row", [
    ("/gap/2?select=b", {"b": 22}), ("/keyed/x,2?select=c", {"c": 2}), ("/animal/2", {
        "id": 2, "name": "rex"}), ("/dog/2?select=breed", {"breed": "collie"}),
    ("/fleeting/1", {"id": 1, "gap_id": 2}), ("/part/eu,2024-05-05,3?select=n", {"n": 3}),
    ("/low/1", {"nr": 1, "key_b": 11, "a": "one"}), ("/middle/2?select=loud", {"loud": "TWO"}),
    ("/limited/10", {"id": 10, "gap_id": 2}), ("/part_view/us,2024-05-05,2?select=nth", {"nth": 2}),
    ("/kept/11?select=gap_b", {"gap_b": 22})])
def test_a_row_is_found_by_its_key(things, target, row):
    response = things.get(target)
    assert (response.status, response.json) == (200, row), response


@pytest.mark.parametrize("target", ["/bare/1", "/keyless/1", "/united/1", "/summed/one", "/filed/1"])
def test_what_has_no_key_has_no_items(things, target):
    things.error(target, 404, "PGRST125")


ALL = "OPTIONS,GET,HEAD,POST,PUT,PATCH,DELETE"


@pytest.mark.parametrize("name, allowed", [
    ("gap", ALL), ("leaf", ALL), ("keyed", ALL), ("animal", ALL), ("part", ALL), ("fleeting", ALL),
    ("low", ALL), ("middle", ALL), ("limited", ALL), ("part_view", ALL),
    ("keyless", "OPTIONS,GET,HEAD,POST,PATCH,DELETE"), ("bare", "OPTIONS,GET,HEAD,POST,PATCH,DELETE"),
    ("united", "OPTIONS,GET,HEAD"), ("high", "OPTIONS,GET,HEAD"), ("kept", "OPTIONS,GET,HEAD"),
    ("chain", "OPTIONS,GET,HEAD"), ("filed", "OPTIONS,GET,HEAD"),
    ("summed", "OPTIONS,GET,HEAD,POST")])
def test_options_name_the_methods_that_work(things, name, allowed):
    response = things.options("/" + name)
    words = set(response.header("Allow").replace(" ", "").split(",")) - {"QUERY"}
    assert words == set(allowed.split(",")), response


@pytest.mark.parametrize("method, target, body, status, shown", [
    ("POST", "/part?select=region,note&order=region", [
        {"region": "eu", "day": "2024-06-06", "n": 9}, {"region": "xx", "day": "1999-01-01", "n": 1}],
     201, [{"region": "eu", "note": "none"}, {"region": "xx", "note": "none"}]),
    ("POST", "/part", {"region": "eu", "day": "2023-06-06", "n": 9}, 400, "23514"),
    ("MERGE", "/part?select=note,gap_id",
     [{"region": "eu", "day": "2024-05-05", "n": 3, "note": "new"}], 200,
     [{"note": "new", "gap_id": 1}]),
    ("PATCH", "/part?n=eq.1&region=eq.eu&select=region,n", {"region": "moved"}, 200,
     [{"region": "moved", "n": 1}]),
    ("PUT", "/part/us,2024-05-05,77?select=note", {"region": "us", "day": "2024-05-05", "n": 77}, 201,
     {"note": "none"}),
    ("DELETE", "/part?n=eq.2&select=region&order=region", None, 200,
     [{"region": "eu"}, {"region": "us"}]),
    ("POST", "/low", {"nr": 7, "key_b": 77, "a": "x"}, 201, [{"nr": 7, "key_b": 77, "a": "x"}]),
    ("MERGE", "/low", {"nr": 1, "key_b": 11, "a": "x"}, 200, [{"nr": 1, "key_b": 11, "a": "x"}]),
    ("POST", "/middle", {"number": 8}, 201, [
        {"number": 8, "twin": 8, "loud": None, "key_b": None}]),
    ("POST", "/middle", {"number": 8, "twin": 9}, 400, "42601"),
    ("PATCH", "/middle?number=eq.1", {"loud": "x"}, 400, "0A000"),
    ("PATCH", "/limited/10?select=gap(a)", {"gap_id": 1}, 200, {"gap": {"a": "one"}}),
    ("POST", "/summed", {"a": "z", "n": 70}, 201, [{"a": "z", "n": 70, "b": None}]),
    ("PATCH", "/summed?a=eq.one", {"a": "z"}, 405, "PGRST117"),
    ("DELETE", "/united?id=eq.1", None, 405, "PGRST117"),
    ("POST", "/kept", {"number": 3}, 405, "PGRST117"), ("POST", "/filed", {"id": 3}, 405, "PGRST117"),
    ("POST", "/keyed", {"a": 5, "b": "q", "c": 1}, 409, "23505"),
    ("MERGE", "/keyed?on_conflict=e&select=a,c", {"a": 1, "b": "x", "e": 100, "c": 44}, 200,
     [{"a": 1, "c": 44}]),
    ("MERGE", "/keyed?on_conflict=f", {"a": 5, "b": "q", "f": 5}, 400, "42P10"),
    ("MERGE", "/keyed?on_conflict=d,span", {"a": 5, "b": "q", "d": 5}, 400, "42P10"),
    ("MERGE", "/keyed?select=c", {"a": 2, "b": "x", "c": 9}, 200, [{"c": 9}]),
    ("POST", "/keyed", {"a": 5, "b": "q", "d": 1, "span": "[2,3)"}, 400, "23P01"),
    ("POST", "/leaf", {"gap_id": 99}, 409, "23503"), ("POST", "/leaf", {"id": 99}, 400, "428C9"),
    ("POST", "/leaf?select=gap_id", {"gap_id": 1}, 201, [{"gap_id": 1}]),
    ("POST", "/of_keyed", {"id": 9, "a": 1, "b": "zz"}, 409, "23503"),
    ("POST", "/shaped", {"id": 1}, 201, [{"id": 1, "size": 3}]), ("POST", "/bare", {}, 201, [{}]),
    ("PATCH", "/animal/2", {"name": "max"}, 200, {"id": 2, "name": "max"}),
    ("DELETE", "/animal/2", None, 200, {"id": 2, "name": "rex"}),
    ("POST", "/fleeting?select=id,gap(a)", {"id": 3, "gap_id": 1}, 201,
     [{"id": 3, "gap": {"a": "one"}}])])
def test_every_object_is_written_as_far_as_it_can_be(things, method, target, body, status, shown):
    prefer = (MERGE if method == "MERGE" else FULL) + UNDONE
    response = things.write(method.replace("MERGE", "POST"), target, body, Prefer=prefer)
    assert response.status == status, response
    assert (response.json["code"] if isinstance(shown, str) else response.json) == shown, response


def test_only_objects_of_the_schema_are_there(things):
    names = {model["name"]: model for model in things.get("/-/schema").json["models"]}
    served = things.db.rows("SELECT relname FROM pg_class WHERE relkind IN ('r', 'v', 'm', 'f', 'p')"
                            " AND relnamespace = 'public'::regnamespace AND NOT relispartition")
    assert set(names) == {name for name, in served}
    for name in ("far", "shape", "part_eu", "part_eu_24_1", "pg_class"):
        things.error(f"/{name}", 404, "PGRST205")
    things.error("/gap?select=id,far(id)", 400, "PGRST200")
    things.error("/gap?hidden=eq.1", 400, "42703")
    assert names["gap"]["description"] == "with \"gaps\" 'n' more"
    assert [field.get("description") for field in names["gap"]["fields"]] == [
        None, None, "unique: é", None]
    assert [key["fields"] for key in names["keyed"]["unique"]] == [["c"], ["e"], ["d", "c"]]
    assert names["keyed"]["primary_key"] == ["b", "a"]


@pytest.mark.parametrize("method, target, body, status", [
    ("GET", "/gap", None, 401), ("GET", "/gap?select=id,a", None, 200),
    ("GET", "/gap?select=id&b=eq.1", None, 401), ("GET", "/gap?select=id&order=b", None, 401),
    ("PATCH", "/gap?id=eq.1&select=id,a", {"a": "q"}, 200), ("GET", "/gap/1?select=a", None, 200),
    ("PATCH", "/gap?id=eq.1&select=id", {"c": 1}, 401), ("POST", "/gap?select=id", {"id": 5}, 401),
    ("GET", "/leaf?select=id,gap!later(a)", None, 200), ("GET", "/leaf?select=gap!later(b)", None, 401),
    ("GET", "/low/1", None, 200), ("GET", "/keyless", None, 401), ("GET", "/bare", None, 200),
    ("POST", "/fleeting", {"id": 6}, 201), ("DELETE", "/fleeting?id=eq.1", None, 401),
    ("PATCH", "/fleeting/1", {"gap_id": 1}, 401)])
def test_rights_by_column_are_those_of_the_database(guest, method, target, body, status):
    response = guest.write(method, target, body, Prefer=FULL + UNDONE)
    assert response.status == status, response
    if status == 401:
        assert response.json["code"] == "42501", response
