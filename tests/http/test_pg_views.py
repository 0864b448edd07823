"""Views over tables that are not served themselves: a schema of views in front of one of tables, as
PostgREST's documentation advises."""
import pytest

from harness import Modeld

pytestmark = pytest.mark.postgresql("SQLite has one schema, and views that lead to it")

HALL = """
    CREATE SCHEMA api; CREATE SCHEMA private; CREATE SCHEMA other;
    CREATE TABLE private.maker (id integer PRIMARY KEY, name text);
    CREATE TABLE private.toy (gone integer, id integer PRIMARY KEY, title text,
        maker_id integer REFERENCES private.maker, bought_by integer);
    ALTER TABLE private.toy DROP gone;
    CREATE TABLE private.tag (id integer PRIMARY KEY, word text);
    CREATE TABLE private.toy_tag (toy_id integer REFERENCES private.toy,
        tag_id integer REFERENCES private.tag, PRIMARY KEY (toy_id, tag_id));
    CREATE TABLE private.price (toy_id integer UNIQUE REFERENCES private.toy, cents integer);
    CREATE TABLE private.sale (day date, id integer, toy_id integer REFERENCES private.toy,
        PRIMARY KEY (day, id)) PARTITION BY RANGE (day);
    CREATE TABLE private.sale_2024 PARTITION OF private.sale
        FOR VALUES FROM ('2024-01-01') TO ('2025-01-01');
    CREATE TABLE other.maker (id integer PRIMARY KEY, toy_id integer REFERENCES private.toy);
    CREATE TABLE api.note (id integer PRIMARY KEY, toy_id integer REFERENCES private.toy);
    CREATE VIEW api.maker AS SELECT * FROM private.maker;
    CREATE VIEW api.toy AS SELECT id, title, maker_id FROM private.toy;
    CREATE VIEW api.tag AS SELECT id, word FROM private.tag;
    CREATE VIEW api.label AS SELECT toy_id AS toy, tag_id AS tag FROM private.toy_tag;
    CREATE VIEW api.price AS SELECT * FROM private.price;
    CREATE VIEW api.sale AS SELECT * FROM private.sale;
    CREATE VIEW api.sale_then AS SELECT * FROM private.sale_2024;
    CREATE VIEW api.seller AS SELECT * FROM other.maker;
    CREATE VIEW api.made AS SELECT t.id, t.title, t.maker_id, m.name FROM private.toy t
        JOIN private.maker m ON m.id = t.maker_id;
    CREATE VIEW api.pair AS SELECT t.id AS toy, m.id AS maker FROM private.toy t
        JOIN private.maker m ON m.id = t.maker_id;
    CREATE MATERIALIZED VIEW api.kept AS SELECT id, maker_id AS by FROM private.toy;
    CREATE UNIQUE INDEX ON api.kept (id);
    INSERT INTO private.maker VALUES (1, 'Ann'), (2, 'Bob');
    INSERT INTO private.toy VALUES (1, 'top', 1), (2, 'kite', 2);
    INSERT INTO private.tag VALUES (1, 'wood'), (2, 'red');
    INSERT INTO private.toy_tag VALUES (1, 1), (1, 2);
    INSERT INTO private.price VALUES (1, 250);
    INSERT INTO private.sale VALUES ('2024-05-05', 1, 2);
    INSERT INTO other.maker VALUES (1, 2);
    INSERT INTO api.note VALUES (7, 1);
    REFRESH MATERIALIZED VIEW api.kept;
"""


@pytest.fixture(scope="module")
def hall(engine, tmp_path_factory):
    folder = tmp_path_factory.mktemp("hall")
    db = engine.database(folder, HALL)
    server = Modeld(db.url, folder=folder, settings={"db-schemas": "api", "threads": 1})
    server.db = db
    yield server
    server.stop()
    db.drop()


@pytest.mark.parametrize("target, rows", [
    ("/toy?select=id,maker(name)&order=id",
     [{"id": 1, "maker": {"name": "Ann"}}, {"id": 2, "maker": {"name": "Bob"}}]),
    ("/maker?select=name,toy(title)&order=id",
     [{"name": "Ann", "toy": [{"title": "top"}]}, {"name": "Bob", "toy": [{"title": "kite"}]}]),
    ("/toy?select=id,tag(word)&order=id",
     [{"id": 1, "tag": [{"word": "wood"}, {"word": "red"}]}, {"id": 2, "tag": []}]),
    ("/label?select=toy(title)&tag=eq.2", [{"toy": {"title": "top"}}]),
    ("/toy?select=id,price(cents)&order=id",
     [{"id": 1, "price": {"cents": 250}}, {"id": 2, "price": None}]),
    ("/note?select=id,toy(title)", [{"id": 7, "toy": {"title": "top"}}]),
    ("/toy?select=id,note(id)&id=eq.1", [{"id": 1, "note": [{"id": 7}]}]),
    ("/sale?select=id,toy(title)", [{"id": 1, "toy": {"title": "kite"}}]),
    ("/sale_then?select=id", [{"id": 1}]),
    ("/made?select=title,maker(name)&order=id",
     [{"title": "top", "maker": {"name": "Ann"}}, {"title": "kite", "maker": {"name": "Bob"}}]),
    ("/kept?select=id,maker(name)&order=id",
     [{"id": 1, "maker": {"name": "Ann"}}, {"id": 2, "maker": {"name": "Bob"}}])])
def test_views_have_the_keys_of_tables_of_another_schema(hall, target, rows):
    assert hall.rows(target) == rows


@pytest.mark.parametrize("target, row", [
    ("/toy/1", {"id": 1, "title": "top", "maker_id": 1}), ("/label/1,2", {"toy": 1, "tag": 2}),
    ("/sale_then/2024-05-05,1", {"day": "2024-05-05", "id": 1, "toy_id": 2}),
    ("/made/2", {"id": 2, "title": "kite", "maker_id": 2, "name": "Bob"}),
    ("/pair/2,2", {"toy": 2, "maker": 2}), ("/kept/2", {"id": 2, "by": 2})])
def test_a_row_of_a_view_is_found_by_the_primary_keys_that_it_shows(hall, target, row):
    response = hall.get(target)
    assert (response.status, response.json) == (200, row), response


def test_tables_that_are_not_served_stay_unseen(hall):
    names = {model["name"] for model in hall.get("/-/schema").json["models"]}
    assert names == {"maker", "toy", "tag", "label", "price", "sale", "sale_then", "seller", "made",
                     "pair", "kept", "note"}
    assert hall.get("/toy_tag").status == 404
    assert hall.error("/maker?select=toy_tag(*)", 400, "PGRST200")
    # Of two tables of one name each view leads to its own.
    assert hall.rows("/seller?select=toy(title)") == [{"toy": {"title": "kite"}}]
    assert hall.error("/seller?select=maker(*)", 400, "PGRST200")


def test_rows_are_upserted_through_a_view_by_its_key(hall):
    response = hall.post("/toy", [{"id": 2, "title": "kite", "maker_id": 1},
                                  {"id": 3, "title": "ball", "maker_id": 2}],
                         Prefer="resolution=merge-duplicates, return=representation")
    assert response.status == 201, response
    assert hall.rows("/toy?select=maker(name)&id=gt.1&order=id") == [
        {"maker": {"name": "Ann"}}, {"maker": {"name": "Bob"}}]
    hall.db.run("DELETE FROM private.toy WHERE id = 3; UPDATE private.toy SET maker_id = 2"
                " WHERE id = 2")


def test_a_key_that_is_made_in_another_schema_is_seen_by_a_reload(hall):
    hall.db.run("ALTER TABLE private.toy ADD CONSTRAINT buyer FOREIGN KEY (bought_by)"
                " REFERENCES private.maker; CREATE OR REPLACE VIEW api.toy AS SELECT id, title,"
                " maker_id, bought_by FROM private.toy; UPDATE private.toy SET bought_by = 1")
    assert hall.admin("/-/reload", "POST").status == 200
    assert hall.rows("/toy?select=id,maker!buyer(name)&id=eq.2") == [
        {"id": 2, "maker": {"name": "Ann"}}]
    hall.db.run("ALTER TABLE private.toy DROP CONSTRAINT buyer; DROP VIEW api.toy;"
                " CREATE VIEW api.toy AS SELECT id, title, maker_id FROM private.toy")
    assert hall.admin("/-/reload", "POST").status == 200
    assert hall.rows("/toy?select=id,maker(name)&id=eq.2") == [{"id": 2, "maker": {"name": "Bob"}}]
