"""The shape of errors and the answers to names that do not exist."""
import pytest


def test_an_error_has_four_keys_and_a_proxy_status(library):
    response = library.get("/nowhere")
    assert response.status == 404
    assert list(response.json) == ["code", "message", "details", "hint"] or \
        set(response.json) == {"code", "message", "details", "hint"}
    assert response.header("Content-Type") == "application/json; charset=utf-8"
    assert response.header("Proxy-Status") == "PostgREST; error=PGRST205"


def test_an_unknown_table_is_PGRST205(library):
    error = library.error("/nowhere", 404, "PGRST205")
    assert error["message"] == "Could not find the table 'public.nowhere' in the schema cache"
    assert error["hint"] is None


def test_a_near_miss_of_a_table_gets_a_hint(library):
    error = library.error("/publishers", 404, "PGRST205")
    assert error["hint"] == "Perhaps you meant the table 'public.publisher'"


@pytest.mark.parametrize("name, meant", [("boko", "book"), ("visti", "visit"), ("eGnre", "genre")])
def test_two_letters_in_the_wrong_order_get_a_hint(library, name, meant):
    error = library.error(f"/{name}", 404, "PGRST205")
    assert error["hint"] == f"Perhaps you meant the table 'public.{meant}'"


def test_names_are_case_sensitive(library):
    library.error("/Book", 404, "PGRST205")
    library.error("/book?select=ID", 400, "42703")


@pytest.mark.parametrize("name", ["sqlite_master", "sqlite_schema", "sqlite_sequence",
                                  "pragma_table_info", "sqlite_stat1"])
def test_tables_of_the_engine_are_not_served(library, name):
    library.error(f"/{name}", 404, "PGRST205")


@pytest.mark.parametrize("target", ["/book%", "/book%2", "/book%zz", "/%00", "/book?title=eq.%00",
                                    "/%ff%fe", "/book?title=eq.%ff"])
def test_bad_percent_encoding_and_bad_utf8_are_400(library, target):
    assert library.get(target).status == 400


def test_a_lone_percent_sign_in_the_query_stands_for_itself(library):
    """As in PostgREST; in a path it is an error."""
    assert library.column("/book?title=eq.100%25 Wool_en") == [5]
    assert library.column("/book?title=eq.100% Wool_en") == [5]


def test_minimal_errors_say_code_and_message_only(serve):
    server = serve(client_error_verbosity="minimal")
    assert set(server.get("/nowhere").json) == {"code", "message"}


def test_absurd_nesting_of_conditions_is_an_error_and_no_crash(library):
    deep = "and(" * 400 + "id.eq.1" + ")" * 400
    assert library.get(f"/book?or=({deep})").status == 400


def test_absurd_nesting_of_embeds_is_an_error_and_no_crash(library):
    deep = "author(" * 300 + "id" + ")" * 300
    assert library.get(f"/author?select={deep}").status in (300, 400)


def test_absurd_json_paths_are_an_error_and_no_crash(library):
    assert library.get("/book?select=info" + "->a" * 1000).status == 400


# --- RFC 9457 -------------------------------------------------------------------------------------

PROBLEM = "application/problem+json"


@pytest.mark.parametrize("accept", [PROBLEM, f"application/json, {PROBLEM}",
                                    f"{PROBLEM};q=0.1, */*", f"text/html, {PROBLEM}; charset=utf-8"])
def test_an_error_comes_as_a_problem_to_those_who_name_it(library, accept):
    response = library.get("/publishers", Accept=accept)
    assert (response.status, response.header("Content-Type")) == (404, PROBLEM)
    message = "Could not find the table 'public.publishers' in the schema cache"
    assert response.json == {
        "type": "about:blank", "title": "Not Found", "status": 404, "detail": message,
        "code": "PGRST205", "message": message, "details": None,
        "hint": "Perhaps you meant the table 'public.publisher'"}
    assert response.header("Proxy-Status") == "PostgREST; error=PGRST205"


@pytest.mark.parametrize("accept", ["*/*", "application/*", "application/json", f"{PROBLEM};q=0, */*"])
def test_an_error_is_no_problem_to_anybody_else(library, accept):
    response = library.get("/nowhere", Accept=accept)
    assert response.header("Content-Type") == "application/json; charset=utf-8"
    assert set(response.json) == {"code", "message", "details", "hint"}


def test_who_names_only_problems_gets_rows_as_json(library):
    response = library.get("/genre?id=eq.1", Accept=PROBLEM)
    assert (response.status, response.json) == (200, [{"id": 1, "name": "novel"}])
    assert response.header("Content-Type") == "application/json; charset=utf-8"


def test_a_problem_of_a_request_that_did_not_pass_the_gate(library):
    data = library.raw(b"GET /genre HTTP/1.1\r\nHost: a\r\nHost: b\r\nAccept: " + PROBLEM.encode()
                       + b"\r\nConnection: close\r\n\r\n")
    assert b"Content-Type: application/problem+json" in data
    assert b'"status":400' in data and b'"code":"MD400"' in data


def test_a_problem_with_a_body_has_all_errors(serve, fresh, tmp_path):
    (tmp_path / "m.json").write_text("""{"version": 1, "models": {"person": {"fields": {
        "name": "string(3)", "age": {"type": "integer", "max": 150}}}}}""")
    server = serve(fresh, "--models", str(tmp_path / "m.json"))
    response = server.post("/person", [{"name": "long", "age": 1}, {"name": "x", "age": 151}],
                           Accept=PROBLEM)
    assert (response.status, response.json["status"]) == (400, 400)
    assert [error["pointer"] for error in response.json["errors"]] == ["/0/name", "/1/age"]
    assert response.json["message"] == response.json["detail"] == "2 values are not valid"


def test_a_minimal_problem_is_still_a_problem(serve):
    server = serve(client_error_verbosity="minimal")
    response = server.get("/nowhere", Accept=PROBLEM)
    assert set(response.json) == {"type", "title", "status", "detail", "code", "message"}


@pytest.mark.parametrize("target, status, code", [
    ("/nowhere", 404, "PGRST205"), ("/book?id=eq.x", 400, "22P02"), ("/book/99", 404, "MD404"),
    ("/book?select=author(*)", 300, "PGRST201"), ("/book?limit=-1", 416, "PGRST103"),
    ("/a/b/c/d", 404, "PGRST125")])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_every_error_has_a_proxy_status(library, method, target, status, code):
    response = library.request(method, target)
    assert response.status == status
    assert response.header("Proxy-Status") == f"PostgREST; error={code}"


def test_a_success_has_no_proxy_status(library):
    assert library.get("/genre").header("Proxy-Status") is None
