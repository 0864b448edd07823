"""Reading and writing with the PyPI package postgrest; the rows are in park.sql."""
import datetime
import uuid

import pytest

from conftest import SQLITE, TICKETS, URL, Client, called, covered, covers, everything
from postgrest import CountMethod, ReturnMethod

RETURN_NOTHING = ReturnMethod.minimal


def animals(client):
    return client.table("animal").select("id", "name").order("id")


# --- reading ---------------------------------------------------------------------------------------

@covers("from_", "table", "from_table", "select", "execute")
def test_a_table_has_three_names_for_the_same_thing(client):
    for name in ("from_", "table", "from_table"):
        rows = client.data(getattr(client.db, name)("keeper").select().order("id"))
        assert rows[1] == {"id": 2, "name": "Bob", "boss_id": 1}
        assert len(rows) == 3


@covers("select")
def test_select_takes_aliases_casts_paths_and_embeds(client):
    rows = client.data(client.table("animal").select(
        "called : name", "weight::text", "legs:facts->legs", "keeper(name)", "...keeper(by:name)")
        .eq("id", 1))
    assert rows == [{"called": "Leo", "weight": "190.5", "legs": 4, "keeper": {"name": "Ann"},
                     "by": "Ann"}]
    rows = client.data(client.table("keeper").select("name,animal(name,visitor(name))").eq("id", 1))
    assert rows[0]["animal"] == [{"name": "Leo", "visitor": [{"name": "Vic"}, {"name": "Wes"}]}]


@covers("select")
def test_select_aggregates(client):
    rows = client.data(client.table("animal").select("tame", "count()", "weight.max()")
                       .order("tame"))
    assert rows == [{"tame": False, "count": 2, "max": 190.5}, {"tame": True, "count": 2, "max": 32},
                    {"tame": None, "count": 1, "max": 0.5}]


@covers("select")
def test_select_spreads_a_to_many_embed(client):
    rows = client.data(client.table("keeper").select("name", "...animal(animals:name)")
                       .order("id").order("id", foreign_table="animal"))
    assert rows[1] == {"name": "Bob", "animals": ["Mia", "Rex"]}


@covers("select")
@pytest.mark.parametrize("count", list(CountMethod))
def test_select_counts_with_the_rows_or_alone(client, count):
    whole = client.run(client.table("animal").select("id", count=count).limit(2))
    assert len(whole.data) == 2
    head = client.run(client.table("animal").select("id", count=count, head=True))
    assert not head.data
    if count == CountMethod.exact or SQLITE:
        assert (whole.count, head.count) == (5, 5)
    else:
        assert isinstance(whole.count, int) and isinstance(head.count, int)


@covers("select")
def test_errors_are_told_with_their_code(client):
    error = client.refused(client.table("animals").select(), "PGRST205")
    assert "public.animal'" in error.hint
    client.refused(client.table("animal").select("colour"), "42703")
    client.refused(client.table("animal").select("ticket(id)"), "PGRST200")


FILTERS = {
    "eq": [(("name", "Leo"), [1]), (("tame", True), [2, 3]), (("facts->>legs", 4), [1, 2])],
    "neq": [(("kind", "lion"), [2, 3, 4, 5])],
    "gt": [(("weight", 4.25), [1, 3])],
    "gte": [(("weight", 4.25), [1, 2, 3])],
    "lt": [(("weight", 4.25), [4])],
    "lte": [(("weight", 4.25), [2, 4])],
    "is_": [(("tame", None), [4]), (("tame", True), [2, 3]), (("born", "not_null"), [1, 2, 4])],
    "like": [(("name", "%i%"), [2, 4])],
    "like_all_of": [(("name", "%i%,M%"), [2])],
    "like_any_of": [(("name", "L%,R%"), [1, 3])],
    "ilike": [(("name", "l%"), [1])],
    "ilike_all_of": [(("name", "%I%,m%"), [2])],
    "ilike_any_of": [(("name", "l%,r%"), [1, 3])],
    "or_": [(("id.eq.1,and(tame.is.true,kind.eq.dog)",), [1, 3])],
    "in_": [(("id", [1, 3]), [1, 3]), (("name", ['50% (a,b)_"c"', "x\\y"]), [5]), (("id", []), [])],
    "cs": [(("tags", ["cat"]), [1, 2])],
    "cd": [(("tags", ["small", "cat", "red"]), [2, 3])],
    "contains": [(("tags", ["cat"]), [1, 2]), (("facts", {"legs": 4}), [1, 2])],
    "contained_by": [(("tags", ["small", "cat"]), [2, 3]), (("facts", {"legs": 3, "x": 1}), [3])],
    "ov": [(("tags", ["big", "red"]), [1])],
    "overlaps": [(("tags", ["small", "a,b"]), [2])],
    "match": [(({"kind": "cat", "tame": True},), [2])],
    "filter": [(("weight", "gte", "32"), [1, 3])],
}


@pytest.mark.parametrize("name", [pytest.param(name, marks=covers(name)) for name in FILTERS])
def test_a_filter_finds_the_rows_that_it_should(client, name):
    for given, ids in FILTERS[name]:
        assert client.column(getattr(animals(client), name)(*given)) == ids, given


@covers("not_")
def test_not_turns_the_next_filter_only(client):
    assert client.column(animals(client).not_.is_("tame", None).eq("kind", "cat")) == [2]
    assert client.column(animals(client).not_.in_("id", [1, 2])) == [3, 4, 5]
    assert client.column(animals(client).not_.or_("id.eq.1,id.eq.2")) == [3, 4, 5]


@covers("or_")
def test_or_of_an_embedded_table(client):
    rows = client.data(client.table("keeper").select("id", "animal(id)").order("id")
                       .or_("kind.eq.cat,kind.eq.lion", reference_table="animal"))
    assert [row["animal"] for row in rows] == [[{"id": 1}], [{"id": 2}], []]


@covers("eq")
def test_a_value_that_the_column_cannot_hold_is_told(client):
    assert "invalid input syntax" in client.refused(animals(client).eq("id", "one"), "22P02").message


def only_postgres(client, query, ids):
    """SQLite has neither ranges nor text search: it says so, and never answers wrongly."""
    if SQLITE:
        client.refused(query, "PGRST127")
    else:
        assert client.column(query) == ids


def shows(client):
    return client.table("show").select("id").order("id")


# The bounds are exclusive: the library writes (a,b).
RANGES = {"sr": ((9, 12), [2, 3]), "sl": ((19, 22), [1, 2]), "nxl": ((11, 14), [2, 3]),
          "nxr": ((11, 14), [1, 2]), "adj": ((13, 20), [2, 3])}
ALIASES = {"range_gt": "sr", "range_lt": "sl", "range_gte": "nxl", "range_lte": "nxr",
           "range_adjacent": "adj"}


@pytest.mark.parametrize("name", [
    pytest.param(name, marks=covers(name)) for name in [*RANGES, *ALIASES]])
def test_ranges_are_compared(client, name):
    bounds, ids = RANGES[ALIASES.get(name, name)]
    only_postgres(client, getattr(shows(client), name)("hours", bounds), ids)


@pytest.mark.parametrize("name, query, ids", [
    pytest.param(name, query, ids, marks=covers(name)) for name, query, ids in [
        ("fts", "lion & fed", [1]), ("plfts", "bird flies", [2]), ("phfts", "a bird", [2]),
        ("wfts", "bird or fed", [1, 2])]])
def test_text_is_searched(client, name, query, ids):
    if name == "fts":
        query = "lions & fed"
    only_postgres(client, getattr(shows(client), name)("about", query), ids)


@covers("text_search")
@pytest.mark.parametrize("options, query, ids", [
    (None, "lions & fed", [1]), ({"type": "plain", "config": "english"}, "bird fly", [2]),
    ({"type": "phrase"}, "lions are", [1]), ({"type": "web_search"}, "bird or fed", [1, 2])])
def test_text_search_takes_options(client, options, query, ids):
    only_postgres(client, shows(client).text_search("about", query, options), ids)


@covers("order")
def test_rows_are_ordered(client):
    def by(*given, **options):
        return client.column(
            client.table("animal").select("id,keeper()").order(*given, **options).order("id"))
    assert by("weight") == [4, 2, 3, 1, 5]
    assert by("weight", desc=True) == [5, 1, 3, 2, 4]
    assert by("born", nullsfirst=True) == [3, 5, 1, 2, 4]
    assert by("born", desc=True, nullsfirst=False) == [4, 2, 1, 3, 5]
    assert by("keeper(name)", desc=True) == [4, 5, 2, 3, 1]


@covers("limit", "offset", "range")
def test_rows_are_paged(client):
    assert client.column(animals(client).limit(2)) == [1, 2]
    assert client.column(animals(client).limit(2).offset(2)) == [3, 4]
    assert client.column(animals(client).range(1, 2)) == [2, 3]
    many = client.table("animal").select("id", count=CountMethod.exact).range(10, 12)
    client.refused(many, "PGRST103")


@covers("order", "limit", "range")
def test_embedded_rows_are_ordered_and_paged(client):
    def ids(change):
        query = client.table("keeper").select("id", "animal(id)").eq("id", 2)
        query = query.order("id", desc=True, foreign_table="animal")
        return [row["id"] for row in client.data(change(query))[0]["animal"]]
    assert ids(lambda query: query) == [3, 2]
    assert ids(lambda query: query.limit(1, foreign_table="animal")) == [3]
    assert ids(lambda query: query.range(1, 1, foreign_table="animal")) == [2]


@covers("single", "maybe_single", "execute", "retry")
def test_one_row_is_wanted_exactly_or_at_most(client):
    assert client.data(animals(client).eq("id", 2).single().retry(False)) == {"id": 2, "name": "Mia"}
    client.refused(animals(client).single(), "PGRST116")
    client.refused(animals(client).eq("id", 99).single(), "PGRST116")
    found = client.run(animals(client).eq("id", 2).maybe_single().retry(False))
    assert found.data == {"id": 2, "name": "Mia"}
    assert client.run(animals(client).eq("id", 99).maybe_single()) is None


@covers("csv")
def test_rows_come_as_csv(client):
    text = client.data(client.table("animal").select("id,name,weight,tame").in_("id", [1, 4, 5])
                       .order("id").csv())
    assert text.split() == ["id,name,weight,tame", "1,Leo,190.5,f", "4,Kiwi,0.5,",
                            '5,"50%', '(a,b)_""c""",,f']


@covers("strip_nulls")
def test_nulls_are_stripped(client):
    def kiwi():
        return client.table("animal").select("id", "name", "facts", "tame").eq("id", 4)
    assert client.data(kiwi().strip_nulls()) == [{"id": 4, "name": "Kiwi"}]
    assert client.data(kiwi().strip_nulls().single()) == {"id": 4, "name": "Kiwi"}
    assert client.data(kiwi())[0]["facts"] is None


@covers("explain", "retry", "execute")
def test_plans_are_refused_clearly(client):
    client.refused(animals(client).explain().retry(False), "PGRST107")
    client.refused(animals(client).explain(analyze=True, verbose=True, format="json"), "PGRST107")


@covers("retry")
def test_retry_leaves_an_answer_alone(client):
    assert client.column(animals(client).retry(False)) == [1, 2, 3, 4, 5]
    client.refused(animals(client).eq("id", "one").retry(True), "22P02")


@covers("schema")
def test_the_schema_is_the_one_that_is_served(client):
    assert client.data(client.db.schema("public").from_("keeper").select().limit(1))
    client.refused(client.db.schema("private").from_("keeper").select(), "PGRST106")
    client.refused(client.db.schema("private").from_("ticket").delete().gt("id", 0), "PGRST106")


@covers("rpc", "execute")
def test_there_are_no_functions(client):
    for options in ({}, {"get": True}, {"count": CountMethod.exact}):
        client.refused(client.db.rpc("feed", {"id": 1}, **options), "PGRST125")


@covers("select", "single", "maybe_single", "csv")
def test_functions_are_refused_with_every_modifier(client):
    def rpc():
        return client.db.rpc("feed", {})
    for query in (rpc().select("id"), rpc().single(), rpc().csv()):
        client.refused(query, "PGRST125")
    client.refused(rpc().maybe_single(), "PGRST125")


@covers("auth")
def test_tokens_are_refused_and_never_ignored(client, kind):
    stranger = Client(kind)
    try:
        stranger.db.auth("x.y.z")
        stranger.refused(stranger.table("animal").select(), "PGRST300")
        client.requests += stranger.requests
    finally:
        stranger.close()


@covers("aclose")
def test_a_client_can_be_closed(client, kind):
    other = Client(kind, URL, schema="public")
    assert other.column(other.table("animal").select("id").eq("id", 1)) == [1]
    other.close()
    client.requests += other.requests


# --- writing ---------------------------------------------------------------------------------------

def all_tickets(client):
    return client.data(client.table("ticket").select().order("id"))


@covers("insert")
def test_rows_are_inserted(client, tickets):
    row = {"id": 4, "code": "d", "price": 7.5, "seats": 3, "note": 'täglich "x"'}
    assert client.data(client.table("ticket").insert(row)) == [row]
    assert client.data(client.table("ticket").insert({"id": 5}, returning=RETURN_NOTHING)) == []
    rows = [{"id": 6, "price": 1, "seats": 1}, {"id": 7, "note": "x"}]
    made = client.run(client.table("ticket").insert(
        rows, default_to_null=False, count=CountMethod.exact).select("id", "price", "note"))
    assert made.count == 2
    assert made.data == [{"id": 6, "price": 1, "note": None}, {"id": 7, "price": 5, "note": "x"}]
    client.refused(client.table("ticket").insert([{"id": 8, "seats": 1}, {"id": 9}]), "23502")
    assert len(all_tickets(client)) == len(tickets) + 4


@covers("insert")
def test_times_and_uuids_are_written(client, tickets):
    note = uuid.UUID(int=7)
    made = client.data(client.table("ticket").insert({"id": 8, "note": note}))
    assert made[0]["note"] == str(note)
    born = client.data(client.table("animal").update({"born": datetime.date(2019, 7, 12)})
                       .eq("id", 2))
    assert born[0]["born"] == "2019-07-12"


@covers("insert")
def test_constraints_are_told(client, tickets):
    assert "ticket_code_key" in client.refused(
        client.table("ticket").insert({"id": 4, "code": "a"}), "23505").message
    client.refused(client.table("visit").insert({"animal_id": 1, "visitor_id": 99}), "23503")
    client.refused(client.table("ticket").insert({"id": 4, "colour": "red"}), "PGRST204")
    client.refused(client.table("ticket").insert({"id": 4, "seats": "two"}), "22P02")
    assert all_tickets(client) == tickets


@covers("upsert", "insert")
def test_rows_are_upserted(client, tickets):
    rows = [{"id": 1, "note": "door"}, {"id": 4, "note": "new"}]
    client.data(client.table("ticket").upsert(rows, default_to_null=False))
    assert [row["note"] for row in all_tickets(client)] == ["door", None, None, "new"]
    by_code = client.data(client.table("ticket").upsert({"code": "b", "note": "x"},
                                                        on_conflict="code"))
    assert by_code == [{**TICKETS[1], "note": "x"}]
    alone = client.data(client.table("ticket").upsert(
        [{"id": 1, "note": "no"}], ignore_duplicates=True, default_to_null=False))
    assert alone == []
    client.data(client.table("ticket").insert({"id": 1, "note": "roof"}, upsert=True))
    assert all_tickets(client)[0]["note"] == "roof"


@covers("update")
def test_rows_are_updated(client, tickets):
    rows = client.data(client.table("ticket").update({"seats": 9}).in_("id", [2, 3]))
    assert sorted((row["id"], row["seats"]) for row in rows) == [(2, 9), (3, 9)]
    silent = client.run(client.table("ticket").update(
        {"note": "x"}, count=CountMethod.exact, returning=RETURN_NOTHING).gt("id", 1))
    assert (silent.data, silent.count) == ([], 2)
    client.refused(client.table("ticket").update({"code": "a"}).eq("id", 2), "23505")


@covers("delete", "single", "maybe_single")
def test_rows_are_deleted(client, tickets):
    assert client.data(client.table("ticket").delete().eq("id", 2)) == [TICKETS[1]]
    client.refused(client.table("ticket").delete().gt("id", 0).single(), "PGRST116")
    assert client.data(client.table("ticket").delete().eq("id", 1).maybe_single()) == TICKETS[0]
    assert client.run(client.table("ticket").delete().eq("id", 1).maybe_single()) is None
    silent = client.run(client.table("ticket").delete(
        count=CountMethod.exact, returning=RETURN_NOTHING).eq("id", 3))
    assert (silent.data, silent.count) == ([], 1)
    client.refused(client.table("keeper").delete().eq("id", 1), "23503")


@covers("max_affected")
def test_more_rows_than_allowed_undo_a_write(client, tickets):
    client.refused(client.table("ticket").update({"note": "x"}).gt("id", 0).max_affected(2),
                   "PGRST124")
    client.refused(client.table("ticket").delete().gt("id", 0).max_affected(2), "PGRST124")
    assert all_tickets(client) == tickets
    assert len(client.data(client.table("ticket").delete().gt("id", 1).max_affected(2))) == 2


@covers("select")
def test_a_write_returns_what_it_is_asked_for(client, tickets):
    made = client.data(client.table("animal").update({"tame": True}).eq("id", 2)
                       .select("id", "keeper(name)"))
    assert made == [{"id": 2, "keeper": {"name": "Bob"}}]


# --- the last test of each client --------------------------------------------------------------------

def test_every_method_has_a_test(kind):
    other = "Async" if kind == "Sync" else "Sync"
    forgotten = {one for one in everything - covered if not one.startswith(other)}
    assert not forgotten, sorted(forgotten)
    assert f"{kind}RequestBuilder.upsert(on_conflict)" in covered  # options are found
    assert called
