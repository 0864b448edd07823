"""Random values of every type of PostgreSQL (kinds.py): what is read is what row_to_json prints,
what was read is written back as what it was, and filters find the rows that the same condition in
SQL finds. MODELD_TYPES is how many databases full of them there are; each is known by its seed."""
import csv
import io
import json
import os
import random
import re
import urllib.parse

import pytest

from harness import Modeld
from kinds import KINDS, TYPES, extra_kinds, quote, some_text

pytestmark = pytest.mark.postgresql("types that SQLite does not have")

WORLDS = int(os.environ.get("MODELD_TYPES", "1"))
WIDTH, ROWS, ASKED, KEYS = 16, 5, 2, 2
TOKENS = re.compile(r'"(?:[^"\\]|\\.)*"|\s+|[^\s"]+')
COMPARED = {"eq": "=", "neq": "<>", "gt": ">", "gte": ">=", "lt": "<", "lte": "<=", "cs": "@>",
            "cd": "<@", "ov": "&&", "sl": "<<", "sr": ">>", "nxr": "&<", "nxl": "&>", "adj": "-|-",
            "like": "LIKE", "ilike": "ILIKE", "match": "~", "imatch": "~*",
            "isdistinct": "IS DISTINCT FROM"}
RECORDS = ["pair", "deep", "single", "couple"]
STEPS = ["0", "1", "-1", "-2", "5", "a", "b", "a b", "tags", "pairs", "data", "text", "at", "x y",
         "é"]


def compact(text):
    """JSON without white space between its tokens."""
    return "".join(token for token in TOKENS.findall(text) if not token.isspace())


class Table:
    def __init__(self, name, kinds):
        self.name = name
        self.kinds = {f"c{number}": kind for number, kind in enumerate(kinds)}
        self.columns = ", ".join(self.kinds)

    def made(self):
        typed = ", ".join(f"{name} {kind.name}" for name, kind in self.kinds.items())
        return (f"CREATE TABLE {self.name} (id integer PRIMARY KEY, top_id integer REFERENCES top,"
                f" {typed}); CREATE TABLE {self.name}_copy (LIKE {self.name} INCLUDING ALL);"
                f"CREATE TABLE {self.name}_ref (id integer PRIMARY KEY, {self.name}_id integer"
                f" REFERENCES {self.name})")

    def filled(self, dice):
        for number in range(1, ROWS + 1):
            values = ", ".join(kind.value(dice) for kind in self.kinds.values())
            yield (f"INSERT INTO {self.name} VALUES"
                   f" ({number}, {dice.choice(['NULL', '1', '2'])}, {values})")


class World:
    """A database, and a daemon on it."""

    def __init__(self, engine, folder, seed):
        self.seed, self.dice = seed, random.Random(seed)
        self.db = engine.database(folder)
        style = self.dice.choice(["postgres", "postgres_verbose", "sql_standard", "iso_8601"])
        zone = self.dice.choice(["UTC", "Europe/Amsterdam", "America/St_Johns", "Asia/Kathmandu"])
        self.db.run(f"ALTER DATABASE {self.db.name} SET IntervalStyle = {style};"
                    f"ALTER DATABASE {self.db.name} SET TimeZone = '{zone}';"
                    f"ALTER DATABASE {self.db.name} SET jit = off")
        self.db.run(TYPES + "CREATE TABLE top (id integer PRIMARY KEY);"
                    "INSERT INTO top VALUES (1), (2), (3);")
        kinds = KINDS + extra_kinds(self.db)
        self.dice.shuffle(kinds)
        self.tables = [Table(f"t{at // WIDTH}", kinds[at:at + WIDTH])
                       for at in range(0, len(kinds), WIDTH)]
        self.sql = self.db.connect()
        for table in self.tables:
            self.db.run(table.made())
            for insert in table.filled(self.dice):
                self.sql.execute(insert)
            self.sql.execute(f"INSERT INTO {table.name}_ref"
                             " VALUES (1, NULL), (2, 2), (3, 1), (4, 2)")
        self.keyed = {table: kind for table, kind in (
            (self.key_of(kind, f"k{number}"), kind) for number, kind in enumerate(kinds)) if table}
        self.daemon = Modeld(self.db.url, folder=folder, settings={"threads": 1})

    def key_of(self, kind, table):
        """Make a table whose key is of this type, where that can be."""
        if self.told(f"CREATE TABLE {table} (id {kind.name} PRIMARY KEY, n integer)") == "error":
            return None
        for _ in range(KEYS):
            self.told(f"INSERT INTO {table} VALUES ({kind.value(self.dice, 0)}, 1)"
                      " ON CONFLICT DO NOTHING")
        # Lists of JSON turn out to be incomparable, and names of tables are taken for numbers.
        asked = self.told(f"SELECT 1 FROM {table} WHERE id = (SELECT format('%s', id) FROM {table}"
                          " LIMIT 1)::text::" + kind.name)
        return None if asked == "error" or kind.name == "regclass" else table

    def close(self):
        self.sql.close()
        self.daemon.stop()
        self.db.drop()

    def texts(self, sql):
        """The first column of every row."""
        return [row[0] for row in self.sql.execute(sql)]

    def rows(self, sql):
        """Rows of a query as row_to_json prints them."""
        return [compact(text) for text in self.texts(f"SELECT row_to_json(q)::text FROM ({sql}) q")]

    def told(self, sql):
        """What a query says: its first column, or that it is an error. Which one depends on how
        the server finds its operators for texts and for parameters."""
        try:
            return self.texts(sql)
        except AssertionError:
            return "error"

    def asked(self, target, name="id"):
        """The same of the daemon."""
        response = self.daemon.get(target)
        if response.status == 200:
            return [row[name] for row in response.json]
        assert response.status in (400, 404), (self.seed, target, response)
        return "error"


@pytest.fixture(scope="module", params=range(WORLDS), name="world")
def make_world(engine, request, tmp_path_factory):
    world = World(engine, tmp_path_factory.mktemp("types"), request.param)
    yield world
    world.close()


def agree(world, target, expected, **headers):
    """The rows of a list are these, byte for byte but for white space."""
    response = world.daemon.get(target, **headers)
    assert response.status == 200, (world.seed, target, response)
    if headers.get("Accept") == "application/x-ndjson":
        text = "[" + ",".join(response.text.split("\n")[:-1]) + "]"
    else:
        text = response.text
    assert compact(text) == "[" + ",".join(expected) + "]", (world.seed, target)


# --- reading --------------------------------------------------------------------------------------

def test_random_types_are_read_as_row_to_json_prints_them(world):
    for table in world.tables:
        rows = world.rows(f"SELECT * FROM {table.name} ORDER BY id")
        agree(world, f"/{table.name}?order=id", rows)
        agree(world, f"/{table.name}?order=id", rows, Accept="application/x-ndjson")
        for number, row in enumerate(rows, 1):
            assert compact(world.daemon.get(f"/{table.name}/{number}").text) == row, world.seed
        for name in table.kinds:
            agree(world, f"/{table.name}?select={name}&order=id",
                  world.rows(f"SELECT {name} FROM {table.name} ORDER BY id"))
            agree(world, f"/{table.name}?select=x:{name}::text&order=id",
                  world.rows(f"SELECT {name}::text AS x FROM {table.name} ORDER BY id"))


def test_random_types_are_the_same_in_embeds(world):
    for table in world.tables:
        t, columns = table.name, table.columns
        agree(world, f"/{t}_ref?select=id,{t}(*)&order=id", world.rows(
            f"SELECT id, (SELECT row_to_json(s) FROM {t} s WHERE s.id = r.{t}_id) AS {t}"
            f" FROM {t}_ref r ORDER BY id"))
        agree(world, f"/{t}_ref?select=id,...{t}({columns})&order=id", world.rows(
            f"SELECT r.id, {columns} FROM {t}_ref r LEFT JOIN {t} s ON s.id = r.{t}_id"
            " ORDER BY r.id"))
        agree(world, f"/top?select=id,{t}(*)&{t}.order=id&order=id", world.rows(
            f"SELECT id, array_to_json(ARRAY(SELECT row_to_json(s) FROM {t} s WHERE"
            f" s.top_id = top.id ORDER BY s.id)) AS {t} FROM top ORDER BY id"))
        lists = ", ".join(f"array_to_json(ARRAY(SELECT to_json(s.{name}) FROM {t} s WHERE"
                          f" s.top_id = top.id ORDER BY s.id)) AS {name}" for name in table.kinds)
        agree(world, f"/top?select=id,...{t}({columns})&{t}.order=id&order=id",
              world.rows(f"SELECT id, {lists} FROM top ORDER BY id"))


def test_random_types_are_texts_in_csv(world):
    for table in world.tables:
        response = world.daemon.get(f"/{table.name}?select={table.columns}&order=id",
                                    Accept="text/csv")
        read = list(csv.reader(io.StringIO(response.text, newline=""), strict=True))
        assert read[0] == list(table.kinds), (world.seed, response)
        for at, (name, kind) in enumerate(table.kinds.items()):
            shown = f"format('%s', {name})" if kind.plain else f"coalesce(to_json({name})::text, '')"
            shown = world.texts(f"SELECT {shown} FROM {table.name} ORDER BY id")
            cells = [row[at] for row in read[1:]]
            if not kind.plain:
                shown, cells = [compact(text) for text in shown], [compact(text) for text in cells]
            assert cells == shown, (world.seed, table.name, name, kind)


# --- writing --------------------------------------------------------------------------------------

def has_key_twice(text):
    twice = []

    def look(pairs):
        twice.extend(pairs[len(dict(pairs)):])
    json.loads(text, object_pairs_hook=look)
    return bool(twice)


def writable(world, table):
    """Columns whose JSON can be read back: the server does not so with lists of JSON that are lists,
    and we do not with keys that come twice."""
    t = table.name
    return {name: kind for name, kind in table.kinds.items() if isinstance(world.told(
        f"SELECT (json_populate_record(NULL::{t}, json_build_object('{name}', {name}))).{name}"
        f" FROM {t}"), list) and not any(has_key_twice(text) for text in world.texts(
            f"SELECT to_json({name})::text FROM {t} WHERE to_json({name}) IS NOT NULL"))}


def written(world, names, sql):
    """The texts of columns: {} around each, so that NULL is none."""
    texts = ", ".join(f"ROW({name})::text" for name in names)
    return world.sql.execute(f"SELECT id, {texts} FROM {sql} ORDER BY id")


def same(world, table, able, way):
    """The copy is what PostgreSQL's own reading of the JSON makes, and where that is not the value
    itself, then for one of the reasons there are: bounds of arrays and JSON's null are not in it,
    and strings that are JSON themselves lose their escapes."""
    t = table.name
    copy = written(world, able, f"{t}_copy")
    read = (f"SELECT p.* FROM {t}, json_populate_record(NULL::{t}, (SELECT row_to_json(x) FROM"
            f" (SELECT id, {', '.join(able)}) x)) p")
    assert copy == written(world, able, f"({read}) q"), (world.seed, t, way)
    for before, after in zip(written(world, able, t), copy):
        for name, old, new in zip(able, before[1:], after[1:]):
            known = (re.search(r"\[-?\d+:-?\d+\]|\bnull\b|\\u", str(old)) or
                     "hstore" in able[name].name)
            assert old == new or known, (world.seed, t, name, able[name], old, new)


def test_random_types_are_written_as_what_was_read(world):
    for table in world.tables:
        t, copy, able = table.name, f"/{table.name}_copy", writable(world, table)
        columns = ",".join(["top_id", *able])
        turned = f"INSERT INTO {t}_copy (id, {columns}) SELECT id % {ROWS} + 1, {columns} FROM {t}"
        items = [world.daemon.get(f"/{t}/{number}?select=id,{columns}").body
                 for number in range(1, ROWS + 1)]
        bulk = [world.daemon.get(f"/{t}?select=id,{columns}&order=id").body]
        for method, target, bodies, prefer, before in [
                ("POST", "?", bulk, "", ""), ("POST", "?", items, "", ""),
                ("PATCH", "?id=eq.{}&", items, "", turned), ("PUT", "/{}?", items, "", turned),
                ("PUT", "?id=eq.{}&", items, "", ""),
                ("POST", "?", bulk, "resolution=merge-duplicates", turned),
                ("POST", f"?columns=id,{columns}&", bulk, "missing=default", ""),
                ("POST", "?", bulk, "resolution=ignore-duplicates", turned + " LIMIT 0")]:
            world.sql.execute(f"TRUNCATE {t}_copy; {before}")
            for number, body in enumerate(bodies, 1):
                response = world.daemon.write(
                    method, copy + target.format(number) + f"select=id,{columns}", body,
                    Prefer="return=representation, " + prefer)
                assert response.status < 300, (world.seed, t, method, target, response)
                given = compact(response.text)
                shown = world.rows(f"SELECT id, {columns} FROM {t}_copy" + (
                    f" WHERE id = {number}" if bodies is items else " ORDER BY id"))
                assert given in (shown[0], "[" + ",".join(shown) + "]"), (world.seed, t, method)
            same(world, table, able, (method, target, prefer))


def test_random_types_are_written_from_csv(world):
    for table in world.tables:
        t = table.name
        plain = [name for name, kind in table.kinds.items() if kind.plain]
        text = world.daemon.get(f"/{t}?select=id,{','.join(plain)}&order=id", Accept="text/csv").text
        read = list(csv.reader(io.StringIO(text, newline=""), strict=True))
        nulls = world.sql.execute(f"SELECT id, {', '.join(name + ' IS NULL' for name in plain)}"
                                  f" FROM {t} ORDER BY id")
        out = io.StringIO()
        csv.writer(out).writerows([read[0]] + [
            ["NULL" if null is True else cell for cell, null in zip(row, flags)]
            for row, flags in zip(read[1:], nulls)])
        world.sql.execute(f"TRUNCATE {t}_copy")
        response = world.daemon.post(f"/{t}_copy", out.getvalue(), Content_Type="text/csv")
        assert response.status == 201, (world.seed, t, response)
        for before, after in zip(written(world, plain, t), written(world, plain, f"{t}_copy")):
            for name, old, new in zip(["id", *plain], before, after):
                assert old == new or old == "(NULL)", (world.seed, t, table.kinds[name], old, new)


# --- filtering and ordering -----------------------------------------------------------------------

def enquoted(text):
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def escape(text):
    return urllib.parse.quote(text, safe="")


def conditions(world, kind, column, value, other):
    """Filters of a URL, and the conditions of SQL that mean the same."""
    typed = f"::{kind.name}" if kind.name in RECORDS else ""  # the server would not know which record
    one, two = quote(value) + typed, quote(other) + typed
    for name in [*world.dice.sample(list(COMPARED), 3), "eq"]:
        asked = quote(value.replace("*", "%")) if name in ("like", "ilike") else one
        sql = f"{column} {COMPARED[name]} {asked}"
        yield world.dice.choice([
            (f"{column}={name}.{escape(value)}", sql),
            (f"{column}=not.{name}.{escape(value)}", f"NOT ({sql})"),
            (f"or=({column}.{name}.{escape(enquoted(value))},id.lt.0)", f"{sql} OR id < 0")])
    if not kind.listed and kind.name != "regclass":  # the server takes that for a list of oid
        both = escape(f"{enquoted(value)},{enquoted(other)}")
        yield f"{column}=in.({both})", f"{column} IN ({one}, {two})"
        yield f"{column}=not.in.({both})", f"NOT ({column} IN ({one}, {two}))"
        yield f"{column}=eq(any).{{{both}}}", f"{column} IN ({one}, {two})"
        yield f"{column}=lt(all).{{{both}}}", f"{column} < {one} AND {column} < {two}"
    yield f"{column}=is.null", f"{column} IS NULL"
    yield f"{column}=not.is.null", f"NOT ({column} IS NULL)"
    yield f"{column}=is.not_null", f"{column} IS NOT NULL"


def test_random_types_are_filtered_as_sql_does(world):
    for table in world.tables:
        for column, kind in table.kinds.items():
            texts = world.texts(f"SELECT {column}::text FROM {table.name} WHERE {column} IS NOT NULL")
            for value in world.dice.sample(texts, min(ASKED, len(texts))):
                for question, sql in conditions(world, kind, column, value,
                                                world.dice.choice(texts)):
                    expected = world.told(f"SELECT id FROM {table.name} WHERE {sql} ORDER BY id")
                    asked = world.asked(f"/{table.name}?select=id&{question}&order=id")
                    assert asked == expected, (world.seed, kind, question, sql)


def test_random_types_are_ordered_as_sql_does(world):
    for table in world.tables:
        for column, kind in table.kinds.items():
            for order in ("", " DESC", " NULLS FIRST", " DESC NULLS LAST"):
                words = order.lower().replace(" nulls ", ".nulls").replace(" ", ".")
                assert world.asked(f"/{table.name}?select=id&order={column}{words},id") == world.told(
                    f"SELECT id FROM {table.name} ORDER BY {column}{order}, id"), (world.seed, kind)


def test_parts_of_random_types_are_those_of_sql(world):
    for table in world.tables:
        for column, kind in table.kinds.items():
            if kind.plain:
                continue
            whole = column if kind.name in ("json", "jsonb", "doc") else f"to_jsonb({column})"
            for _ in range(2 * ASKED):
                steps = world.dice.choices(STEPS, k=world.dice.randrange(1, 4))
                arrows = world.dice.choices(["->", "->>"], [4, 1], k=len(steps) - 1)
                arrows = ["->"] * (len(steps) - 1) + [world.dice.choice(["->", "->>"])]
                path = "".join(f"{arrow}{enquoted(step) if ' ' in step else step}"
                               for arrow, step in zip(arrows, steps))
                sql = whole + "".join(
                    arrow + (step if re.fullmatch(r"-?\d+", step) else quote(step))
                    for arrow, step in zip(arrows, steps))
                agree(world, f"/{table.name}?select=x:{column}{escape(path)}&order=id", world.rows(
                    f"SELECT {sql} AS x FROM {table.name} ORDER BY id"))
                for value in world.texts(f"SELECT {sql} FROM {table.name}"):
                    if value is None:
                        continue
                    question = f"{column}{escape(path)}=eq.{escape(value)}"
                    assert world.asked(f"/{table.name}?select=id&{question}&order=id") == world.told(
                        f"SELECT id FROM {table.name} WHERE {sql} = {quote(value)} ORDER BY id"), (
                            world.seed, kind, question)


def test_rows_are_found_by_keys_of_random_types(world):
    for table, kind in world.keyed.items():
        for key, row in world.sql.execute(
                f"SELECT format('%s', id), row_to_json(t)::text FROM {table} t"
                " WHERE format('%s', id) <> ''"):  # a slash at the end of a path says nothing
            target = f"/{table}/{escape(key)}"
            got = world.daemon.get(target)
            assert got.status == 200, (world.seed, kind, key, got)
            assert compact(got.text) == compact(row), (world.seed, kind)
            got = world.daemon.patch(target, {"n": 2}, Prefer="return=representation")
            assert (got.status, got.json.get("n")) == (200, 2), (world.seed, kind, got)
            far = re.search(r"\d{5,}-|BC|[+-]\d\d:\d\d:\d\d", key)  # instants compared as texts
            if kind.plain and not far:
                got = world.daemon.write("PUT", target, row, Prefer="return=representation")
                assert (got.status, compact(got.text)) == (200, compact(row)), (world.seed, kind, key)
            got = world.daemon.delete(target)
            assert got.status == 204, (world.seed, kind, got)
            if not kind.plain:
                continue
            response = world.daemon.write("POST", f"/{table}", row, Prefer="return=headers-only")
            assert response.status == 201, (world.seed, kind, response)
            place = response.header("Location")
            assert compact(world.daemon.get(place).text) == f"[{compact(row)}]", (world.seed, kind)
