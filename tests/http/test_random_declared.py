"""Random values of every type that a definition file can name, on each engine: what was written is
what is read, what was read can be written again, filters and orders are those of Python.
MODELD_TYPES is how many lots of rows there are; each is known by its seed."""
import base64
import datetime
import json
import os
import random
import urllib.parse
import uuid
from decimal import ROUND_HALF_UP, Context, Decimal

import pytest

from kinds import digits, some_json, some_text

LOTS = int(os.environ.get("MODELD_TYPES", "1"))
ROWS = 24
EXACT = Context(prec=99)
BIG = [2**53, 2**53 + 1, 2**63 - 1, 2**31, 2**31 - 1, 2**15 - 1, 0, 1]
FIELDS = {
    "small": "smallint?", "whole": "integer?", "big": "bigint?", "real": "float?",
    "told": {"type": "bigint", "json_number": "string", "nullable": True},
    "price": "decimal(10,2)?", "fifteen": "decimal(15,3)?", "exact": "decimal(30,10)?",
    "short": "string(9)?", "words": "text?", "yes": "boolean?", "at": "datetime?",
    "local": "datetime_local?", "day": "date?", "clock": "time?", "key": "uuid?", "data": "json?",
    "blob": "bytes?", "color": "enum(red, 'dark blue', 'ü')?"}
LISTS = {name: f"array({kind[:-1].split(chr(40))[0]})?" for name, kind in FIELDS.items()
         if isinstance(kind, str) and name not in ("price", "fifteen", "exact", "data", "color")}
MODELS = {"version": 1, "models": {name: {"fields": {
    **FIELDS, **{"list_" + one: kind for one, kind in LISTS.items()}}} for name in ("One", "Two")}}


def within(bits):
    def make(dice):
        top = 1 << (bits - 1)
        value = dice.choice([*BIG, *(-each for each in BIG), -top, dice.randrange(-top, top)])
        value = value if -top <= value < top else dice.randrange(-top, top)
        return dice.choice([str(value), json.dumps(str(value))]), value
    return make


def some_real(dice):
    value = dice.choice([0.0, 0.1, -1e300, 5e-324, 1e22, dice.uniform(-1e3, 1e3),
                         dice.uniform(-1, 1) * 10.0 ** dice.randrange(-300, 300)])
    return repr(value), value


def decimals(whole, scale):
    def make(dice):
        text = f"{dice.choice(['', '-'])}{int(digits(dice, whole))}.{digits(dice, scale + 2)}"
        value = Decimal(text).quantize(Decimal(1).scaleb(-scale), ROUND_HALF_UP, EXACT)
        if abs(value) >= 10 ** whole:
            return make(dice)
        return dice.choice([text, json.dumps(text)]), value
    return make


def texts(most=None):
    def make(dice):
        value = some_text(dice)[:most]
        return json.dumps(value, ensure_ascii=dice.random() < 0.5), value
    return make


def some_instant(dice, zoned=True):
    value = datetime.datetime(dice.randrange(2, 9999), dice.randrange(1, 13), dice.randrange(1, 29),
                              dice.randrange(24), dice.randrange(60), dice.randrange(60),
                              dice.choice([0, 1, 500000, 120, 999999]))
    if zoned:
        minutes = dice.choice([0, 90, -210, 840])
        value = value.replace(tzinfo=datetime.timezone(datetime.timedelta(minutes=minutes)))
    return json.dumps(value.isoformat(dice.choice("T "))), value


def some_key(dice):
    value = uuid.UUID(int=dice.getrandbits(128))
    return json.dumps(dice.choice([str(value), str(value).upper(), value.hex, f"{{{value}}}"])), value


def some_document(dice):
    while True:
        text = some_json(dice)
        value, twice = read_json(text)
        if not twice:
            return text, value


def some_blob(dice):
    value = bytes(dice.randrange(256) for _ in range(dice.choice([0, 1, 2, 3, 40])))
    written = dice.choice([base64.b64encode(value).decode(), "\\x" + value.hex().upper()])
    return json.dumps(written), value


def picked(*values):
    def make(dice):
        value = dice.choice(values)
        return json.dumps(value), value
    return make


MAKERS = {
    "small": within(16), "whole": within(32), "big": within(64), "told": within(64),
    "real": some_real, "price": decimals(8, 2), "fifteen": decimals(12, 3), "exact": decimals(20, 10),
    "short": texts(9), "words": texts(), "yes": picked(True, False), "at": some_instant,
    "local": lambda dice: some_instant(dice, False), "key": some_key, "data": some_document,
    "day": lambda dice: (lambda value: (json.dumps(str(value)), value))(
        some_instant(dice)[1].date()),
    "clock": lambda dice: (lambda value: (json.dumps(str(value)), value))(
        some_instant(dice, False)[1].time()),
    "blob": some_blob, "color": picked("red", "dark blue", "ü")}


def read_json(text):
    """The value, all numbers as decimals; and whether a key comes twice."""
    twice = []

    def pairs(items):
        twice.extend(items[len(dict(items)):])
        return dict(items)
    value = json.loads(text, parse_float=Decimal, parse_int=Decimal, object_pairs_hook=pairs)
    return value, bool(twice)


READERS = {
    "real": float, "at": datetime.datetime.fromisoformat, "local": datetime.datetime.fromisoformat,
    "day": datetime.date.fromisoformat, "clock": datetime.time.fromisoformat, "key": uuid.UUID,
    "blob": lambda text: bytes.fromhex(text[2:]), "exact": Decimal, "told": int}


def shown(field, value):
    """What an answer says of a field, as a value of Python."""
    if field.startswith("list_") and value is not None:
        return [shown(field[5:], each) for each in value]
    return value if value is None else READERS.get(field, lambda same: same)(value)


def maker(field):
    if not field.startswith("list_"):
        return MAKERS[field]

    def make(dice):
        parts = [MAKERS[field[5:]](dice) if dice.random() > 0.2 else ("null", None)
                 for _ in range(dice.randrange(4))]
        if isinstance(next((value for _, value in parts if value is not None), None), int):
            parts = [(text.strip('"'), value) for text, value in parts]  # lists take numbers only
        return f"[{', '.join(text for text, _ in parts)}]", [value for _, value in parts]
    return make


def some_row(dice, number):
    """The text of an object, and its values."""
    made = {field: maker(field)(dice) if dice.random() > 0.15 else ("null", None)
            for field in MODELS["models"]["One"]["fields"]}
    text = ", ".join(f'"{field}": {text}' for field, (text, _) in made.items())
    return f'{{"id": {number}, {text}}}', {field: value for field, (_, value) in made.items()}


def values_of(response):
    rows, _ = read_json(response.text)
    return [{field: shown(field, value) for field, value in row.items() if field != "id"}
            for row in rows]


@pytest.fixture(name="one")
def make_one(tmp_path, serve, fresh):
    (tmp_path / "models.json").write_text(json.dumps(MODELS), encoding="utf-8")
    return serve(fresh, "--models", tmp_path / "models.json", threads=1)


def plain(value):
    """What stands in a query string for a value."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, bytes):
        return "\\x" + value.hex()
    return f"{value:f}" if isinstance(value, Decimal) else str(value)


def rank(value):
    return value.encode() if isinstance(value, str) else value


def found(one, condition):
    return one.column("/one?select=id&order=id&" + condition)


def compare(one, seed, rows, field, value):
    """Filters find what Python finds."""
    text = urllib.parse.quote(plain(value), safe="")
    quoted = urllib.parse.quote('"' + plain(value).replace("\\", "\\\\").replace('"', '\\"') + '"')
    there = [(number, row[field]) for number, row in enumerate(rows, 1) if row[field] is not None]
    equal = [number for number, other in there if other == value]
    where = (seed, field, value)
    assert found(one, f"{field}=eq.{text}") == equal, where
    assert found(one, f"{field}=in.({quoted},{quoted})") == equal, where
    assert found(one, f"or=({field}.eq.{quoted},id.lt.0)") == equal, where
    assert found(one, f"{field}=neq.{text}") == [n for n, _ in there if n not in equal], where
    assert found(one, f"{field}=gt.{text}") == [
        number for number, other in there if rank(other) > rank(value)], where
    assert found(one, f"{field}=lte.{text}") == [
        number for number, other in there if rank(other) <= rank(value)], where


def test_random_values_of_declared_types_go_in_and_out(one):
    for seed in range(LOTS):
        dice = random.Random(seed)
        made = [some_row(dice, number) for number in range(1, ROWS + 1)]
        rows = [row for _, row in made]
        assert one.delete("/one").status == 204 and one.delete("/two").status == 204
        half = ROWS // 2
        response = one.post("/one", "[" + ",".join(text for text, _ in made[:half]) + "]")
        assert response.status == 201, (seed, response)
        for text, _ in made[half:]:
            response = one.post("/one", text)
            assert response.status == 201, (seed, text, response)
        read = one.get("/one?order=id")
        for given, got in zip(rows, values_of(read)):
            for field, value in given.items():
                assert got[field] == value, (seed, field, value)
        assert one.post("/two", read.body).status == 201, seed
        assert one.get("/two?order=id").text == read.text, seed
        for number in range(1, ROWS):  # each row becomes the next one
            text = one.get(f"/one/{number + 1}").text
            text = text.replace(f'"id":{number + 1}', f'"id":{number}', 1)
            assert one.patch(f"/two?id=eq.{number}", text).status == 204, (seed, number)
        assert values_of(one.get("/two?order=id"))[:-1] == values_of(read)[1:], seed


def test_random_values_of_declared_types_are_filtered_and_ordered(one):
    for seed in range(LOTS):
        dice = random.Random(seed)
        made = [some_row(dice, number) for number in range(1, ROWS + 1)]
        rows = [row for _, row in made]
        assert one.delete("/one").status == 204
        assert one.post("/one", "[" + ",".join(text for text, _ in made) + "]").status == 201
        for field in FIELDS:
            if field in ("data", "color"):
                continue
            for row in dice.sample(rows, 3):
                if row[field] is not None:
                    compare(one, seed, rows, field, row[field])
            there = sorted((rank(row[field]), number) for number, row in enumerate(rows, 1)
                           if row[field] is not None)
            assert one.column(f"/one?select=id&{field}=not.is.null&order={field},id") == [
                number for _, number in there], (seed, field)
