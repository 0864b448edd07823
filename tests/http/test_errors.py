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
