"""Queries in a body: QUERY /{relation} and POST /-/query/{relation} ask what GET asks."""
import json
import urllib.parse

import pytest

from harness import dashed

FORM = "application/x-www-form-urlencoded"
JSON = "application/json"
TYPES = "application/x-www-form-urlencoded, application/json"


def by_method(server, relation, body, type_, **headers):
    return server.request("QUERY", relation, {"Content-Type": type_, **dashed(headers)}, body)


def by_route(server, relation, body, type_, **headers):
    return server.request("POST", "/-/query" + relation, {"Content-Type": type_, **dashed(headers)},
                          body)


@pytest.fixture(params=[by_method, by_route], ids=["QUERY", "POST"])
def ask(request):
    """Ask in a body: ask(server, relation, body, type, headers)."""
    return request.param


def forms(parameters):
    """The same parameters in each form that a body may have."""
    pairs = urllib.parse.parse_qsl(parameters, keep_blank_values=True)
    document = {}
    for name, value in pairs:
        document.setdefault(name, []).append(value)
    short = {name: values[0] if len(values) == 1 else values for name, values in document.items()}
    return [(parameters, FORM), (urllib.parse.urlencode(pairs), FORM + "; charset=utf-8"),
            (json.dumps(short), JSON), (json.dumps(document, ensure_ascii=False), JSON)]


@pytest.mark.parametrize("parameters", [
    "", "id=eq.2", "select=id,title&order=id.desc&limit=2", "id=gt.1&id=lt.4&order=id",
    "or=(id.eq.1,title.like.*h*)&order=id&select=id", "select=id,publisher(name)&order=id",
    "select=id&publisher.id=eq.1&publisher=not.is.null&select=id,publisher()&order=id",
    "title=eq.100%25%20Wool_en", "order=id&offset=2&limit=1", "title=in.(%22a,b%22,%22The Quiet Harbour%22)",
])
def test_a_query_answers_what_get_answers(library, ask, parameters):
    get = library.get("/book?" + parameters)
    for body, type_ in forms(parameters):
        response = ask(library, "/book", body.encode(), type_)
        assert (response.status, response.body) == (get.status, get.body), (body, type_)
        for name in ("Content-Type", "Content-Range", "Content-Location", "Vary"):
            assert response.header(name) == get.header(name), (name, body)
        assert bool(response.header("Link")) == bool(get.header("Link"))


def test_a_query_has_a_next_page_for_get(library, ask):
    response = ask(library, "/book", b'{"limit": 2, "order": "id", "select": "id"}', JSON)
    assert response.header("Link") == '</book?order=id&select=id&limit=2&offset=2>; rel="next"'
    assert library.rows("/book?order=id&select=id&limit=2&offset=2") == [{"id": 3}, {"id": 4}]


@pytest.mark.parametrize("headers", [
    {"Prefer": "count=exact"}, {"Prefer": "handling=strict, x"}, {"Range": "1-2"},
    {"Accept": "application/vnd.pgrst.object+json"}, {"Accept": "image/png"},
    {"Accept_Profile": "nothing"}, {"Accept_Profile": "public"}])
def test_headers_mean_the_same_as_in_a_get(library, ask, headers):
    get = library.get("/book?order=id&id=lt.4", **headers)
    response = ask(library, "/book", b"order=id&id=lt.4", FORM, **headers)
    assert (response.status, response.body) == (get.status, get.body)
    for name in ("Content-Type", "Content-Range", "Preference-Applied"):
        assert response.header(name) == get.header(name)


@pytest.mark.parametrize("parameters", ["id=eq.x", "select=nothing", "nothing=eq.1", "limit=-1",
                                        "order=id.up", "select=author(*)", "offset=100&id=gt.0"])
def test_errors_are_those_of_get(library, ask, parameters):
    get = library.get("/book?" + parameters, Prefer="count=exact")
    assert get.status >= 300
    for body, type_ in forms(parameters):
        response = ask(library, "/book", body.encode(), type_, Prefer="count=exact")
        assert (response.status, response.json) == (get.status, get.json)


def test_a_body_may_be_longer_than_any_target(library, ask):
    numbers = ",".join(f"{number:010}" for number in range(900))
    assert library.get(f"/book?select=id&id=in.({numbers})").status == 414
    response = ask(library, "/book", f"select=id&order=id&id=in.({numbers})".encode(), FORM)
    assert [row["id"] for row in response.json] == [1, 2, 3, 4, 5]
    assert response.header("Content-Location") is None


def test_limits_of_queries_hold(library, ask):
    many = "&".join("id=gt.0" for _ in range(2000))
    response = ask(library, "/book", many.encode(), FORM)
    assert (response.status, response.json["code"]) == (400, "MD414")
    response = ask(library, "/book", json.dumps({"id": ["gt.0"] * 2000}).encode(), JSON)
    assert (response.status, response.json["code"]) == (400, "MD414")


def test_a_body_over_the_limit_is_413(serve, ask):
    server = serve(body="1000")
    response = ask(server, "/book", b"title=eq." + b"x" * 1000, FORM)
    assert (response.status, response.json["code"]) == (413, "MD413")


def test_parameters_of_the_target_count_too(library, ask):
    response = ask(library, "/book?select=id&order=id", b"id=lt.3", FORM)
    assert response.json == [{"id": 1}, {"id": 2}]
    assert response.header("Content-Location") == "/book?id=lt.3&order=id&select=id"


def test_numbers_and_truth_values_are_texts_too(library, ask):
    response = ask(library, "/book", b'{"limit": 1, "offset": 2, "order": "id", "select": ["id"]}', JSON)
    assert response.json == [{"id": 3}]


def test_json_behind_the_type_of_a_form_is_json(library, ask):
    """That is what curl -d sends; as a form it would be a query for everything."""
    assert ask(library, "/book", b' {"id": "eq.1", "select": "id"}', FORM).json == [{"id": 1}]


@pytest.mark.parametrize("body", [b"", b"[]", b"1", b'"x"', b"null", b"{", b'{"id":}', b'[{"id":"eq.1"}]',
                                  b'{"id":"eq.1"} x', b'{"id":"eq.1","id":"eq.2"}', b'{"id":null}',
                                  b'{"id":{"eq":1}}', b'{"id":["eq.1",2]}', b'{"id":[["eq.1"]]}'])
def test_what_is_no_object_of_texts_is_400(library, ask, body):
    response = ask(library, "/book", body, JSON)
    assert (response.status, response.json["code"]) == (400, "PGRST102"), response


@pytest.mark.parametrize("body, type_", [(b"id=eq.%00", FORM), (b"id=eq.%ff", FORM), (b"id=eq.\xff", FORM),
                                         (b'{"id":"\xff"}', JSON), (b'{"id":"\\u0000"}', JSON)])
def test_bytes_that_are_no_text_are_400(library, ask, body, type_):
    assert ask(library, "/book", body, type_).status == 400


@pytest.mark.parametrize("type_", ["text/csv", "application/x-ndjson", "text/plain", "application/sql",
                                   "multipart/form-data"])
def test_another_type_is_415_and_told_which_there_are(library, ask, type_):
    response = ask(library, "/book", b"id=eq.1", type_)
    assert (response.status, response.json["code"]) == (415, "MD415")
    assert response.header("Accept-Query") == TYPES


def test_a_query_without_a_type_is_400(library):
    for method, target in (("QUERY", "/book"), ("POST", "/-/query/book")):
        response = library.request(method, target, {}, b"id=eq.1")
        assert (response.status, response.json["code"]) == (400, "MD400")


def test_an_unknown_relation_is_404(library, ask):
    response = ask(library, "/boook", b"", FORM)
    assert (response.status, response.json["code"]) == (404, "PGRST205")


def test_a_relation_of_any_name_can_be_asked(library, ask):
    response = ask(library, "/reading%20room", b"select=a.b&limit=0", FORM)
    assert response.status == 400 or response.json == []
    response = ask(library, "/reading%20room", b"limit=0", FORM)
    assert response.header("Content-Location") == "/reading%20room?limit=0"


@pytest.mark.parametrize("target", ["/book/1", "/book/1/publisher", "/", "/-/models", "/-/query/book"])
def test_query_is_about_relations(library, target):
    response = library.request("QUERY", target, {"Content-Type": FORM}, b"")
    assert (response.status, response.json["code"]) == (405, "PGRST117")


@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE"])
def test_the_route_takes_post_only(library, method):
    response = library.request(method, "/-/query/book", {"Content-Type": FORM}, b"")
    assert (response.status, response.header("Allow")) == (405, "OPTIONS,POST")


def test_options_tells_of_query(library):
    response = library.options("/book")
    assert "QUERY" not in response.header("Allow")  # that is PostgREST's
    assert response.header("Accept-Query") == TYPES
    response = library.options("/-/query/book")
    assert (response.header("Allow"), response.header("Accept-Query")) == ("OPTIONS,POST", TYPES)
    assert library.options("/book/1").header("Accept-Query") is None


@pytest.mark.parametrize("body", [b'{"id": 77, "name": "new"}', b'[{"id": 77, "name": "new"}]',
                                  b"id=77&name=new"])
def test_a_query_writes_nothing(shop, ask, body):
    for type_ in (FORM, JSON):
        ask(shop, "/maker", body, type_, Prefer="return=representation, resolution=merge-duplicates")
    assert len(shop.rows("/maker")) == 2
    assert shop.get("/maker/77").status == 404


def test_a_view_that_nobody_writes_can_be_asked(shop, ask):
    assert ask(shop, "/price_list", b"limit=1", FORM).status == 200


def test_a_long_answer_to_a_query_is_streamed(serve, database, ask):
    server = serve(database("""CREATE TABLE line (id INTEGER PRIMARY KEY, words TEXT);
        INSERT INTO line WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 4000)
            SELECT i, 'a line with some words in it' FROM n;"""), stream_threshold="64kB",
                   stream_piece="16kB")
    response = ask(server, "/line", b"order=id", FORM)
    assert response.status == 200 and len(response.json) == 4000
    assert response.header("Content-Length") is None


def test_neighbours_of_a_query_are_in_step(library):
    """Its body ends where it ends."""
    query = (b"QUERY /genre HTTP/1.1\r\nHost: localhost\r\nContent-Type: " + FORM.encode()
             + b"\r\nContent-Length: 7\r\n\r\nid=eq.1")
    get = b"GET /genre?id=eq.2 HTTP/1.1\r\nHost: localhost\r\n"
    data = library.raw(query + get + b"\r\n" + query + get + b"Connection: close\r\n\r\n")
    assert [data.count(word) for word in (b"HTTP/1.1 200", b"novel", b"music")] == [4, 2, 2]
