"""Requests that are alike share a plan; those that differ in what decides the SQL or the shape of
the answer must not, however little it is. Each pair is asked in turn on one connection: of one event
loop, which has one cache."""
import pytest

PAIRS = [
    ("/book?select=id&order=id", "/author?select=id&order=id"),
    ("/book?select=id&id=eq.2", "/book?select=id&publisher_id=eq.2"),
    ("/book?select=id&id=eq.2", "/book?select=id&id=gt.2"),
    ("/book?select=id&id=in.(1)", "/book?select=id&id=in.(1,2,3)"),
    ("/book?select=id&id=in.()", "/book?select=id&id=in.(1)"),
    ("/book?select=id&or=(id.eq.1,and(id.eq.2,pages.eq.1))",
     "/book?select=id&or=(id.eq.1,and(id.eq.2),pages.eq.95)"),
    ("/book?select=id,publisher(id)", "/book?select=id,copy(id)"),
    ("/book?select=*", "/book?select=id"), ("/book?select=id", "/book?select=id,title"),
    ("/book?select=id,publisher(id)&publisher.id=eq.1", "/book?select=id,publisher(id,name)"),
    ("/book?select=id,publisher(name,id)", "/book?select=id,publisher(name),publisher_id"),
    ("/book?select=id,cover()&cover=is.null", "/book?select=id,copy()&copy=is.null"),
    ("/book?select=id,publisher()&order=id.desc",
     "/book?select=id,publisher()&order=publisher(id).desc"),
    ("/book?select=id&order=id", "/book?select=id&order=title"),
    ("/book?select=id&order=id&limit=1", "/book?select=id&order=id&limit=2"),
    ("/book/1?depth=0", "/book/1?depth=1"), ("/book/1?depth=1", "/book/1?depth=2"),
    ("/book/1/genre?select=id", "/book/1/copy?select=id"),
    ("/book/1/genre?select=id", "/book/1?select=id"),
    ("/book?select=id&limit=3", "/book?select=number:id&limit=3"),
    ("/book?select=id&limit=3", "/book?select=id::text&limit=3"),
    ("/book?select=id,publisher(name)", "/book?select=id,house:publisher(name)"),
    ("/book?select=id,house:publisher(name)", "/book?select=id,press:publisher(name)"),
    ("/publisher?select=id,book(id)", "/publisher?select=id,titles:book(id)"),
    ("/publisher?select=id,book(id)", "/publisher?select=id,book(n:id)"),
    ("/book?select=id,author!book_writer(name)", "/book?select=id,author!book_editor(name)"),
    ("/book?select=id,publisher(name)", "/book?select=id,publisher!inner(name)"),
    ("/book?select=id,publisher(name)", "/book?select=id,...publisher(name)"),
    ("/book?select=id,publisher(name)", "/book?select=id,publisher()"),
    ("/book?select=id&id=eq.1", "/book?select=id&id=not.eq.1"),
    ("/book?select=id&id=lt(any).{2,3}", "/book?select=id&id=lt(all).{2,3}"),
    ("/book?select=id&publisher_id=is.null", "/book?select=id&publisher_id=is.not_null"),
    ("/book?select=id&in_print=is.true", "/book?select=id&in_print=is.false"),
    ("/book?select=id&or=(id.eq.1,id.eq.2)", "/book?select=id&and=(id.eq.1,id.eq.2)"),
    ("/book?select=id&or=(id.eq.1,id.eq.2)", "/book?select=id&not.or=(id.eq.1,id.eq.2)"),
    ("/book?select=id&order=id.asc", "/book?select=id&order=id.desc"),
    ("/book?select=publisher_id&order=publisher_id.nullsfirst",
     "/book?select=publisher_id&order=publisher_id.nullslast"),
    ("/book?select=id,publisher(name)&order=publisher(name).desc,id",
     "/book?select=id,publisher(name)&order=id"),
    ("/publisher?select=id,book(id)&book.limit=1", "/publisher?select=id,book(id)&book.limit=2"),
    ("/publisher?select=id,book(id)&book.offset=1", "/publisher?select=id,book(id)"),
    ("/publisher?select=id,book(id)&book.id=gt.1", "/publisher?select=id,book(id)&id=gt.1"),
    ("/book?select=info->size&limit=9", "/book?select=info->>size&limit=9"),
    ("/book?select=info->tags->0&limit=9", "/book?select=info->tags->1&limit=9"),
]


AGGREGATES = [
    ("/book?select=x:pages.sum()", "/book?select=x:pages.max()"),
    ("/book?select=x:pages.sum()", "/book?select=x:pages"),
    ("/book?select=x:pages.sum()", "/book?select=x:pages.sum()::text"),
    ("/book?select=x:pages.max()", "/book?select=x:pages::text.max()"),
    ("/book?select=count()", "/book?select=id.count(),publisher_id"),
    ("/publisher?select=id,book(x:pages.min())", "/publisher?select=id,book(x:pages.avg())"),
    ("/book?select=...publisher(name),pages.sum()", "/book?select=publisher(name),pages.sum()"),
]
FORMS = [
    {}, {"Accept": "application/vnd.pgrst.array+json;nulls=stripped"}, {"Accept": "text/csv"},
    {"Accept": "application/x-ndjson"}, {"Prefer": "count=exact"}, {"Range": "0-1"},
    {"Range": "1-"}, {"Prefer": "count=exact", "Range": "1-1"},
]


def answer(server, target, headers=None):
    response = server.request("GET", target, headers)
    return response.status, response.body, response.header("Content-Range")


@pytest.mark.parametrize("one,other", PAIRS)
def test_plans_of_requests_that_differ_are_not_mistaken_for_one_another(library, one, other):
    first = answer(library, one)
    assert answer(library, other) != first
    assert answer(library, one) == first


@pytest.mark.parametrize("one,other", AGGREGATES)
def test_neither_are_those_with_aggregates(serve, one, other):
    server = serve(db_aggregates_enabled="true")
    first = answer(server, one)
    assert first[0] == 200
    assert answer(server, other) != first
    assert answer(server, one) == first


def test_neither_are_those_whose_headers_differ(library):
    target = "/book?select=id,publisher_id,publisher(name)&order=id"
    first = [answer(library, target, headers) for headers in FORMS]
    assert len(set(first)) == len(FORMS)
    assert [answer(library, target, headers) for headers in reversed(FORMS)] == first[::-1]
