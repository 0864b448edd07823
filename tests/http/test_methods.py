"""Methods and headers: HEAD, OPTIONS, CORS, other verbs, content negotiation, profiles, Prefer."""
import pytest

from conftest import LIBRARY


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


@pytest.mark.parametrize("target", ["/book", "/book/1", "/book/1/publisher", "/short_book"])
def test_options_lists_the_methods(library, target):
    response = library.options(target)
    assert (response.status, response.body) == (200, b"")
    allowed = response.header("Allow").split(",")
    assert {"OPTIONS", "GET", "HEAD"} <= {method.strip() for method in allowed}
    assert response.header("Content-Length") == "0"


def test_options_of_a_missing_table_is_404(library):
    assert library.options("/nowhere").status == 404


def test_any_origin_may_read(library):
    assert library.get("/genre", Origin="http://app.example").header(
        "Access-Control-Allow-Origin") == "*"


def test_a_preflight_is_answered(library):
    response = library.options("/book", Origin="http://app.example",
                               Access_Control_Request_Method="GET",
                               Access_Control_Request_Headers="Prefer, X-Own")
    assert response.status == 200
    assert response.header("Access-Control-Allow-Origin") == "*"
    methods = response.header("Access-Control-Allow-Methods")
    assert methods == "GET, POST, PATCH, PUT, DELETE, OPTIONS, HEAD"
    headers = response.header("Access-Control-Allow-Headers")
    assert headers.startswith("Authorization") and "X-Own" in headers
    assert response.header("Access-Control-Max-Age") == "86400"


def test_response_headers_are_exposed_to_scripts(library):
    exposed = library.get("/genre", Origin="http://app.example").header(
        "Access-Control-Expose-Headers")
    assert "Content-Range" in exposed and "Content-Location" in exposed


def test_a_list_of_origins_is_kept_to(serve):
    server = serve(server_cors_allowed_origins="http://one.example")
    one = server.get("/genre", Origin="http://one.example")
    assert one.header("Access-Control-Allow-Origin") == "http://one.example"
    assert one.header("Access-Control-Allow-Credentials") == "true"
    other = server.get("/genre", Origin="http://other.example")
    assert other.header("Access-Control-Allow-Origin") is None


@pytest.mark.parametrize("method", ["TRACE", "FOO", "LINK"])
def test_an_unknown_method_is_405_or_501(library, method):
    assert library.request(method, "/book").status in (400, 405, 501)


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


def test_the_schema_can_have_another_name(serve, database):
    db = database("CREATE SCHEMA library; SET search_path = library; -- postgresql only\n" + LIBRARY)
    server = serve(db, db_schemas="library")
    assert server.get("/genre", Accept_Profile="library").status == 200
    assert "'library.nowhere'" in server.error("/nowhere", 404, "PGRST205")["message"]


def test_an_unknown_preference_is_ignored(library):
    assert library.get("/genre", Prefer="coffee=black").status == 200


def test_an_unknown_preference_is_refused_when_handling_is_strict(library):
    error = library.error("/genre", 400, "PGRST122", Prefer="handling=strict, coffee=black")
    assert error["message"] == "Invalid preferences given with handling=strict"
    assert error["details"] == "Invalid preferences: coffee=black"


def test_applied_preferences_are_named(library):
    response = library.get("/genre", Prefer="count=exact, handling=lenient")
    assert response.header("Preference-Applied") == "count=exact, handling=lenient"


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


def test_the_trace_header_is_echoed(serve):
    server = serve(server_trace_header="X-Request-Id")
    assert server.get("/genre", X_Request_Id="abc-1").header("X-Request-Id") == "abc-1"


def test_a_token_is_never_taken_for_nobody(library):
    """Without a key no token can be checked, so a request that carries one fails."""
    response = library.get("/genre", Authorization="Bearer abc")
    assert response.status in (401, 500)
    assert response.json["code"] in ("PGRST300", "PGRST301")
    library.expect_error("PGRST300")
