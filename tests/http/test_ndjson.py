"""NDJSON: a row a line, out and in, in constant memory."""
import http.client
import json

import pytest

from faults import sanitized
from harness import PATIENCE, Modeld

NDJSON = "application/x-ndjson"
MILLION = 100000 if sanitized() else 1000000  # what sanitizes is slow
MIB = 1024 * 1024


def lines_of(response):
    """The rows of an answer, every line of which is complete."""
    assert response.status in (200, 201, 206), response
    assert response.header("Content-Type") == "application/x-ndjson; charset=utf-8"
    assert response.body == b"" or response.body.endswith(b"\n")
    return [json.loads(line) for line in response.body.splitlines()]


def test_every_row_is_a_line(library):
    response = library.get("/author?select=id,born&order=id&limit=2", Accept=NDJSON)
    assert response.text == '{"id":1,"born":1950}\n{"id":2,"born":1961}\n'
    assert response.header("Content-Range") == "0-1/*"


def test_lines_are_what_the_array_is(library):
    target = "/book?select=*,writer:author!book_writer(*),genre(*),...publisher(house:name)&order=id"
    assert lines_of(library.get(target, Accept=NDJSON)) == library.rows(target)
    assert lines_of(library.get("/measure?order=id", Accept=NDJSON)) == library.rows(
        "/measure?order=id")


def test_line_breaks_in_stored_json_break_no_line(serve, database):
    told = '{"a":\n\r\n[1,\n"x\\n"]\r}'
    daemon = serve(database("CREATE TABLE doc (id INTEGER PRIMARY KEY, data JSON);"
                            f"INSERT INTO doc VALUES (1, '{told}'), (2, '\n7');"))
    rows = [{"id": 1, "data": {"a": [1, "x\n"]}}, {"id": 2, "data": 7}]
    assert lines_of(daemon.get("/doc?order=id", Accept=NDJSON)) == rows
    assert told in daemon.get("/doc?order=id").text
    response = daemon.post("/doc?on_conflict=id", '{"id": 3, "data": {"b":\n\n2}}',
                           Accept=NDJSON, Prefer="return=representation")
    assert lines_of(response) == [{"id": 3, "data": {"b": 2}}]


def test_no_rows_are_no_lines(library):
    assert library.get("/author?id=eq.0", Accept=NDJSON).body == b""


def test_an_item_is_one_line(library):
    assert library.get("/genre/1", Accept=NDJSON).text == '{"id":1,"name":"novel"}\n'
    assert library.get("/genre/99", Accept=NDJSON).status == 404


def test_head_tells_the_length_of_all_lines(library):
    body = library.get("/author?order=id", Accept=NDJSON).body
    assert library.head("/author?order=id", Accept=NDJSON).header("Content-Length") == str(len(body))


def test_written_rows_come_back_as_lines(shop):
    rows = [{"id": 5, "name": "a"}, {"id": 6, "name": "b"}]
    response = shop.post("/maker?select=id,name", rows, Accept=NDJSON,
                         Prefer="return=representation")
    assert response.status == 201
    assert lines_of(response) == rows
    response = shop.patch("/maker?id=gte.5&select=id,country", {"country": "x"}, Accept=NDJSON,
                          Prefer="return=representation")
    assert sorted(row["id"] for row in lines_of(response)) == [5, 6]
    response = shop.delete("/maker?id=eq.99", Accept=NDJSON, Prefer="return=representation")
    assert (response.status, response.body) == (200, b"")


def send(server, target, lines, method="POST", **headers):
    """Rows, or lines as they are, as NDJSON."""
    body = "".join((line if isinstance(line, str) else json.dumps(line)) + "\n" for line in lines)
    return server.write(method, target, body, Content_Type=NDJSON, **headers)


def test_every_line_of_a_body_is_a_new_row(shop):
    response = send(shop, "/maker", [{"id": 7, "name": "Ann"}, {"name": "Bob", "id": 8}])
    assert (response.status, response.body) == (201, b"")
    assert shop.rows("/maker?id=gte.7&select=id,name,country&order=id") == [
        {"id": 7, "name": "Ann", "country": "nowhere"},
        {"id": 8, "name": "Bob", "country": "nowhere"}]


def test_lines_in_give_lines_back(shop):
    rows = [{"id": 7, "name": "x", "facts": {"a": [1.50, None]}, "price": 0.1}]
    response = send(shop, "/toy?select=id,name,facts,price", rows, Accept=NDJSON,
                    Prefer="return=representation")
    assert response.status == 201 and lines_of(response) == rows


def test_blank_lines_and_line_ends_of_windows_do_not_count(shop):
    body = '\r\n{"id":7,"name":"a"}\r\n\r\n  {"id":8,"name":"b"} \r\n'
    assert shop.post("/maker", body, Content_Type=NDJSON + "; charset=utf-8").status == 201
    assert shop.column("/maker?id=gte.7&order=id", "name") == ["a", "b"]
    response = shop.post("/maker", "\n", Content_Type=NDJSON, Prefer="return=representation")
    assert (response.status, response.json) == (201, [])


def test_headers_only_tells_where_the_one_row_is(shop):
    response = send(shop, "/badge", [{"id": 9, "code": "n"}], Prefer="return=headers-only")
    assert response.header("Location") == "/badge?id=eq.9"


def test_a_missing_key_can_mean_the_default(shop):
    response = send(shop, "/maker?columns=id,name,country", [
        {"id": 7, "name": "a"}, {"id": 8, "name": "b", "country": None}], Prefer="missing=default")
    assert response.status == 201
    assert shop.column("/maker?id=gte.7&order=id", "country") == ["nowhere", None]


@pytest.mark.parametrize("resolution, names", [("merge", ["new", "b"]), ("ignore", ["first", "b"])])
def test_lines_can_be_merged_or_ignored(shop, resolution, names):
    response = send(shop, "/badge?on_conflict=id&columns=id,label",
                    [{"id": 1, "label": "new"}, {"id": 9, "label": "b", "extra": 1}],
                    Prefer=f"resolution={resolution}-duplicates")
    assert response.status in (200, 201)
    assert shop.column("/badge?id=in.(1,9)&order=id", "label") == names


@pytest.mark.parametrize("lines, line", [
    (['{"id":7,"name":"a"}', '{"id":8,"name":}'], "Line 2 is not a JSON object."),
    (['{"id":7,"name":"a"},{"id":8,"name":"b"}'], "Line 1 is not a JSON object."),
    (['{"id":7,', '"name":"a"}'], "Line 1 is not a JSON object."),
    (['{"id":7,"name":"a"}', "", "[]"], "Line 3 is not a JSON object."),
    (['{"id":7,"name":"a"}', '{"id":8}'], "The keys of line 2 are not those of the first."),
])
def test_a_mistake_is_told_with_its_line_and_nothing_is_written(shop, lines, line):
    response = send(shop, "/maker", lines)
    assert response.status == 400, response
    assert (response.json["code"], response.json["details"]) == ("PGRST102", line)
    assert shop.rows("/maker?id=gte.7") == []


def test_a_row_that_cannot_be_takes_all_lines_with_it(shop):
    response = send(shop, "/maker", [{"id": 7, "name": "a"}, {"id": 1, "name": "b"}])
    assert (response.status, response.json["code"]) == (409, "23505")
    assert shop.rows("/maker?id=gte.7") == []


def test_a_put_and_a_patch_take_one_line(shop):
    assert send(shop, "/badge?id=eq.9", [{"id": 9, "code": "n"}], "PUT").status == 204
    assert send(shop, "/badge?id=eq.9", [{"label": "z"}], "PATCH").status == 204
    assert shop.rows("/badge?id=eq.9") == [{"id": 9, "code": "n", "label": "z"}]


@pytest.fixture(scope="module")
def million(engine, tmp_path_factory):
    """A daemon on a million rows, about 50 MB as lines."""
    folder = tmp_path_factory.mktemp("million")
    db = engine.database(folder, f"""
        CREATE TABLE line (id INTEGER PRIMARY KEY, text TEXT);
        WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {MILLION})
        INSERT INTO line SELECT i, printf('%030d', i) FROM n;""")
    server = Modeld(db.url, folder=folder, settings={"threads": 1})
    server.db = db
    yield server
    server.stop()
    db.drop()


def test_a_million_rows_take_no_memory(million):
    million.get("/line?limit=10", Accept=NDJSON)
    connection = http.client.HTTPConnection(million.host, million.port, timeout=PATIENCE)
    connection.request("GET", "/line?order=id", headers={"Accept": NDJSON})
    response = connection.getresponse()
    first, count, last = response.readline(), 1, b""
    before = million.memory()
    for line in response:
        count, last = count + 1, line
    assert json.loads(first)["id"] == 1
    assert json.loads(last) == {"id": MILLION, "text": str(MILLION).rjust(30, "0")}
    assert count == MILLION
    connection.close()
    if not million.sanitized():
        assert million.memory("VmHWM") - before < 4 * MIB
        assert million.memory("VmHWM") < 64 * MIB
