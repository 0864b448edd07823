"""Types that only PostgreSQL has, in answers other than JSON and under settings of the database."""
import csv
import io

import pytest

pytestmark = pytest.mark.postgresql("types that SQLite does not have")

KINDS = """
    CREATE TYPE mood AS ENUM ('calm', 'so, so', 'a "b" \\ c');
    CREATE TYPE pair AS (a integer, b text);
    CREATE TABLE kind (id integer PRIMARY KEY, mood mood, net inet, span int4range, took interval,
        words tsvector, price money, bits bit(3), name "char", pair pair, tags text[], doc jsonb,
        part point, ref oid);
    INSERT INTO kind VALUES
        (1, 'so, so', '10.0.0.1/8', '[1,5)', '1 day 02:00', 'a:1 b:2', '$1.50', '101', 'x',
         '(1,"x y")', '{a,NULL}', '"text"', '(1.5,2)', 7),
        (2, 'a "b" \\ c', '::1', 'empty', '-1 mon', '', '$0.00', '000', '"', '(,)', '{}', '[1]',
         '(0,0)', 0);
    INSERT INTO kind (id) VALUES (3);
"""


def test_csv_has_the_texts_of_values_and_not_json_strings(serve, database):
    daemon = serve(database(KINDS))
    plain = ["mood", "net", "span", "took", "words", "price", "bits", "name", "part", "ref"]
    rows = daemon.rows("/kind?order=id")
    read = list(csv.DictReader(io.StringIO(daemon.get("/kind?order=id", Accept="text/csv").text,
                                           newline=""), strict=True))
    assert [{name: cells[name] for name in plain} for cells in read[:2]] == [
        {name: row[name] for name in plain} for row in rows[:2]]
    assert [cells["pair"] for cells in read] == ['{"a":1,"b":"x y"}', '{"a":null,"b":null}', ""]
    assert [cells["tags"] for cells in read] == ['["a",null]', "[]", ""]
    assert [cells["doc"] for cells in read] == ['"text"', "[1]", ""]


def test_what_csv_says_of_such_values_can_be_posted(serve, database):
    daemon = serve(database(KINDS + "CREATE TABLE copy (LIKE kind INCLUDING ALL);"))
    names = "id,mood,net,span,took,words,price,bits,name,part,ref,doc"
    text = daemon.get(f"/kind?select={names}&id=lt.3&order=id", Accept="text/csv").text
    response = daemon.post("/copy?order=id&select=" + names, text, Content_Type="text/csv",
                           Prefer="return=representation")
    assert response.status == 201, response
    assert response.json == daemon.rows(f"/kind?select={names}&id=lt.3&order=id")
