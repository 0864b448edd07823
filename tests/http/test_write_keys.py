"""Keys of rows that are written: Location names them, the URL of a PUT says the same value in its own
way, and rows come back by them, whatever their type."""
import pytest

FULL = "return=representation"
TABLES = """
    CREATE TABLE thing (k BLOB PRIMARY KEY, v TEXT); -- sqlite only
    CREATE TABLE thing (k bytea PRIMARY KEY, v text); -- postgresql only
    CREATE TABLE part (id INTEGER PRIMARY KEY, thing BLOB REFERENCES thing (k)); -- sqlite only
    CREATE TABLE part (id int PRIMARY KEY, thing bytea REFERENCES thing (k)); -- postgresql only
    CREATE TABLE odd ("x.y" text, "a b" text, "order" text, "q""\\" int,
        PRIMARY KEY ("x.y", "a b", "order", "q""\\"));
"""
MODELS = """{ "version": 1, "models": {
    "Moment": { "fields": { "at": "datetime pk", "note": "text?" } },
    "Pair": { "fields": { "color": "enum(red, 'dark blue') pk", "on": "boolean pk" } },
    "Code": { "fields": { "k": "bytes pk", "v": "text?" } },
    "Sum": { "fields": { "n": "decimal(10, 2) pk", "v": "text?" } },
    "Name": { "fields": { "n": "string(9) pk", "v": "text?" } } } }"""


@pytest.fixture
def tables(serve, database):
    return serve(database(TABLES))


@pytest.fixture
def models(tmp_path, serve, fresh):
    path = tmp_path / "models.json"
    path.write_text(MODELS, encoding="utf-8")
    return serve(fresh, "--models", str(path))


@pytest.mark.parametrize("target, row", [
    ("/thing", {"k": "\\x00ff"}),
    ("/thing", {"k": "\\x"}),
    ("/odd", {"x.y": "a.b", "a b": "é&=,()", "order": "\"\\*", 'q"\\': 7}),
])
def test_location_leads_to_the_row(tables, target, row):
    response = tables.post(target, row, Prefer="return=headers-only")
    assert response.status == 201
    found = tables.rows(response.header("Location"))
    assert [{name: one[name] for name in row} for one in found] == [row]


def test_location_leads_to_the_row_of_a_declared_model(models):
    for target, row in [("/code", {"k": "\\x0a5c"}), ("/moment", {"at": "2024-02-29T12:00:00.5Z"}),
                        ("/pair", {"color": "dark blue", "on": False})]:
        response = models.post(target, row, Prefer="return=headers-only")
        assert len(models.rows(response.header("Location"))) == 1


def test_rows_with_bytes_for_a_key_come_back_with_embeds_and_in_order(tables):
    made = tables.post("/thing?order=k&select=k,v", [{"k": "\\x00ff", "v": "a"},
                                                     {"k": "\\x", "v": "b"}], Prefer=FULL)
    assert made.json == [{"k": "\\x", "v": "b"}, {"k": "\\x00ff", "v": "a"}]
    tables.post("/part", {"id": 1, "thing": "\\x00ff"})
    changed = tables.patch("/thing?v=eq.a&select=k,part(id)", {"v": "c"}, Prefer=FULL)
    assert changed.json == [{"k": "\\x00ff", "part": [{"id": 1}]}]
    gone = tables.delete("/thing?v=eq.b&select=k,part(id)", Prefer=FULL)
    assert gone.json == [{"k": "\\x", "part": []}]


@pytest.mark.parametrize("key, row", [
    ("/moment/2024-02-29T12:00:00.5Z", {"at": "2024-02-29T13:00:00.500+01:00"}),
    ("/moment?at=eq.2024-02-29 12:00Z", {"at": "2024-02-29T12:00:00.000000Z"}),
    ("/pair/dark blue,t", {"color": "dark blue", "on": True}),
    ("/code/AAEC", {"k": "\\x000102"}),
    ("/sum/1.50", {"n": "1.5"}),
])
def test_a_url_says_the_key_of_a_put_in_its_own_way(models, key, row):
    assert models.put(key, row, Prefer=FULL).status == 201
    assert models.put(key, row, Prefer=FULL).status == 200
    assert len(models.rows(key.split("?")[0].rsplit("/", 1)[0] or key.split("?")[0])) == 1


@pytest.mark.parametrize("key, row", [
    ("/moment/2024-02-29T12:00:00Z", {"at": "2024-02-29T12:00:01Z"}),
    ("/pair/red,t", {"color": "red", "on": False}),
    ("/name/07", {"n": "7"}),
    ("/name/1.0", {"n": "1"}),
    ("/code/AAEC", {"k": "\\x000103"}),
])
def test_another_key_in_the_body_of_a_put_is_PGRST115(models, key, row):
    response = models.put(key, row)
    assert (response.status, response.json["code"]) == (400, "PGRST115")
