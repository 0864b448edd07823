"""JSON is compared and put in order by its values, as PostgreSQL's jsonb is, on every engine: not by the
digits and the white space in which somebody wrote it."""
import json

import pytest

# In their order; those of one line are equal.
VALUES = [
    ["[]"],  # an empty array that stands alone is less than all else; so PostgreSQL has it
    ["null"], ['""'], ['"10"'], ['"9"'], ['"A"'], ['"a"', r'"\u0061"'], ['"a\\"b"'], ['"ab"'],
    ['"é"', r'"\u00e9"'], ['"€"'], ['"𝄞"', r'"\ud834\udd1e"'],
    ["-1e20"], ["-10.5"], ["-10", "-10.0", "-1e1"], ["-9"], ["-0.5"], ["0", "0.00", "-0", "0e9"],
    ["1e-9"], ["0.005"], ["0.05"], ["0.5", "5e-1", "0.50"], ["1"], ["6", "6.0"], ["8"], ["9"],
    ["10", "1.0e1"], ["10.5"], ["100", "1e2"], ["12345678901234567890"], ["12345678901234567891"],
    ["1e30"], ["false"], ["true"],
    ["[null]"], ['["a"]'], ["[1]", "[ 1.0 ]"], ["[2]"], ["[10]"], ["[true]"], ["[[]]"], ["[{}]"],
    ["[1,2]"], ["[1,10]"], ["[[1],0]"], ["[0,0,0]"],
    ["{}"], ['{"a":null}'], ['{"a":2}', '{ "a" : 2.0 }', '{"a":1,"a":2}'], ['{"a":10}'], ['{"aa":1}'],
    ['{"b":1}'], ['{"a":1,"b":2}', '{"b":2,"a":1}'], ['{"b":1,"aa":2}', '{"aa":2,"b":1}'],
    ['{"b":1,"aa":3}']]
PLACES = [(place, text) for place, texts in enumerate(VALUES) for text in texts]


@pytest.fixture(scope="module")
def values(engine, tmp_path_factory):
    from harness import Modeld
    folder = tmp_path_factory.mktemp("values")
    rows = ",".join("({}, {}, '{{\"v\": {}}}', '{}')".format(number, place, text, text)
                    for number, (place, text) in enumerate(PLACES))
    db = engine.database(folder, "CREATE TABLE v (id INTEGER PRIMARY KEY, place INTEGER, data JSONB, "
                                 f"whole JSONB); INSERT INTO v VALUES {rows};", "values.db")
    server = Modeld(db.url, folder=folder)
    yield server
    server.stop()


@pytest.mark.parametrize("column", ["data->v", "data->>v", "whole"])
def test_values_come_in_order(values, column):
    places = [row["place"] for row in values.rows(f"/v?select=place&order={column},id")]
    if column == "data->>v":  # texts, and by their letters
        assert places != sorted(places)
    else:
        assert places == sorted(places)


def test_descending_order_is_the_reverse(values):
    places = [row["place"] for row in values.rows("/v?select=place&order=data->v.desc")]
    assert places == sorted(places, reverse=True)


@pytest.mark.parametrize("column", ["data->v", "whole"])
@pytest.mark.parametrize("operator, holds", [
    ("eq", lambda a, b: a == b), ("neq", lambda a, b: a != b), ("lt", lambda a, b: a < b),
    ("lte", lambda a, b: a <= b), ("gt", lambda a, b: a > b), ("gte", lambda a, b: a >= b),
    ("isdistinct", lambda a, b: a != b), ("not.gt", lambda a, b: a <= b)])
def test_comparisons_are_by_value(values, column, operator, holds):
    for place, text in PLACES[::5]:
        body = {"select": "id", column: f"{operator}.{text}", "order": "id"}
        response = values.write("QUERY", "/v", body)
        assert [row["id"] for row in response.json] == [
            number for number, (other, _) in enumerate(PLACES) if holds(other, place)], (text, response)


@pytest.mark.parametrize("condition, texts", [
    ("in.(6.00,10)", ["6", "6.0", "10", "1.0e1"]), ("eq(any).{6.00,8}", ["6", "6.0", "8"]),
    ("gt(all).{true,6}", [text for _, text in PLACES if text[0] in "[{" and text != "[]"]),
    ('in.("[1]")', ["[1]", "[ 1.0 ]"])])
def test_lists_are_compared_by_value(values, condition, texts):
    rows = values.rows(f"/v?select=id&order=id&data->v={condition}")
    assert [PLACES[row["id"]][1] for row in rows] == texts


def test_every_object_contains_the_empty_one(values):
    assert len(values.rows("/v?select=id&data=cs.{}")) == len(PLACES)
    assert values.rows("/v?select=id&data=cd.{}") == []


def test_what_is_no_json_is_refused(values):
    values.error("/v?data->v=eq.yes", 400, "22P02")
    values.error("/v?whole=gt.{", 400, "22P02")
    values.error("/v?data->v=in.(1,yes)", 400, "22P02")


def test_what_is_not_there_compares_with_nothing(values):
    assert values.rows("/v?data->nowhere=neq.1") == []
    assert len(values.rows("/v?data->nowhere=isdistinct.1")) == len(PLACES)
    assert len(values.rows("/v?data->nowhere=is.null")) == len(PLACES)


def test_to_one_embeds_are_ordered_by_values_too(serve, database):
    server = serve(database(
        "CREATE TABLE size (id INTEGER PRIMARY KEY, data JSONB);"
        "CREATE TABLE thing (id INTEGER PRIMARY KEY, size_id INTEGER REFERENCES size (id));"
        "INSERT INTO size VALUES (1, '{\"w\": 10}'), (2, '{\"w\": 9}'), (3, '{\"w\": 100}');"
        "INSERT INTO thing VALUES (1, 1), (2, 2), (3, 3);"))
    for embed in ["size()", "size!inner(id)", "...size(id)"]:
        target = f"/thing?select=thing:id,{embed}&order=size(data->w).desc"
        assert [row["thing"] for row in server.rows(target)] == [3, 1, 2]


@pytest.mark.sqlite("what a column holds that is no JSON, or a number that SQLite has as one")
def test_what_is_stored_as_something_else_has_its_place(serve, database):
    server = serve(database(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, data JSON);"
        "INSERT INTO t VALUES (1, 7), (2, 'no json'), (3, '{\"a\":1}'), (4, NULL), (5, 6.5), "
        "(6, x'6E'), (7, '\"n\"'), (8, '');"))
    assert server.column("/t?select=id&order=data,id") == [8, 6, 7, 2, 5, 1, 3, 4]
    assert server.column("/t?select=id&data=gt.6.9&order=id") == [1, 3]


def test_values_survive_a_write(serve, database):
    server = serve(database("CREATE TABLE t (id INTEGER PRIMARY KEY, data JSONB)"))
    server.post("/t", [{"id": number, "data": {"n": value}}
                       for number, value in enumerate([10, 9.5, "9", [1], None])])
    assert server.patch("/t?data->n=gt.9", {"data": {"n": 0}}).status == 204
    assert json.loads(server.get("/t?select=data&order=id").body) == [
        {"data": {"n": 0}}, {"data": {"n": 0}}, {"data": {"n": "9"}}, {"data": {"n": 0}},
        {"data": {"n": None}}]
