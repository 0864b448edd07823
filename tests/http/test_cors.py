"""Cross-origin requests of browsers: everybody without a list of origins, the listed ones with it."""
import pytest

from conftest import LIBRARY
from harness import Modeld

EXPOSED = ("Content-Encoding, Content-Location, Content-Range, Content-Type, Date, Location, Server, "
           "Transfer-Encoding, Range-Unit")
OURS = "Accept-Query, ETag, Link, Preference-Applied, Proxy-Status, Retry-After"
PAGE = "http://app.example"


@pytest.fixture(scope="module")
def listed(engine, tmp_path_factory):
    """A daemon with a list of origins."""
    folder = tmp_path_factory.mktemp("cors")
    db = engine.database(folder, LIBRARY, "cors.db")
    server = Modeld(db.url, folder=folder, settings={
        "server-cors-allowed-origins": "http://one.example, https://two.example:8443"})
    yield server
    server.stop()
    db.drop()


def preflight(server, origin, method="GET", headers=None, target="/book"):
    more = {} if headers is None else {"Access_Control_Request_Headers": headers}
    return server.options(target, Origin=origin, Access_Control_Request_Method=method, **more)


def cross_origin(response):
    """The headers that are about it."""
    return [name for name in response.headers if name.startswith("Access-Control")]


def test_any_origin_may_read(library):
    response = library.get("/genre", Origin=PAGE)
    assert response.header("Access-Control-Allow-Origin") == "*"
    assert response.header("Access-Control-Allow-Credentials") is None
    assert response.header("Vary") == "Accept, Prefer, Range"


def test_a_preflight_is_answered(library):
    response = preflight(library, PAGE, "POST", "Prefer, X-Own")
    assert (response.status, response.body) == (200, b"")
    assert response.header("Access-Control-Allow-Origin") == "*"
    assert response.header("Access-Control-Allow-Methods") == (
        "GET, POST, PATCH, PUT, DELETE, OPTIONS, HEAD")
    assert response.header("Access-Control-Allow-Headers") == (
        "Authorization, Prefer, X-Own, Accept, Accept-Language, Content-Language")
    assert response.header("Access-Control-Max-Age") == "86400"
    assert response.header("Access-Control-Expose-Headers") is None


def test_a_preflight_for_query_is_told_that_it_exists(library):
    methods = preflight(library, PAGE, "QUERY").header("Access-Control-Allow-Methods")
    assert methods == "GET, POST, PATCH, PUT, DELETE, OPTIONS, HEAD, QUERY"


@pytest.mark.parametrize("target", ["/", "/book/1", "/book/1/genre", "/nowhere", "/-/live"])
def test_a_preflight_is_answered_for_any_path(library, target):
    response = preflight(library, PAGE, target=target)
    assert (response.status, response.header("Access-Control-Max-Age")) == (200, "86400")


@pytest.mark.parametrize("asked, allowed", [
    (None, ""), ("", ""), (" , ,", ""), ("a,b", "a, b, "), ("a b, c", "c, "), ("x:y", ""),
    ('"', ""), ("Content-Type,,Range", "Content-Type, Range, ")])
def test_only_names_of_headers_come_back_from_a_preflight(library, asked, allowed):
    response = preflight(library, PAGE, headers=asked)
    assert response.header("Access-Control-Allow-Headers") == (
        f"Authorization, {allowed}Accept, Accept-Language, Content-Language")


def test_response_headers_are_exposed_to_scripts(library):
    response = library.get("/genre", Origin=PAGE)
    assert response.headers.get_all("Access-Control-Expose-Headers") == [EXPOSED]


def test_headers_of_our_own_are_exposed_where_they_are(library):
    for target, prefer in (("/genre", "count=exact"), ("/genre?limit=1", ""), ("/genre/1", "")):
        response = library.get(target, Origin=PAGE, Prefer=prefer)
        assert response.headers.get_all("Access-Control-Expose-Headers") == [EXPOSED, OURS], target


def test_without_origin_nothing_is_said(library):
    assert cross_origin(library.get("/genre")) == []


@pytest.mark.parametrize("origin", ["http://one.example", "https://two.example:8443"])
def test_a_listed_origin_may_read_with_credentials(listed, origin):
    response = listed.get("/genre", Origin=origin)
    assert response.header("Access-Control-Allow-Origin") == origin
    assert response.header("Access-Control-Allow-Credentials") == "true"
    assert response.header("Access-Control-Expose-Headers") == EXPOSED
    assert response.header("Vary") == "Accept, Prefer, Range, Origin"


@pytest.mark.parametrize("origin", [
    PAGE, "null", "*", "https://one.example", "http://one.example:80", "http://one.example.evil",
    "http://one.example/", "http://ONE.example", "http://one.example, https://two.example:8443"])
def test_an_origin_that_is_not_listed_is_told_nothing(listed, origin):
    for response in (listed.get("/genre", Origin=origin), preflight(listed, origin)):
        assert response.status == 200
        assert cross_origin(response) == []
        assert response.header("Vary") == "Accept, Prefer, Range, Origin"


def test_a_listed_origin_gets_a_preflight(listed):
    response = preflight(listed, "http://one.example", "PATCH", "Content-Type")
    assert response.status == 200
    assert response.header("Access-Control-Allow-Origin") == "http://one.example"
    assert response.header("Access-Control-Allow-Credentials") == "true"
    assert "PATCH" in response.header("Access-Control-Allow-Methods")
    assert "Content-Type" in response.header("Access-Control-Allow-Headers")


def test_answers_vary_by_origin_also_without_one(listed):
    assert listed.get("/genre").header("Vary") == "Accept, Prefer, Range, Origin"
    assert listed.options("/genre").header("Access-Control-Allow-Origin") is None


def test_errors_can_be_read_by_scripts(library, listed):
    assert library.get("/nowhere", Origin=PAGE).header("Access-Control-Allow-Origin") == "*"
    error = listed.get("/book?id=eq.x", Origin="http://one.example")
    assert error.status == 400
    assert error.header("Access-Control-Allow-Origin") == "http://one.example"
    assert error.headers.get_all("Access-Control-Expose-Headers") == [EXPOSED, OURS]
