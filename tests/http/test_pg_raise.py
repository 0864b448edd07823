"""What functions of PostgreSQL raise becomes the answer: its status, headers and body."""
import json

import pytest

pytestmark = pytest.mark.postgresql("functions raise")

SCHEMA = """
CREATE TABLE guarded (id serial PRIMARY KEY, state text, message text, detail text);
CREATE FUNCTION guard() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    IF new.detail IS NULL THEN
        RAISE SQLSTATE 'PGRST' USING message = new.message; END IF;
    RAISE EXCEPTION USING errcode = new.state, message = new.message, detail = new.detail; END $$;
CREATE TRIGGER guard BEFORE INSERT ON guarded FOR EACH ROW EXECUTE FUNCTION guard();
CREATE FUNCTION refuse() RETURNS int LANGUAGE plpgsql AS $$ BEGIN
    RAISE SQLSTATE 'PGRST' USING message = '{"code":"V1","message":"not to be seen"}',
        detail = '{"status":410,"headers":{"X-Seen":"never"}}'; END $$;
CREATE VIEW refused AS SELECT refuse() AS id;
"""
MESSAGE = {"code": "PAY1", "message": "pay first", "details": "five", "hint": "cash"}
DETAIL = {"status": 402, "headers": {}}


@pytest.fixture(name="raising")
def make_raising(serve, database):
    """Insert a row that is not taken: raising(message, detail, state) → the answer."""
    server = serve(database(SCHEMA), threads=1)

    def insert(message, detail, state="PGRST"):
        texts = [each if isinstance(each, (str, type(None))) else json.dumps(each)
                 for each in (message, detail)]
        response = server.post("/guarded", {"state": state, "message": texts[0], "detail": texts[1]})
        assert server.rows("/guarded") == []
        return response

    insert.server = server
    return insert


def test_a_function_decides_about_status_headers_and_body(raising):
    response = raising(MESSAGE, {"status": 402, "status_text": "Poor",
                                 "headers": {"X-Owed": "5", "Cache-Control": "no-store"}})
    assert response.status == 402
    assert response.json == MESSAGE
    assert (response.header("X-Owed"), response.header("Cache-Control")) == ("5", "no-store")
    assert response.header("Proxy-Status") == "PostgREST; error=PAY1"


def test_a_view_raises_as_well(raising):
    response = raising.server.get("/refused")
    assert (response.status, response.json["code"]) == (410, "V1")
    assert response.header("X-Seen") == "never"
    response = raising.server.head("/refused")
    assert (response.status, response.header("X-Seen"), response.body) == (410, "never", b"")


def test_raised_headers_take_the_place_of_ours_but_not_of_framing(raising):
    response = raising(MESSAGE, {"status": 418, "headers": {
        "Content-Type": "application/vnd.tea+json", "Content-Length": "3",
        "Transfer-Encoding": "chunked", "Connection": "close"}})
    assert response.status == 418 and response.json == MESSAGE
    assert response.headers.get_all("Content-Type") == ["application/vnd.tea+json"]
    assert response.headers.get_all("Content-Length") == [str(len(response.body))]
    assert response.header("Transfer-Encoding") is None and response.header("Connection") is None


@pytest.mark.parametrize("value", ["a\r\nX-Evil: 1", "a\nb"])
def test_a_raised_header_cannot_begin_another(raising, value):
    response = raising(MESSAGE, {"status": 402, "headers": {"X-Good": "1", "X-Bad": value}})
    assert (response.status, response.header("X-Good")) == (402, "1")
    assert response.header("X-Bad") is None and response.header("X-Evil") is None


@pytest.mark.parametrize("status", [204, 304])
def test_a_status_without_a_body_has_none(raising, status):
    response = raising(MESSAGE, {"status": status, "headers": {"X-Why": "so"}})
    assert (response.status, response.body, response.header("X-Why")) == (status, b"", "so")


@pytest.mark.parametrize("message", ["no JSON", "{}", "[]", '{"code":"1"}', '{"message":"x"}',
                                     '{"code":1,"message":"x"}',
                                     '{"code":"1","message":"x","details":{}}',
                                     '{"code":"1","message":"' + "x" * 600 + '"}'])
def test_a_message_that_cannot_be_read_is_told(raising, message):
    response = raising(message, DETAIL)
    assert (response.status, response.json["code"]) == (500, "PGRST121"), response
    assert response.json["details"].startswith("Invalid JSON value for MESSAGE: '" + message[:400])
    assert response.json["hint"].startswith("MESSAGE must be a JSON object")


@pytest.mark.parametrize("detail", ["no JSON", "{}", '{"status":402}', '{"headers":{}}',
                                    '{"status":"402","headers":{}}', '{"status":99,"headers":{}}',
                                    '{"status":600,"headers":{}}', '{"status":402,"headers":[]}',
                                    '{"status":402,"headers":{"A":1}}',
                                    '{"status":402,"headers":{"A B":"1"}}'])
def test_a_detail_that_cannot_be_read_is_told(raising, detail):
    response = raising(MESSAGE, detail)
    assert (response.status, response.json["code"]) == (500, "PGRST121"), response
    assert response.json["details"] == f"Invalid JSON value for DETAIL: '{detail}'"
    assert response.json["hint"].startswith("DETAIL must be a JSON object")


def test_a_detail_that_is_missing_is_told(raising):
    response = raising(MESSAGE, None)
    assert (response.status, response.json["code"]) == (500, "PGRST121"), response
    assert response.json["details"] == "DETAIL is missing in the RAISE statement"


@pytest.mark.parametrize("state, status", [
    ("PT402", 402), ("PT200", 200), ("PT503", 503), ("PT599", 599), ("PT600", 500), ("PT999", 500),
    ("PT100", 500), ("PT000", 500), ("PTABC", 500)])
def test_a_state_of_its_own_names_the_status(raising, state, status):
    response = raising("pay first", "five", state)
    assert response.status == status, response
    assert response.json == {"code": state, "message": "pay first", "details": "five", "hint": None}
