"""One row by its key, the rows related to it, depth=, and singular answers of lists."""
import pytest

OBJECT = "application/vnd.pgrst.object+json"


def test_an_item_is_an_object(library):
    response = library.get("/genre/2")
    assert response.status == 200
    assert response.json == {"id": 2, "name": "music"}


def test_an_item_takes_select_and_embeds(library):
    assert library.get("/book/1?select=title,publisher(name)").json == {
        "title": "The Quiet Harbour", "publisher": {"name": "North Press"}}


def test_an_absent_item_is_404_MD404(library):
    error = library.error("/genre/99", 404, "MD404")
    assert error["message"]


def test_a_key_that_does_not_fit_its_type_is_404_too(library):
    library.error("/genre/two", 404, "MD404")


def test_a_key_that_is_text_may_be_anything(serve, database):
    server = serve(database("""
        CREATE TABLE word (spelling TEXT PRIMARY KEY, sense TEXT);
        INSERT INTO word VALUES ('a,b', 'comma'), ('x/y', 'slash'), ('é 1', 'accent'),
                                ('"q"', 'quotes');"""))
    for key, sense in [("a,b", "comma"), ("x%2Fy", "slash"), ("é%201", "accent"),
                       ("%22q%22", "quotes")]:
        assert server.get(f"/word/{key}").json["sense"] == sense


def test_a_composite_key_is_its_parts_in_order(library):
    assert library.get("/shelf/A,1").json == {"room": "A", "number": 1, "label": "sea"}
    assert library.get("/book_genre/3,2").json == {"book_id": 3, "genre_id": 2}


def test_a_part_with_a_comma_is_quoted(library):
    assert library.get('/shelf/"b,c",1').json["label"] == 'odd "room"'


@pytest.mark.parametrize("key", ["A", "A,1,2", "A,one", "B,1"])
def test_a_composite_key_that_does_not_fit_is_404(library, key):
    library.error(f"/shelf/{key}", 404, "MD404")


def test_related_rows_of_a_to_many_relationship_are_a_list(library):
    response = library.get("/publisher/1/book?select=id&order=id")
    assert response.json == [{"id": 1}, {"id": 2}]


def test_related_rows_take_all_parameters_of_lists(library):
    response = library.get("/publisher/1/book?select=id&order=id.desc&limit=1",
                           Prefer="count=exact")
    assert (response.status, response.json) == (206, [{"id": 2}])
    assert response.header("Content-Range") == "0-0/2"


def test_related_rows_of_many_to_many(library):
    assert library.get("/book/3/genre?order=name&select=name").json == [
        {"name": "music"}, {"name": "novel"}]


def test_a_to_one_relationship_is_an_object(library):
    assert library.get("/book/1/publisher").json == {"id": 1, "name": "North Press"}


def test_a_to_one_relationship_of_nothing_is_404(library):
    library.error("/book/4/publisher", 404, "MD404")


def test_related_rows_of_an_absent_item_are_404(library):
    library.error("/publisher/99/book", 404, "MD404")


def test_a_relationship_by_its_column(library):
    assert library.get("/book/1/editor_id?select=name").json == {"name": "Bo Cedar"}


def test_an_unknown_relationship_is_PGRST200(library):
    library.error("/book/1/visit", 400, "PGRST200")


def test_an_ambiguous_relationship_is_PGRST201(library):
    library.error("/book/1/author", 300, "PGRST201")


def test_a_relation_without_a_key_has_no_items(library):
    error = library.error("/visit/1", 404, "PGRST125")
    assert error["message"] == "Invalid path specified in request URL"


@pytest.mark.parametrize("path", ["/no/such/path", "/book/1/publisher/1/x", "/a/b/c/d/e/f/g/h"])
def test_other_deep_paths_are_PGRST125(library, path):
    library.error(path, 404, "PGRST125")


def test_depth_zero_is_the_columns_only(library):
    assert library.get("/cover/1?depth=0").json == {"book_id": 1, "colour": "blue"}


def test_depth_without_a_value_is_one_level(library):
    item = library.get("/publisher/1?depth=").json
    assert item["name"] == "North Press"
    assert sorted(book["id"] for book in item["book"]) == [1, 2]
    assert all("copy" not in book for book in item["book"])


def test_depth_one_of_a_to_one_relationship_is_an_object(library):
    item = library.get("/copy/1?depth=1").json
    assert item["book"]["title"] == "The Quiet Harbour"
    assert item["shelf"]["label"] == "sea"


def test_depth_two_goes_one_further_and_not_back(library):
    item = library.get("/publisher/1?depth=2").json
    book = next(book for book in item["book"] if book["id"] == 1)
    assert sorted(copy["id"] for copy in book["copy"]) == [1, 2]
    assert "publisher" not in book


@pytest.fixture
def chain(serve, database):
    """Three people, each the next one's boss, and their badges: few relationships, many levels."""
    return serve(database("""
        CREATE TABLE person (id INTEGER PRIMARY KEY, boss_id INTEGER REFERENCES person (id));
        CREATE TABLE badge (id INTEGER PRIMARY KEY, person_id INTEGER REFERENCES person (id));
        INSERT INTO person VALUES (1, NULL), (2, 1), (3, 2);
        INSERT INTO badge VALUES (7, 1), (8, 3);"""))


def test_depth_never_goes_round_in_circles(chain):
    badge = chain.get("/badge/8?depth=3").json
    assert badge["person"]["id"] == 3
    assert "badge" not in badge["person"]


def test_a_row_already_on_the_path_is_its_key_only(serve, database):
    server = serve(database("""
        CREATE TABLE a (id INTEGER PRIMARY KEY, name TEXT, b_id INTEGER
            REFERENCES b (id) -- sqlite only
        );
        CREATE TABLE b (id INTEGER PRIMARY KEY, name TEXT, a_id INTEGER REFERENCES a (id));
        INSERT INTO a VALUES (1, 'one', NULL);
        INSERT INTO b VALUES (2, 'two', 1);
        UPDATE a SET b_id = 2;
        ALTER TABLE a ADD FOREIGN KEY (b_id) REFERENCES b (id); -- postgresql only
        """))
    body = server.get("/a/1?depth=5").body
    assert body.count(b'"one"') == 1, body


def test_depth_has_a_range_of_its_own(chain):
    assert chain.get("/badge/7?depth=5").status == 200
    for depth in ("6", "-1", "99999999999"):
        response = chain.get(f"/badge/7?depth={depth}")
        assert response.status == 400
        assert "depth" in response.json["message"]


def test_depth_that_needs_too_many_embeds_is_refused(library):
    assert library.get("/author/1?depth=5").status == 400


def test_depth_with_select_is_refused(library):
    assert library.get("/genre/1?depth=1&select=id").status == 400


def test_a_column_called_depth_can_still_be_filtered(serve, database):
    server = serve(database("""
        CREATE TABLE lake (id INTEGER PRIMARY KEY, depth INTEGER);
        INSERT INTO lake VALUES (1, 20), (2, 30);"""))
    assert server.column("/lake?depth=eq.30") == [2]


def test_one_row_of_a_list_can_be_asked_for_as_an_object(library):
    response = library.get("/genre?id=eq.2", Accept=OBJECT)
    assert response.status == 200
    assert response.json == {"id": 2, "name": "music"}
    assert response.header("Content-Type") == OBJECT + "; charset=utf-8"


@pytest.mark.parametrize("query, rows", [("id=eq.99", 0), ("id=in.(1,2)", 2)])
def test_no_row_or_several_as_an_object_are_406_PGRST116(library, query, rows):
    error = library.error(f"/genre?{query}", 406, "PGRST116", Accept=OBJECT)
    assert error["message"] == "Cannot coerce the result to a single JSON object"
    assert error["details"] == f"The result contains {rows} rows"
