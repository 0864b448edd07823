"""Pages: limit and offset, the Range header, Content-Range, counts, 206 and 416, db-max-rows."""
import pytest


@pytest.mark.parametrize("query, ids, range_", [
    ("limit=2", [1, 2], "0-1/*"),
    ("limit=2&offset=1", [2, 3], "1-2/*"),
    ("offset=3", [4, 5], "3-4/*"),
    ("limit=9", [1, 2, 3, 4, 5], "0-4/*"),
    ("limit=0", [], "*/*"),
    ("offset=0", [1, 2, 3, 4, 5], "0-4/*"),
    ("offset=5", [], "*/*"),
    ("offset=-2", [1, 2, 3, 4, 5], "0-4/*"),
])
def test_limit_and_offset_choose_a_page(library, query, ids, range_):
    response = library.get(f"/book?order=id&select=id&{query}")
    assert response.status == 200
    assert [row["id"] for row in response.json] == ids
    assert response.header("Content-Range") == range_


@pytest.mark.parametrize("value, ids, range_", [
    ("0-1", [1, 2], "0-1/*"),
    ("1-2", [2, 3], "1-2/*"),
    ("3-", [4, 5], "3-4/*"),
    ("0-99", [1, 2, 3, 4, 5], "0-4/*"),
    ("nonsense", [1, 2, 3, 4, 5], "0-4/*"),
])
def test_a_range_header_chooses_a_page(library, value, ids, range_):
    response = library.get("/book?order=id", Range_Unit="items", Range=value)
    assert response.status == 200
    assert [row["id"] for row in response.json] == ids
    assert response.header("Content-Range") == range_


def test_range_and_limit_meet(library):
    response = library.get("/book?order=id&limit=2&offset=1", Range="0-9")
    assert [row["id"] for row in response.json] == [2, 3]


def test_an_exact_count_stands_after_the_slash(library):
    response = library.get("/book", Prefer="count=exact")
    assert (response.status, response.header("Content-Range")) == (200, "0-4/5")
    assert response.header("Preference-Applied") == "count=exact"


def test_a_page_of_a_counted_list_is_206(library):
    response = library.get("/book?limit=2", Prefer="count=exact")
    assert (response.status, response.header("Content-Range")) == (206, "0-1/5")


def test_the_count_heeds_the_filters(library):
    response = library.get("/book?pages=gt.200&limit=1", Prefer="count=exact")
    assert response.header("Content-Range") == "0-0/3"


@pytest.mark.parametrize("kind", ["planned", "estimated"])
def test_a_planned_or_estimated_count_is_a_number(library, kind):
    response = library.get("/book", Prefer=f"count={kind}")
    assert response.status in (200, 206)
    assert response.header("Content-Range").split("/")[1].isdigit()


def test_no_rows_with_a_count(library):
    response = library.get("/vacancy", Prefer="count=exact")
    assert (response.status, response.header("Content-Range")) == (200, "*/0")


def test_an_offset_beyond_a_counted_end_is_416(library):
    response = library.get("/book?offset=100", Prefer="count=exact")
    assert response.status == 416
    assert response.header("Content-Range") == "*/5"
    assert response.json == {
        "code": "PGRST103", "message": "Requested range not satisfiable", "hint": None,
        "details": "An offset of 100 was requested, but there are only 5 rows."}


def test_an_offset_beyond_the_end_without_a_count_is_an_empty_page(library):
    response = library.get("/book?offset=100")
    assert (response.status, response.body) == (200, b"[]")


def test_a_negative_limit_is_416(library):
    error = library.error("/book?limit=-1", 416, "PGRST103")
    assert error["details"] == "Limit should be greater than or equal to zero."


def test_a_range_that_ends_before_it_begins_is_416(library):
    error = library.error("/book", 416, "PGRST103", Range="5-2")
    assert error["details"] == (
        "The lower boundary must be lower than or equal to the upper boundary in the Range header.")


@pytest.mark.parametrize("query", ["limit=two", "offset=x", "limit=", "limit=1.5",
                                   "limit=99999999999999999999999"])
def test_a_limit_that_is_no_number_is_refused_or_ignored_and_never_a_fault(library, query):
    assert library.get(f"/book?{query}").status in (200, 400, 416)


def test_the_largest_offset_is_no_fault(library):
    assert library.get("/book?offset=9223372036854775807&limit=9223372036854775807").status == 200


def test_max_rows_caps_a_page(serve):
    server = serve(db_max_rows=2)
    response = server.get("/book?order=id")
    assert [row["id"] for row in response.json] == [1, 2]
    assert response.header("Content-Range") == "0-1/*"


def test_the_last_page_is_partial_too(library):
    response = library.get("/book?order=id&limit=3&offset=3", Prefer="count=exact")
    assert (response.status, response.header("Content-Range")) == (206, "3-4/5")
    response = library.get("/book?offset=5", Prefer="count=exact")
    assert (response.status, response.header("Content-Range")) == (206, "*/5")
    library.error("/book?offset=6", 416, "PGRST103", Prefer="count=exact")


def test_max_rows_caps_what_limit_asks_for(serve):
    assert serve(db_max_rows=2).column("/book?order=id&limit=4") == [1, 2]


@pytest.mark.parametrize("limit, ids", [
    ("", [1]), ("&book.limit=2", [1]), ("&book.limit=1", [1]), ("&book.limit=0", []),
    ("&book.limit=9&book.offset=1", [2])])
def test_max_rows_caps_embeds(serve, limit, ids):
    server = serve(db_max_rows=1)
    assert server.rows(f"/publisher?id=eq.1&select=id,book(id)&book.order=id{limit}") == [
        {"id": 1, "book": [{"id": number} for number in ids]}]


def test_a_count_beyond_max_rows_is_exact(serve):
    response = serve(db_max_rows=2).get("/book", Prefer="count=exact")
    assert (response.status, response.header("Content-Range")) == (206, "0-1/5")


@pytest.mark.parametrize("target, rows, range_", [
    ("/publisher/1/book?order=id&select=id", [{"id": 1}], "0-0/2"),
    ("/book?order=id&select=id&offset=1", [{"id": 2}], "1-1/5"),
    ("/book?order=id&select=id&limit=0", [], "*/5"),
    ("/book?order=id&select=id&id=gt.4", [{"id": 5}], "0-0/1"),
    ("/book/2?select=id,publisher(book(id))&publisher.book.order=id",
     {"id": 2, "publisher": {"book": [{"id": 1}]}}, None)])
def test_max_rows_caps_every_list_and_counts_on(serve, target, rows, range_):
    response = serve(db_max_rows=1).get(target, Prefer="count=exact")
    assert (response.json, response.header("Content-Range")) == (rows, range_)


def test_max_rows_and_a_range_header_meet(serve):
    response = serve(db_max_rows=2).get("/book?order=id&select=id", Range="1-3")
    assert (response.json, response.header("Content-Range")) == ([{"id": 2}, {"id": 3}], "1-2/*")


def test_max_rows_does_not_cap_what_a_write_gives_back(serve, database):
    server = serve(database("CREATE TABLE t (id INTEGER PRIMARY KEY)"), db_max_rows=2)
    response = server.post("/t", [{"id": number} for number in range(5)],
                           Prefer="return=representation")
    assert (response.status, len(response.json)) == (201, 5)
    assert len(server.delete("/t?id=gte.0", Prefer="return=representation").json) == 5


@pytest.mark.parametrize("rows, total", [(1, "1"), (2, "2"), (3, "3")])
def test_an_estimated_count_is_exact_up_to_max_rows(serve, database, rows, total):
    server = serve(database("CREATE TABLE t (id INTEGER PRIMARY KEY)"), db_max_rows=3)
    server.post("/t", [{"id": number} for number in range(rows)])
    response = server.get("/t", Prefer="count=estimated")
    assert response.header("Content-Range") == f"0-{rows - 1}/{total}"


@pytest.mark.sqlite("PostgreSQL has an estimate, this engine none")
def test_an_estimated_count_without_an_estimate_is_exact(serve, database):
    server = serve(database("CREATE TABLE t (id INTEGER PRIMARY KEY)"), db_max_rows=2)
    server.post("/t", [{"id": number} for number in range(7)])
    response = server.get("/t", Prefer="count=estimated")
    assert (response.status, response.header("Content-Range")) == (206, "0-1/7")


@pytest.mark.parametrize("query, range_", [
    ("limit=1&offset=3", "0-2"), ("limit=1", "1-3"), ("limit=2&offset=1", "3-9")])
def test_a_range_header_that_has_nothing_of_limit_and_offset_is_416(library, query, range_):
    error = library.error(f"/book?{query}", 416, "PGRST103", Range=range_)
    assert error["details"] == "The Range header and limit and offset have no row in common."


@pytest.mark.parametrize("query, headers", [
    ("limit=0", {}), ("limit=0&offset=9", {}), ("limit=0", {"Range": "2-3"})])
def test_no_rows_can_be_asked_for_wherever_they_would_begin(library, query, headers):
    response = library.get(f"/book?{query}", Prefer="count=exact", **headers)
    assert (response.status, response.json) == (206, [])
    assert response.header("Content-Range") == "*/5"


@pytest.mark.parametrize("target", [
    "/publisher?select=id,book(id)&book.{}", "/book?select=id,publisher(name)&publisher.{}",
    "/book?select=id,...publisher(name)&publisher.{}"])
def test_a_negative_limit_or_offset_of_an_embed_is_refused(library, target):
    library.error(target.format("limit=-1"), 400, "2201W")
    library.error(target.format("offset=-1"), 400, "2201X")


# --- Link -----------------------------------------------------------------------------------------

def next_of(response):
    """The target of rel="next"; None when there is none."""
    link = response.header("Link")
    if link is None:
        return None
    assert link.startswith("<") and link.endswith('>; rel="next"'), link
    return link[1:link.index(">")]


@pytest.mark.parametrize("target, next_", [
    ("/book?limit=2", "/book?limit=2&offset=2"),
    ("/book?select=id&limit=2&order=id&offset=1", "/book?select=id&order=id&limit=2&offset=3"),
    ("/book?limit=5", "/book?limit=5&offset=5"),
    ("/book?limit=6", None),
    ("/book?limit=2&offset=4", None),
    ("/book?limit=0", None),
    ("/book", None),
    ("/book/1?limit=1", None),
    ("/publisher/1/book?limit=1&order=id", "/publisher/1/book?order=id&limit=1&offset=1"),
    ("/book?title=like.*%25*&limit=1", "/book?title=like.*%25*&limit=1&offset=1"),
    ("/book?title=neq.%C3%A9%3E%22%3C+%26%3B&limit=1",
     "/book?title=neq.%C3%A9%3E%22%3C+%26%3B&limit=1&offset=1"),
    ("/book?select=id,publisher(id)&publisher.limit=1&limit=1",
     "/book?select=id,publisher(id)&publisher.limit=1&limit=1&offset=1"),
    ("/reading%20room?limit=1", "/reading%20room?limit=1&offset=1"),
])
def test_a_full_page_links_to_the_next_one(library, target, next_):
    for response in (library.get(target), library.head(target)):
        assert response.status == 200
        assert next_of(response) == next_


def test_following_the_links_meets_every_row_once(library):
    target, ids = "/book?select=id&order=id.desc&limit=2&id=gt.0", []
    while target:
        response = library.get(target)
        ids += [row["id"] for row in response.json]
        target = next_of(response)
    assert ids == [5, 4, 3, 2, 1]


@pytest.mark.parametrize("headers, next_", [
    ({"Range": "0-1"}, "/book?order=id&limit=2&offset=2"),
    ({"Range": "1-2"}, "/book?order=id&limit=2&offset=3"),
    ({"Range": "1-"}, None),
    ({"Range": "4-9"}, None)])
def test_a_page_of_a_range_header_has_a_next_one(library, headers, next_):
    assert next_of(library.get("/book?order=id", **headers)) == next_


def test_who_knows_the_number_of_rows_knows_the_last_page(library):
    assert next_of(library.get("/book?limit=3", Prefer="count=exact")) == "/book?limit=3&offset=3"
    assert next_of(library.get("/book?limit=3&offset=2", Prefer="count=exact")) is None
    assert next_of(library.get("/book?limit=5", Prefer="count=exact")) is None


def test_a_page_that_max_rows_cut_has_a_next_one(serve):
    server = serve(db_max_rows=2)
    assert next_of(server.get("/book?order=id")) == "/book?order=id&offset=2"
    assert next_of(server.get("/book?order=id&offset=2")) == "/book?order=id&offset=4"
    assert next_of(server.get("/book?order=id&offset=4")) is None
    assert next_of(server.get("/book?order=id&limit=3")) == "/book?order=id&limit=3&offset=2"


def test_errors_and_writes_have_no_next_page(shop):
    assert shop.get("/maker?limit=-1").header("Link") is None
    response = shop.patch("/maker?id=eq.1&limit=1", {"country": "x"}, Prefer="return=representation")
    assert response.header("Link") is None
