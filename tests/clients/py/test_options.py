"""The options of the PyPI package postgrest: of the client, and of methods what the other tests do
not use."""
import contextlib

import httpx
import pytest

from conftest import TICKETS, URL, Client, covers
from postgrest import CountMethod, ReturnMethod


def ids(client, query):
    return client.column(query.order("id"))


def animals(client):
    return client.table("animal").select("id")


ALL = [1, 2, 3, 4, 5]


@contextlib.contextmanager
def another(kind, client, **options):
    """A client with options of its own, whose requests count as those of `client`."""
    other = Client(kind, URL, **options)
    try:
        yield other
    finally:
        other.close()
        client.requests += other.requests


@covers("client")
def test_a_client_sends_its_headers(client, kind):
    with another(kind, client, headers={"Prefer": "handling=strict, colour=red"}) as strict:
        strict.refused(animals(strict), "PGRST122")
        strict.refused(strict.table("ticket").delete().eq("id", 1), "PGRST122")


@covers("client")
def test_a_client_has_a_schema(client, kind):
    with another(kind, client, schema="private") as private:
        private.refused(animals(private), "PGRST106")
        private.refused(private.table("ticket").insert({"id": 7}), "PGRST106")


@covers("client")
@pytest.mark.parametrize("options", [{"timeout": 30}, {"verify": False}])
def test_a_client_takes_what_is_going_to_go(client, kind, options):
    with pytest.warns(DeprecationWarning), another(kind, client, **options) as other:
        assert ids(other, animals(other)) == ALL


@covers("client")
def test_a_client_goes_through_a_proxy(client, kind):
    """One that is not there."""
    with pytest.warns(DeprecationWarning), another(
            kind, client, proxy="http://127.0.0.1:9", retry_enabled=False) as other:
        with pytest.raises(httpx.ConnectError):
            ids(other, animals(other))


class Busy:
    """Answers 503 once before it goes on to the daemon."""

    def __init__(self):
        self.count = 0
        self.retries = []

    def refuse(self, request):
        self.count += 1
        self.retries.append(request.headers.get("X-Retry-Count"))
        return httpx.Response(503, json={"code": "MD503", "message": "busy", "hint": None, "details": None}) \
            if self.count == 1 else None


class BusyTransport(Busy, httpx.HTTPTransport):
    def __init__(self):
        Busy.__init__(self)
        httpx.HTTPTransport.__init__(self)

    def handle_request(self, request):
        return self.refuse(request) or httpx.HTTPTransport.handle_request(self, request)


class BusyAsyncTransport(Busy, httpx.AsyncHTTPTransport):
    def __init__(self):
        Busy.__init__(self)
        httpx.AsyncHTTPTransport.__init__(self)

    async def handle_async_request(self, request):
        return self.refuse(request) or await httpx.AsyncHTTPTransport.handle_async_request(self, request)


@covers("client")
@pytest.mark.parametrize("always, now", [(True, None), (False, None), (True, False), (False, True)])
def test_a_read_is_sent_again_when_the_daemon_is_busy(client, kind, always, now):
    """As the client says, or the query."""
    transport = BusyAsyncTransport() if kind == "Async" else BusyTransport()
    own = (httpx.AsyncClient if kind == "Async" else httpx.Client)(base_url=URL, transport=transport)
    with another(kind, client, http_client=own, retry_enabled=always) as other:
        query = animals(other).order("id")
        if now is not None:
            query = query.retry(now)
        if always if now is None else now:
            assert other.column(query) == ALL
            assert transport.retries == [None, "1"]
        else:
            other.refused(query, "MD503")
            assert transport.retries == [None]


@covers("auth")
def test_passwords_are_refused_and_never_ignored(client, kind):
    with another(kind, client) as stranger:
        stranger.db.auth(None, username="ann", password="secret")
        stranger.refused(animals(stranger), "PGRST300")


# --- reading ---------------------------------------------------------------------------------------

@covers("order")
def test_embedded_rows_are_ordered_with_nulls_where_they_shall_be(client):
    def weights(nullsfirst):
        rows = client.data(client.table("visitor").select("animal(id)").eq("id", 1)
                           .order("weight", desc=True, nullsfirst=nullsfirst, foreign_table="animal"))
        return [row["id"] for row in rows[0]["animal"]]
    assert weights(True) == weights(False) == [1, 2]
    assert client.column(animals(client).order("weight", nullsfirst=False)) == [4, 2, 3, 1, 5]


@covers("explain", "execute")
@pytest.mark.parametrize("option", ["analyze", "verbose", "settings", "buffers", "wal"])
def test_plans_are_refused_with_every_option(client, option):
    for form in ("text", "json"):
        client.refused(animals(client).explain(**{option: True}, format=form), "PGRST107")


@covers("rpc")
@pytest.mark.parametrize("count", list(CountMethod))
def test_functions_are_refused_with_every_option(client, count):
    client.refused(client.db.rpc("feed", {"tags": ["a", "b"]}, count=count, get=True), "PGRST125")
    with pytest.raises(Exception, match=r"404|PGRST125|JSON could not"):
        client.run(client.db.rpc("feed", {"id": 1}, head=True))


@covers("in_", "eq", "contains", "match")
@pytest.mark.parametrize("value", ["", " ", "%", "*", "\\", ")", "(", '"', "'", "é😀", "null", "\u0001", "a,b"])
def test_values_are_found_whatever_signs_they_have(client, tickets, value):
    client.data(client.table("ticket").insert({"id": 8, "note": value}))
    table = client.table("ticket")
    assert client.column(table.select("id").in_("note", ["x", value])) == [8]
    assert client.column(table.select("id").eq("note", value)) == [8]
    assert client.column(table.select("id").match({"note": value, "id": 8})) == [8]
    assert client.column(animals(client).contains("tags", [value])) == []


# --- writing ---------------------------------------------------------------------------------------

@covers("insert", "upsert", "update", "delete")
@pytest.mark.parametrize("count", list(CountMethod))
@pytest.mark.parametrize("returning", list(ReturnMethod))
def test_writes_count_and_return_in_every_way(client, tickets, count, returning):
    options = {"count": count, "returning": returning}

    def table():
        return client.table("ticket")
    answers = [client.run(query) for query in (
        table().insert([{"id": 4, "seats": 1}, {"id": 5, "seats": 1}], **options),
        table().upsert([{"id": 5, "seats": 2}, {"id": 6, "seats": 2}], **options),
        table().update({"note": "x"}, **options).gte("id", 4), table().delete(**options).gte("id", 4))]
    if count == CountMethod.exact:
        assert [answer.count for answer in answers] == [2, 2, 3, 3]
    rows = [len(answer.data) for answer in answers]
    assert rows == ([2, 2, 3, 3] if returning == ReturnMethod.representation else [0, 0, 0, 0])
    assert client.data(table().select().order("id")) == TICKETS


@covers("upsert")
def test_rows_are_upserted_on_a_key_of_two_columns(client):
    row = {"animal_id": 1, "visitor_id": 1}
    table = client.table("visit")
    on = {"on_conflict": "animal_id,visitor_id"}
    assert client.data(table.upsert([row], ignore_duplicates=True, **on)) == []
    assert client.data(table.upsert([row], ignore_duplicates=False, **on)) == [row]
    assert len(client.data(table.select())) == 3


@covers("upsert")
def test_what_rows_lack_is_null_or_the_default(client, tickets):
    rows = [{"code": "a", "note": "x", "seats": 1}, {"code": "q", "seats": 1, "price": 3}]

    def prices(default_to_null):
        client.data(client.table("ticket").upsert(rows, on_conflict="code", default_to_null=default_to_null))
        return client.column(client.table("ticket").select("price").in_("code", ["a", "q"]).order("code"), "price")
    assert prices(False) == [5, 3]
    assert prices(True) == [None, 3]


@covers("insert", "select")
def test_bytes_and_large_integers_are_written(client, tickets):
    made = client.data(client.table("ticket").insert({"id": 4, "price": 9007199254740993, "note": b"\x00\xff"})
                       .select("id", "price::text", "note"))
    assert made == [{"id": 4, "price": "9007199254740993", "note": "\\x00ff"}]
