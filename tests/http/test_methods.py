"""Methods and headers: HEAD, OPTIONS, other verbs, content negotiation, profiles."""
import re

import pytest

from conftest import LIBRARY
from harness import status_of


def test_head_is_get_without_a_body(library):
    get = library.get("/book?limit=2", Prefer="count=exact")
    head = library.head("/book?limit=2", Prefer="count=exact")
    assert (head.status, head.body) == (get.status, b"")
    for name in ["Content-Range", "Content-Type", "Content-Location", "Preference-Applied"]:
        assert head.header(name) == get.header(name)


def test_head_tells_the_length_of_the_body(library):
    assert library.head("/book").header("Content-Length") == str(len(library.get("/book").body))


def test_head_of_a_missing_table_has_no_body(library):
    head = library.head("/nowhere")
    assert (head.status, head.body) == (404, b"")


def test_head_keeps_the_connection_in_step(library):
    for _ in range(3):
        assert library.head("/book").status == 200
        assert library.get("/genre?id=eq.1").json == [{"id": 1, "name": "novel"}]


@pytest.mark.parametrize("target", ["/book/1", "/book/99", "/book/1/genre", "/", "/-/live",
                                    "/-/models", "/book?id=eq.two", "/book?select=nothing"])
def test_head_has_the_headers_of_get_and_no_body(library, target):
    get, head = library.get(target), library.head(target)
    assert (head.status, head.body) == (get.status, b"")
    for name in (set(get.headers) | set(head.headers)) - {"Date"}:
        assert head.header(name) == get.header(name), name


def test_nothing_follows_the_header_of_an_answer_to_head(library):
    data = library.raw(b"HEAD /book HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
    head, body = data.split(b"\r\n\r\n", 1)
    assert head.startswith(b"HTTP/1.1 200") and body == b""
    assert b"transfer-encoding" not in head.lower()


@pytest.mark.parametrize("target, methods", [
    ("/book", "OPTIONS,GET,HEAD,POST,PUT,PATCH,DELETE"),
    ("/visit", "OPTIONS,GET,HEAD,POST,PATCH,DELETE"),
    ("/book/1", "OPTIONS,GET,HEAD,PUT,PATCH,DELETE"),
    ("/book/1/publisher", "OPTIONS,GET,HEAD,PUT"),
    ("/", "OPTIONS,GET,HEAD"),
    ("/-/live", "OPTIONS,GET,HEAD"),
    ("/-/ready", "OPTIONS,GET,HEAD"),
    ("/-/models", "OPTIONS,GET,HEAD"),
    ("/-/models/book", "OPTIONS,GET,HEAD"),
])
def test_options_lists_the_methods(library, target, methods):
    response = library.options(target)
    assert (response.status, response.body) == (200, b"")
    assert response.header("Allow") == methods
    assert response.header("Content-Length") == "0"
    assert response.header("Access-Control-Allow-Origin") == "*"


@pytest.mark.parametrize("target, methods", [
    ("/cheap_toy", "OPTIONS,GET,HEAD,POST,PUT,PATCH,DELETE"),
    ("/inbox", "OPTIONS,GET,HEAD,POST"),
    ("/price_list", "OPTIONS,GET,HEAD"),
    ("/toy_tag", "OPTIONS,GET,HEAD,POST,PUT,PATCH,DELETE"),
])
def test_options_of_a_view_lists_what_it_can_take(shop, target, methods):
    assert shop.options(target).header("Allow") == methods


def test_options_of_a_declared_model_that_is_read_only(serve, fresh, tmp_path):
    (tmp_path / "m.json").write_text("""{"version": 1, "models": {"fixed": {"read_only": true,
        "fields": {"name": "string"}}}}""")
    server = serve(fresh, "--models", str(tmp_path / "m.json"))
    assert server.options("/fixed").header("Allow") == "OPTIONS,GET,HEAD"
    assert server.options("/fixed/1").header("Allow") == "OPTIONS,GET,HEAD"
    assert server.post("/fixed", {"name": "x"}).header("Allow") == "OPTIONS,GET,HEAD"


@pytest.mark.parametrize("target, methods", [
    ("/-/pool", "OPTIONS,GET,HEAD,PATCH"), ("/-/log", "OPTIONS,GET,HEAD,PATCH"),
    ("/-/metrics", "OPTIONS,GET,HEAD"), ("/-/reload", "OPTIONS,POST")])
def test_options_of_administration(library, target, methods):
    response = library.admin(target, "OPTIONS")
    assert (response.status, response.header("Allow")) == (200, methods)


def test_options_of_a_missing_table_is_404(library):
    assert library.options("/nowhere").status == 404


@pytest.mark.parametrize("method", ["TRACE", "FOO", "LINK"])
def test_an_unknown_method_is_405_or_501(library, method):
    assert library.request(method, "/book").status in (400, 405, 501)


@pytest.mark.parametrize("method", ["TRACE", "CONNECT", "FOO"])
@pytest.mark.parametrize("target, allowed", [
    ("/book", "OPTIONS,GET,HEAD,POST,PATCH,DELETE"), ("/book/1", "OPTIONS,GET,HEAD,PUT,PATCH,DELETE"),
    ("/-/live", "OPTIONS,GET,HEAD")])
def test_a_method_that_is_never_allowed_is_405_with_those_that_are(library, method, target, allowed):
    response = library.request(method, target)
    assert (response.status, response.json["code"]) == (405, "PGRST117")
    assert set(response.header("Allow").split(",")) >= set(allowed.split(","))
    assert not {"TRACE", "CONNECT"} & set(response.header("Allow").split(","))


@pytest.mark.parametrize("line", [b"CONNECT localhost:80", b"TRACE /nowhere", b"TRACE *"])
def test_a_refused_method_of_what_is_nowhere_has_allow_too(library, line):
    data = library.raw(line + b" HTTP/1.1\r\nHost: localhost\r\n\r\n")
    assert status_of(data) == 405
    assert b"\r\nAllow: OPTIONS,GET,HEAD,POST,PUT,PATCH,DELETE\r\n" in data, data


def test_a_method_that_items_do_not_have_is_405_with_allow(library):
    response = library.request("POST", "/book/1", {"Content-Type": "application/json"}, b"{}")
    assert response.status == 405
    assert response.json["code"] == "PGRST117"
    assert "GET" in response.header("Allow")


@pytest.mark.parametrize("accept", [None, "*/*", "application/json", "application/*",
                                    "text/unknown, */*", "text/html;q=0.1, application/json",
                                    "application/vnd.pgrst.array+json"])
def test_json_is_what_most_clients_get(library, accept):
    headers = {"Accept": accept} if accept else {}
    response = library.request("GET", "/genre", headers)
    assert response.status == 200
    assert response.header("Content-Type").startswith("application/")
    assert response.json


def test_json_is_named_with_its_charset(library):
    assert library.get("/genre").header("Content-Type") == "application/json; charset=utf-8"


def test_a_media_type_nobody_offers_is_406_PGRST107(library):
    error = library.error("/genre", 406, "PGRST107", Accept="image/png")
    assert error["message"] == "None of these media types are available: image/png"


def test_the_default_profile_may_be_named(library):
    response = library.get("/genre", Accept_Profile="public")
    assert response.status == 200


def test_an_unknown_profile_is_406_PGRST106(library):
    error = library.error("/genre", 406, "PGRST106", Accept_Profile="secret")
    assert error["message"] == "Invalid schema: secret"
    assert "public" in error["hint"]


@pytest.mark.parametrize("method, target", [
    ("OPTIONS", "/genre"), ("GET", "/nowhere"), ("OPTIONS", "/nowhere"), ("GET", "/"), ("HEAD", "/"),
    ("OPTIONS", "/"), ("GET", "/genre/1")])
def test_an_unknown_profile_comes_before_what_is_asked_of_it(library, method, target):
    response = library.request(method, target, {"Accept-Profile": "secret"})
    assert (response.status, response.header("Proxy-Status")) == (406, "PostgREST; error=PGRST106")


@pytest.mark.parametrize("method, status", [("POST", 406), ("GET", 404)])
def test_writes_have_a_profile_of_their_own(library, method, status):
    response = library.request(method, "/nowhere", {"Content-Profile": "secret"})
    assert response.status == status


def test_a_preflight_knows_no_profile(library):
    response = library.options("/genre", Accept_Profile="secret", Origin="http://a.example",
                               Access_Control_Request_Method="GET")
    assert response.status == 200


def test_the_schema_can_have_another_name(serve, database):
    db = database("CREATE SCHEMA library; SET search_path = library; -- postgresql only\n" + LIBRARY)
    server = serve(db, db_schemas="library")
    assert server.get("/genre", Accept_Profile="library").status == 200
    assert "'library.nowhere'" in server.error("/nowhere", 404, "PGRST205")["message"]


def test_answers_say_what_they_vary_by(library):
    assert library.get("/genre").header("Vary") == "Accept, Prefer, Range"


def test_content_location_has_the_parameters_in_order(library):
    response = library.get("/genre?order=id&id=gt.1&limit=1")
    assert response.header("Content-Location") == "/genre?id=gt.1&limit=1&order=id"


def test_the_server_names_itself(library):
    assert library.get("/genre").header("Server").startswith("modeld/")


def test_server_timing_comes_when_it_is_switched_on(serve, library):
    assert library.get("/genre").header("Server-Timing") is None
    timing = serve(server_timing_enabled="true").get("/genre").header("Server-Timing")
    for part in ["parse", "plan", "transaction", "response"]:
        assert f"{part};dur=" in timing


def test_server_timing_tells_how_long_planning_a_write_took(serve):
    response = serve(server_timing_enabled="true").post("/genre", {"id": 77, "name": "x"})
    assert response.status == 201
    took = re.search(r"plan;dur=([0-9.]+)", response.header("Server-Timing"))
    assert float(took.group(1)) > 0


def test_the_trace_header_is_echoed(serve):
    server = serve(server_trace_header="X-Request-Id")
    assert server.get("/genre", X_Request_Id="abc-1").header("X-Request-Id") == "abc-1"


def test_a_token_is_never_taken_for_nobody(library):
    """Without a key no token can be checked, so a request that carries one fails."""
    response = library.get("/genre", Authorization="Bearer abc")
    assert response.status in (401, 500)
    assert response.json["code"] in ("PGRST300", "PGRST301")
    library.expect_error("PGRST300")
