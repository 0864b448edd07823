"""Random writes, one after the other, against a table kept in Python: what each gives back, and all rows
after it. A write that must fail leaves everything as it was. MODELD_WRITES is how many."""
import json
import os
import random
import urllib.parse

import pytest

from harness import Modeld
from oracle import Leaf, Tree, all_of

WRITES = int(os.environ.get("MODELD_WRITES", "400"))
CHUNKS = 4
REPRESENTATION = "return=representation"
MODELS = {"version": 1, "models": {
    "Box": {"table": "box", "fields": {"id": "integer pk", "label": "text?"}},
    "Item": {"table": "item", "fields": {
        "id": "integer pk",
        "code": "integer? unique",
        "name": "string(8) = 'new'",
        "size": "integer? min(-3) max(3)",
        "flag": "boolean = true",
        "box_id": "-> Box? on delete cascade",
        "lid_id": "-> Box? on delete set null"}},
}}
COLUMNS = {"code": "integer", "name": "text", "size": "integer", "flag": "boolean",
           "box_id": "integer", "lid_id": "integer"}
DEFAULTS = {"code": None, "name": "new", "size": None, "flag": True, "box_id": None, "lid_id": None}
NAMES = ["", "a", "B", "a,b", "it's", "ü", "x.y", "eight888", "nine99999"]


class Refused(Exception):
    """The database must not do it."""


class Store:
    """The two tables as they should be."""

    def __init__(self, dice):
        self.dice = dice
        self.boxes, self.items = {}, {}

    def check(self, items):
        """What holds for all rows together."""
        codes = [row["code"] for row in items.values() if row["code"] is not None]
        if len(codes) != len(set(codes)):
            raise Refused("code")
        for row in items.values():
            if row["name"] is None or row["flag"] is None or len(row["name"]) > 8:
                raise Refused("name, flag")
            if row["size"] is not None and not -3 <= row["size"] <= 3:
                raise Refused("size")
            for key in ("box_id", "lid_id"):
                if row[key] is not None and row[key] not in self.boxes:
                    raise Refused(key)
        return items

    # --- bodies ---

    def value(self, name):
        dice = self.dice
        if name in ("code", "size"):
            return dice.choice([None, *range(-4, 5)] + list(range(9)) * (name == "code"))
        if name == "name":
            return dice.choice(NAMES) if dice.random() < 0.95 else None
        if name == "flag":
            return dice.random() < 0.5
        return dice.choice([None, 1, 2, 3, 4, 5])

    def body(self, names):
        return {name: self.dice.randint(1, 12) if name == "id" else self.value(name)
                for name in names}

    def names(self, low=1):
        return self.dice.sample(list(COLUMNS), self.dice.randint(low, 4))

    def condition(self):
        """(query string, function of a row)"""
        dice = self.dice
        leaves = [Leaf(name, COLUMNS[name], dice)
                  for name in dice.choices(list(COLUMNS), k=dice.choice([1, 1, 2]))]
        if dice.random() < 0.3:
            tree = Tree(dice.choice(["and", "or"]), dice.random() < 0.3, leaves)
            name, _, rest = tree.written().partition("(")
            return [(name, "(" + rest)], lambda row: tree.holds(row, None) is True
        return ([(leaf.column, leaf.written(False)) for leaf in leaves],
                lambda row: all_of(leaf.holds(row, None) for leaf in leaves) is True)

    # --- writes: (method, target, headers, body, function that does it here → rows given back) ---

    def insert(self):
        many = self.dice.random() < 0.4
        names = ["id", *self.names(0)]
        bodies = [self.body(names) for _ in range(self.dice.randint(1, 3) if many else 1)]
        parameters, prefer = [], [REPRESENTATION]
        if self.dice.random() < 0.4:  # the others are null, or with missing=default their default
            columns = sorted({*names, *self.names(0)})
            parameters.append(("columns", ",".join(columns)))
            missing = self.dice.random() < 0.6
            prefer += ["missing=default"] * missing
            bodies = [{name: value for name, value in body.items()
                       if name == "id" or self.dice.random() < 0.7} for body in bodies]
            full = [{**{name: DEFAULTS[name] if missing else None for name in columns
                        if name != "id"}, **body} for body in bodies]
        else:
            full = bodies

        def do():
            items = dict(self.items)
            for row in full:
                if row["id"] in items:
                    raise Refused("id")
                items[row["id"]] = {"id": row["id"], **DEFAULTS, **row}
            self.items = self.check(items)
            return [items[row["id"]] for row in full]
        return "POST", ("/item", parameters), prefer, bodies if many else bodies[0], do

    def upsert(self):
        """Keys are not twice in one body: there the engines differ."""
        target = self.dice.choice(["id", "code"])
        names = {"id", "code", *self.names(0)}
        bodies = [self.body(names) for _ in range(self.dice.randint(1, 3))]
        bodies = list({body[target]: body for body in bodies}.values())
        merge = self.dice.random() < 0.6
        prefer = [REPRESENTATION, f"resolution={'merge' if merge else 'ignore'}-duplicates"]
        parameters = [("on_conflict", target)] if target == "code" or self.dice.random() < 0.5 else []

        def do():
            items, given = dict(self.items), []
            for row in bodies:
                old = next((other for other in items.values() if row[target] is not None
                            and other[target] == row[target]), None)
                if old and not merge:
                    continue
                if not old and row["id"] in items:
                    raise Refused("id")
                made = {"id": row["id"], **DEFAULTS, **(old or {}), **row}
                if old:
                    if made["id"] != old["id"] and made["id"] in items:
                        raise Refused("id")
                    del items[old["id"]]
                items[made["id"]] = made
                self.check(items)
                given.append(made["id"])
            for row in bodies:  # those that are ignored, too
                self.check_alone(row)
            self.items = self.check(items)
            return [items[key] for key in given]
        return "POST", ("/item", parameters), prefer, bodies, do

    def update(self):
        parameters, wanted = self.condition()
        body = self.body(self.names())

        def do():
            items = {key: {**row, **body} if wanted(row) else row
                     for key, row in self.items.items()}
            changed = [key for key, row in self.items.items() if wanted(row)]
            if changed:
                self.check(items)
            self.check_alone(body)
            self.items = items
            return [items[key] for key in changed]
        return "PATCH", ("/item", parameters), [REPRESENTATION], body, do

    def check_alone(self, body):
        """Values that can be seen to be wrong are refused even when no row is changed."""
        boxes, self.boxes = self.boxes, {number: None for number in range(-9, 20)}
        try:
            self.check({0: {"id": 0, **DEFAULTS, **body}})
        finally:
            self.boxes = boxes

    def put(self):
        key = self.dice.randint(1, 12)
        body = {**{name: self.value(name) for name in COLUMNS}, "id": key}

        def do():
            self.items = self.check({**self.items, key: body})
            return [body]
        return "PUT", ("/item", [("id", f"eq.{key}")]), [REPRESENTATION], body, do

    def delete(self):
        parameters, wanted = self.condition()

        def do():
            gone = [row for row in self.items.values() if wanted(row)]
            self.items = {key: row for key, row in self.items.items() if not wanted(row)}
            return gone
        return "DELETE", ("/item", parameters), [REPRESENTATION], None, do

    def box(self):
        key = self.dice.randint(1, 5)
        if key in self.boxes and self.dice.random() < 0.6:
            def do():
                self.items = {number: {**row, "lid_id": None if row["lid_id"] == key else row["lid_id"]}
                              for number, row in self.items.items() if row["box_id"] != key}
                return [self.boxes.pop(key)]
            return "DELETE", ("/box", [("id", f"eq.{key}")]), [REPRESENTATION], None, do

        def make():
            if key in self.boxes:
                raise Refused("id")
            self.boxes[key] = {"id": key, "label": None}
            return [self.boxes[key]]
        return "POST", ("/box", []), [REPRESENTATION], {"id": key, "label": None}, make

    def write(self):
        return self.dice.choice([self.insert, self.insert, self.upsert, self.update, self.update,
                                 self.put, self.delete, self.box, self.box])()


@pytest.fixture(scope="module")
def daemon(engine, tmp_path_factory):
    folder = tmp_path_factory.mktemp("random")
    (folder / "models.json").write_text(json.dumps(MODELS), encoding="utf-8")
    database = engine.database(folder, "", "random.db")
    server = Modeld(database.url, "--models", folder / "models.json", folder=folder,
                    settings={"threads": 1})
    yield server
    server.stop()
    database.drop()


def by_key(rows):
    return sorted(rows, key=lambda row: row["id"])


@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_random_writes_do_what_python_does(daemon, chunk):
    store = Store(random.Random(chunk))
    for table in ("item", "box"):
        assert daemon.delete(f"/{table}?id=gte.0").status == 204
    for number in range(WRITES // CHUNKS):
        method, (path, parameters), prefer, body, do = store.write()
        target = path + "?" + urllib.parse.urlencode(parameters)
        told = (chunk, number, method, urllib.parse.unquote_plus(target), prefer, body)
        got = daemon.write(method, target, body, Prefer=", ".join(prefer))
        try:
            expected = do()
        except Refused as why:
            assert 400 <= got.status < 500, (told, why, got)
        else:
            assert got.status in (200, 201), (told, got)
            assert by_key(got.json) == by_key(expected), told
        assert daemon.rows("/item?order=id") == by_key(store.items.values()), told
        assert daemon.rows("/box?order=id") == by_key(store.boxes.values()), told
