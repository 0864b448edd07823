"""Writes over PostgreSQL whose answers are large: told, or not done."""
import pytest

pytestmark = pytest.mark.postgresql("it answers after the commit")
FULL = "return=representation"

SCHEMA = """
CREATE TABLE shelf (id INTEGER PRIMARY KEY, name text, note text);
CREATE TABLE book (id INTEGER PRIMARY KEY, shelf_id integer REFERENCES shelf (id), text text);
INSERT INTO shelf VALUES (1, 'full'), (2, 'small'), (3, 'wide');
INSERT INTO book SELECT i, 1, repeat('x', 10000) FROM generate_series(1, 400) i;
INSERT INTO book VALUES (1000, 2, 'y');
UPDATE shelf SET note = repeat('n', 3000000) WHERE id = 3;
"""


@pytest.fixture(name="small")
def make_small(serve, database):
    """A daemon whose answers are at most 1 MiB."""
    server = serve(database(SCHEMA), threads=1, request_memory="1MiB", body="256KiB")
    return server


@pytest.mark.parametrize("method, target, body", [
    ("PATCH", "/shelf/1?select=name,book(*)", {"name": "changed"}),
    ("PATCH", "/shelf?id=eq.1&select=name,book(*)", {"name": "changed"}),
    ("PUT", "/shelf/1?select=name,book(*)", {"id": 1, "name": "changed"}),
    ("POST", "/shelf?on_conflict=id&select=name,book(*)", {"id": 1, "name": "changed"}),
    ("DELETE", "/book/7?select=id,shelf(name,book(*))", None),
    ("POST", "/book?select=id,shelf(name,book(*))", {"id": 999, "shelf_id": 1}),
])
def test_a_write_whose_embeds_do_not_fit_is_not_done(small, method, target, body):
    response = small.write(method, target, body,
                           Prefer=FULL + ", resolution=merge-duplicates")
    assert response.status >= 400, response.status
    assert small.rows("/shelf?id=eq.1&select=name") == [{"name": "full"}]
    assert small.rows("/book?id=in.(7,999)&select=id") == [{"id": 7}]


def test_a_write_with_embeds_that_fit_is_done(small):
    response = small.patch("/shelf/2?select=name,book(id)", {"name": "new"}, Prefer=FULL)
    assert (response.status, response.json) == (200, {"name": "new", "book": [{"id": 1000}]})
    response = small.post("/book?select=id,shelf(name)", {"id": 2000, "shelf_id": 2}, Prefer=FULL)
    assert (response.status, response.json) == (201, [{"id": 2000, "shelf": {"name": "new"}}])


@pytest.mark.parametrize("method, target", [("PATCH", "/shelf/3"), ("DELETE", "/shelf/3")])
def test_one_row_that_is_done_is_told_however_wide(small, method, target):
    response = small.write(method, target, {"name": "x"} if method == "PATCH" else None, Prefer=FULL)
    assert response.status == 200 and len(response.json["note"]) == 3000000
