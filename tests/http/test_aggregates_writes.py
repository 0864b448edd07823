"""Aggregates of the rows that a write gives back: the groups of what was written, and what of a write
still is about rows."""
import pytest

from conftest import SHOP, SHOP_ROWS
from harness import Modeld

REPRESENTATION = {"Prefer": "return=representation"}
SINGULAR = {"Accept": "application/vnd.pgrst.object+json", **REPRESENTATION}


@pytest.fixture(scope="module")
def sums_daemon(engine, tmp_path_factory):
    folder = tmp_path_factory.mktemp("sums")
    db = engine.database(folder, SHOP, "sums.db")
    server = Modeld(db.url, folder=folder, settings={
        "threads": 1, "db-aggregates-enabled": "true", "body": "4KiB", "bulk-folder": str(folder)})
    server.db = db
    yield server
    server.stop()


@pytest.fixture
def sums(sums_daemon):
    """The shop, with the rows of shop_rows.sql and no others."""
    sums_daemon.db.run(SHOP_ROWS)
    return sums_daemon


def groups(answer, status=200):
    assert answer.status == status, answer
    return answer.json


def test_a_change_tells_the_groups_of_the_rows_it_changed(sums):
    answer = sums.patch("/toy?maker_id=not.is.null&select=maker_id,n:count(),price.sum()&order=maker_id",
                        {"stock": 5}, **REPRESENTATION)
    assert groups(answer) == [{"maker_id": 1, "n": 2, "sum": 16.5},
                              {"maker_id": 2, "n": 1, "sum": 30}]
    assert answer.header("Content-Range") == "0-1/*"
    assert sums.column("/toy?stock=eq.5&order=id") == [1, 2, 3]
    answer = sums.patch("/toy?id=gt.1&select=stock.min(),stock.max()", {"stock": 6},
                        Prefer="return=representation, count=exact")
    assert groups(answer) == [{"min": 6, "max": 6}]
    assert answer.header("Content-Range") == "0-0/1"


def test_the_counts_of_an_insert_are_those_of_its_rows(sums):
    answer = sums.post("/toy?select=n:count(),...maker(house:name)&order=maker(house)",
                       [{"id": 10, "name": "a", "maker_id": 1}, {"id": 11, "name": "b", "maker_id": 1},
                        {"id": 12, "name": "c", "maker_id": 2}], **REPRESENTATION)
    assert groups(answer, 201) == [{"n": 2, "house": "Oak & Sons"}, {"n": 1, "house": "Tin Works"}]
    answer = sums.post("/toy?select=count", [{"id": 13, "name": "d"}, {"id": 14, "name": "e"}],
                       **REPRESENTATION)
    assert groups(answer, 201) == [{"count": 2}]
    assert groups(sums.post("/toy?select=count()", [], **REPRESENTATION), 201) == [{"count": 0}]


def test_a_delete_tells_the_groups_of_what_is_gone(sums):
    answer = sums.delete("/toy?id=lt.4&select=count(),maker(name)&order=maker_id", **REPRESENTATION)
    assert (answer.status, answer.json["code"]) == (400, "42803")
    answer = sums.delete("/toy?id=lt.4&select=maker_id,n:count(),maker(name)&order=maker_id",
                         **REPRESENTATION)
    assert groups(answer) == [{"maker_id": 1, "n": 2, "maker": {"name": "Oak & Sons"}},
                              {"maker_id": 2, "n": 1, "maker": {"name": "Tin Works"}}]
    assert sums.column("/toy") == [4]


def test_an_upsert_still_tells_new_rows_from_merged_ones(sums):
    rows = [{"id": 1, "name": "x"}, {"id": 2, "name": "y"}]
    merge = {"Prefer": "return=representation, resolution=merge-duplicates"}
    assert groups(sums.post("/toy?select=n:count()", rows, **merge), 200) == [{"n": 2}]
    rows[0]["id"] = 20
    assert groups(sums.post("/toy?select=n:count()", rows, **merge), 201) == [{"n": 2}]
    ignore = {"Prefer": "return=representation, resolution=ignore-duplicates"}
    rows.append({"id": 21, "name": "z"})
    assert groups(sums.post("/toy?select=n:count()", rows, **ignore), 201) == [{"n": 1}]


def test_no_rows_are_one_group_without_columns_and_none_with_them(sums):
    answer = sums.patch("/toy?id=eq.99&select=n:count(),price.sum()", {"stock": 5}, **REPRESENTATION)
    assert groups(answer) == [{"n": 0, "sum": None}]
    answer = sums.patch("/toy?id=eq.99&select=name,count()", {"stock": 5}, **REPRESENTATION)
    assert groups(answer) == []
    # A change of nothing changes no rows.
    assert groups(sums.patch("/toy?select=count()", {}, **REPRESENTATION)) == [{"count": 0}]
    assert groups(sums.patch("/toy?select=name,count()", {}, **REPRESENTATION)) == []


def test_one_group_of_many_rows_is_one_object_and_two_groups_undo_the_write(sums):
    answer = sums.patch("/toy?maker_id=eq.1&select=n:count()", {"stock": 7}, **SINGULAR)
    assert groups(answer) == {"n": 2}
    for answer in (sums.patch("/toy?select=maker_id,count()", {"stock": 8}, **SINGULAR),
                   sums.delete("/toy?id=gt.1&select=maker_id,count()", **SINGULAR),
                   sums.post("/toy?select=name,count()", [{"name": "a"}, {"name": "b"}], **SINGULAR)):
        assert (answer.status, answer.json["code"]) == (406, "PGRST116")
    assert sums.rows("/toy?select=n:count(),stock.max()") == [{"n": 4, "max": 7}]
    assert sums.column("/toy?stock=eq.7&order=id") == [1, 3]


def test_max_affected_is_about_rows_and_not_about_groups(sums):
    target, prefer = "/toy?maker_id=eq.1&select=n:count()", "return=representation, handling=strict"
    answer = sums.patch(target, {"stock": 7}, Prefer=prefer + ", max-affected=1")
    assert (answer.status, answer.json["code"]) == (400, "PGRST124")
    assert answer.json["details"] == "The query affects 2 rows"
    assert sums.column("/toy?stock=eq.7") == []
    answer = sums.patch(target, {"stock": 7}, Prefer=prefer + ", max-affected=2")
    assert groups(answer) == [{"n": 2}]


def test_items_and_bodies_with_relationships_have_groups_too(sums):
    assert groups(sums.patch("/toy/1?select=n:count(),price.max()", {"stock": 7}, **REPRESENTATION)) \
        == {"n": 1, "max": 12.5}
    assert groups(sums.patch("/toy/1?select=n:count()", {}, **REPRESENTATION)) == {"n": 1}
    for body in ({"stock": 7}, {}):
        answer = sums.patch("/toy/99?select=n:count()", body, **REPRESENTATION)
        assert (answer.status, answer.json["code"]) == (404, "MD404")
    answer = sums.post("/maker?select=n:count(),name.max()", [
        {"name": "M1", "toy": [{"name": "t1"}]}, {"name": "M2", "toy": [{"name": "t2"}]}],
        **REPRESENTATION)
    assert groups(answer, 201) == [{"n": 2, "max": "M2"}]


def test_groups_come_as_csv_too(sums):
    answer = sums.post("/toy?select=n:count(),stock.sum()", [{"name": "a"}, {"name": "b"}],
                       Accept="text/csv", **REPRESENTATION)
    assert (answer.status, answer.text) == (201, "n,sum\n2,2")


def test_a_body_in_parts_has_groups_where_its_rows_are_read_again(sums):
    body = "name,stock\n" + "".join(f"a rather long name {n},2\n" for n in range(1000))
    answer = sums.post("/toy?select=n:count(),stock.sum()", body, Content_Type="text/csv",
                       **REPRESENTATION)
    if sums.engine == "sqlite":
        assert groups(answer, 201) == [{"n": 1000, "sum": 2000}]
    else:
        assert (answer.status, answer.json["code"]) == (400, "PGRST127")
        assert sums.column("/toy?stock=eq.2") == [4]


def test_aggregates_of_writes_are_PGRST123_unless_they_are_allowed(shop):
    answer = shop.patch("/toy?select=count()", {"stock": 7}, **REPRESENTATION)
    assert (answer.status, answer.json["code"]) == (400, "PGRST123")
    assert shop.column("/toy?stock=eq.7") == []
