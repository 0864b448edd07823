"""CSV answers: what PostgREST sends, on both engines, streamed when they are long."""
import csv
import http.client
import io
import json

import pytest

from harness import PATIENCE, Modeld

CSV = "text/csv"
ROWS = 200000


def table(response):
    """Header and rows of an answer, as another program reads them."""
    assert response.status in (200, 201, 206), response
    assert response.header("Content-Type") == "text/csv; charset=utf-8"
    return list(csv.reader(io.StringIO(response.text, newline=""), strict=True))


def test_rows_are_lines_below_the_names_of_the_columns(library):
    response = library.get("/author?order=id&limit=3", Accept=CSV)
    assert response.text == ('id,name,born,country,mentor_id\n1,"Ada Brook",1950,SE,\n'
                             '2,"Bo Cedar",1961,NO,1\n3,"Cleo Dunn",,SE,1')
    assert response.header("Content-Type") == "text/csv; charset=utf-8"
    assert response.header("Content-Range") == "0-2/*"


def test_the_columns_come_in_the_order_of_select(library):
    assert table(library.get("/author?select=who:name,id&id=eq.2", Accept=CSV)) == [
        ["who", "id"], ["Bo Cedar", "2"]]


def test_values_are_written_as_postgresql_writes_a_row(library):
    response = library.get("/measure?order=id", Accept=CSV)
    assert response.text == (
        'id,whole,part,exact,flag,raw,words\n'
        '1,9223372036854775807,0.1,10,t,"\\x00ff",plain\n'
        '2,-9223372036854775808,23.45,0.5,f,,"a ""quote"" and \\ and / and\nnewline"\n'
        '3,0,1e+300,,,"\\x","Ünïcødé 😀"\n'
        '4,9007199254740993,0,100,t,,""')


def test_what_csv_says_is_what_json_says(library):
    rows = library.rows("/measure?select=id,words&order=id")
    read = table(library.get("/measure?select=id,words&order=id", Accept=CSV))
    assert read == [["id", "words"]] + [[str(row["id"]), row["words"]] for row in rows]


def test_names_that_need_quotes_have_them(library):
    response = library.get("/reading room", Accept=CSV)
    assert response.text.startswith('"seat no",größe,a.b,"say ""hi"""\n')


def test_embedded_rows_are_json_in_a_cell_and_spread_ones_are_cells(library):
    target = ("/book?select=id,writer:author!book_writer(id,name),genre(name),cover(colour),"
              "...publisher(house:name)&id=in.(1,5)&order=id")
    rows = {row["id"]: row for row in library.rows(target)}
    read = table(library.get(target, Accept=CSV))
    assert read[0] == ["id", "writer", "genre", "cover", "house"]
    assert len(read) == 3
    for cells in read[1:]:
        row = rows[int(cells[0])]
        for name, text in zip(read[0][1:], cells[1:]):
            if row[name] is None:
                assert text == ""
            elif name == "house":
                assert text == row[name]
            else:
                assert json.loads(text) == row[name]


def test_nulls_are_stripped_from_rows_embeds_and_spreads(shop):
    stripped = "application/vnd.pgrst.array+json;nulls=stripped"
    response = shop.get("/maker?select=id,country,toy(id,price)&id=eq.2", Accept=stripped)
    assert response.json == [{"id": 2, "toy": [{"id": 2, "price": 30}]}]
    response = shop.get("/toy?select=id,...maker(house:name,country)&id=in.(2,4)&order=id",
                        Accept=stripped)
    assert response.json == [{"id": 2, "house": "Tin Works"}, {"id": 4}]
    response = shop.post("/toy?select=*,maker(*)", {"id": 9, "name": "x", "maker_id": 2,
                                                    "facts": {"a": None}},
                         Accept=stripped, Prefer="return=representation")
    assert response.json == [{"id": 9, "name": "x", "maker_id": 2, "stock": 1,
                              "facts": {}, "maker": {"id": 2, "name": "Tin Works"}}]


def test_nulls_are_stripped_from_stored_json_as_postgresql_does(shop):
    facts = {"a": None, "b": [None, {"c": None, "d": {"e": None}}, "x\": null"], 'n"\\': None,
             "z": None}
    left = {"b": [None, {"d": {}}, "x\": null"]}
    shop.patch("/toy?id=in.(1,3)", {"facts": facts})
    stripped = {"Accept": "application/vnd.pgrst.array+json;nulls=stripped"}
    target = "&order=id&id=in.(1,2,3)"
    assert shop.get("/toy?select=id,facts" + target, **stripped).json == [
        {"id": 1, "facts": left}, {"id": 2}, {"id": 3, "facts": left}]
    assert shop.get("/toy?select=id,b:facts->b" + target, **stripped).json == [
        {"id": 1, "b": left["b"]}, {"id": 2}, {"id": 3, "b": left["b"]}]
    assert shop.get("/maker?id=eq.1&select=toy(facts),...toy!toy_maker_id_fkey(all:facts)"
                    "&toy.order=id", **stripped).json == [
        {"toy": [{"facts": left}, {"facts": left}], "all": [left, left]}]
    assert shop.rows("/toy?select=facts&id=eq.1") == [{"facts": facts}]


def test_no_rows_are_an_empty_line(library):
    response = library.get("/author?id=eq.0", Accept=CSV)
    assert (response.status, response.text) == (200, "\n")


def test_an_item_is_a_header_and_a_line(library):
    assert table(library.get("/genre/1", Accept=CSV)) == [["id", "name"], ["1", "novel"]]
    assert library.get("/genre/99", Accept=CSV).status == 404


def test_a_relationship_of_an_item_is_csv_too(library):
    read = table(library.get("/book/1/genre", Accept=CSV))
    assert read == [["id", "name"], ["1", "novel"]]


def test_head_tells_the_length_of_csv(library):
    body = library.get("/author?order=id", Accept=CSV).body
    head = library.head("/author?order=id", Accept=CSV)
    assert head.header("Content-Length") == str(len(body))
    assert head.header("Content-Type") == "text/csv; charset=utf-8"


def test_errors_are_json_whatever_was_accepted(library):
    response = library.get("/author?nobody=eq.1", Accept=CSV)
    assert response.status == 400
    assert response.header("Content-Type").startswith("application/json")
    assert response.json["code"] == "42703"


@pytest.mark.parametrize("accept, media", [
    ("text/csv;q=0.5, application/json", "application/json"),
    ("text/csv, application/json;q=0.5", "text/csv"),
    ("image/png, text/csv", "text/csv"),
    ("*/*, text/csv", "text/csv"),
    ("*/*", "application/json"),
    ("text/csv;version=1", "text/csv"),
])
def test_csv_is_one_of_what_can_be_had(library, accept, media):
    response = library.get("/genre", Accept=accept)
    assert response.header("Content-Type").split(";")[0] == media


@pytest.mark.parametrize("accept", ["text/csv;q=0", "application/json;q=0", "*/*;q=0, text/html"])
def test_what_is_refused_is_not_sent(library, accept):
    library.error("/genre", 406, "PGRST107", Accept=accept)


def test_any_type_is_any_but_those_that_are_refused(library):
    response = library.get("/genre?id=eq.1", Accept="text/csv;q=0, */*")
    assert response.json == [{"id": 1, "name": "novel"}]
    response = library.get("/genre?id=eq.1", Accept="application/json;q=0, */*")
    assert response.header("Content-Type").startswith("application/vnd.pgrst.object+json")


def test_what_nobody_offers_is_406(library):
    error = library.error("/genre", 406, "PGRST107", Accept="text/html, image/png;q=0.5")
    assert error["message"] == "None of these media types are available: text/html, image/png"


def test_new_rows_come_back_as_csv(shop):
    response = shop.post("/maker?select=id,name", [{"id": 5, "name": "a,b"}, {"id": 6, "name": "c"}],
                         Accept=CSV, Prefer="return=representation")
    assert response.status == 201
    assert response.text == 'id,name\n5,"a,b"\n6,c'


def test_changed_and_deleted_rows_come_back_as_csv(shop):
    response = shop.patch("/maker?id=eq.1&select=id,country", {"country": None}, Accept=CSV,
                          Prefer="return=representation")
    assert (response.status, response.text) == (200, "id,country\n1,")
    response = shop.delete("/badge?order=id", Accept=CSV, Prefer="return=representation")
    assert response.text == "id,code,label\n1,one,first\n2,two,second"
    response = shop.delete("/badge", Accept=CSV, Prefer="return=representation")
    assert (response.status, response.text) == (200, "\n")


def test_embeds_of_new_rows_come_back_as_csv(shop):
    response = shop.post("/toy?select=name,maker(name)", [{"name": "ball", "maker_id": 1}],
                         Accept=CSV, Prefer="return=representation")
    assert table(response) == [["name", "maker"], ["ball", '{"name":"Oak & Sons"}']]


def test_a_change_of_nothing_is_an_empty_line(shop):
    response = shop.patch("/maker?id=eq.1", {}, Accept=CSV, Prefer="return=representation")
    assert (response.status, response.text) == (200, "\n")


def test_what_came_as_csv_can_be_sent_back(shop):
    shop.post("/note", [{"line": 'a "b" \\ c,d\r\n e', "day": ""}, {"line": "", "day": "t"}])
    rows = shop.rows("/note?order=line")
    text = shop.get("/note?order=line", Accept=CSV).text
    assert shop.delete("/note").status == 204
    assert shop.post("/note", text, Content_Type="text/csv").status == 201
    assert shop.rows("/note?order=line") == rows


@pytest.fixture(scope="module")
def lines(engine, tmp_path_factory):
    folder = tmp_path_factory.mktemp("csv_lines")
    db = engine.database(folder, f"""
        CREATE TABLE line (id INTEGER PRIMARY KEY, word TEXT, text TEXT);
        WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {ROWS})
        INSERT INTO line SELECT i, 'w ' || (i % 100), printf('%080d', i) FROM n;
        CREATE VIEW broken AS SELECT id,
            abs(-9223372036854775807 - id / 150000) AS v, -- sqlite only
            1 / (id - 150000) AS v, -- postgresql only
            text FROM line;""")
    server = Modeld(db.url, folder=folder, settings={"threads": 2})
    yield server
    server.stop()
    db.drop()


def test_a_long_answer_is_streamed_in_constant_memory(lines):
    if not lines.sanitized():
        lines.get("/line?limit=10", Accept=CSV)
    response = lines.get("/line?order=id", Accept=CSV)
    assert response.header("Transfer-Encoding") == "chunked"
    read = response.text.split("\n")
    assert read[0] == "id,word,text" and len(read) == ROWS + 1
    assert read[1] == '1,"w 1",' + "1".rjust(80, "0")
    assert read[-1] == f'{ROWS},"w 0",' + str(ROWS).rjust(80, "0")
    if not lines.sanitized():
        assert lines.memory("VmHWM") < 64 * 1024 * 1024


@pytest.mark.parametrize("accept", [CSV, "application/x-ndjson"])
def test_an_answer_that_fails_half_way_does_not_look_complete(lines, accept):
    lines.expect_error("answer cut off")
    connection = http.client.HTTPConnection(lines.host, lines.port, timeout=PATIENCE)
    connection.request("GET", "/broken?order=id", headers={"Accept": accept})
    response = connection.getresponse()
    assert response.status == 200
    with pytest.raises((http.client.IncompleteRead, ConnectionError)):
        response.read()
    connection.close()
    assert lines.get("/line?id=eq.1").status == 200
