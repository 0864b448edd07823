"""What stands against a write: constraints, views, schemas, methods."""
import pytest

FULL = "return=representation"


def refused(response, status, code):
    assert response.status == status, response
    error = response.json
    assert set(error) == {"code", "message", "details", "hint"}
    assert error["code"] == code, error
    assert response.header("Proxy-Status") == f"PostgREST; error={code}"
    assert response.header("Preference-Applied") is None
    return error


@pytest.mark.parametrize("method, target, body, status, code, part", [
    ("POST", "/maker", {"name": "Tin Works"}, 409, "23505", "unique constraint"),
    ("POST", "/maker", {"id": 1, "name": "x"}, 409, "23505", "unique constraint"),
    ("PATCH", "/maker?id=eq.1", {"name": "Tin Works"}, 409, "23505", "unique constraint"),
    ("POST", "/maker", {"name": None}, 400, "23502", '"name" of relation "maker"'),
    ("POST", "/maker", {"id": 9}, 400, "23502", '"name" of relation "maker"'),
    ("PATCH", "/maker?id=eq.1", {"name": None}, 400, "23502", "not-null constraint"),
    ("POST", "/toy", {"name": "x", "maker_id": 99}, 409, "23503", "foreign key constraint"),
    ("PATCH", "/toy?id=eq.1", {"maker_id": 99}, 409, "23503", "foreign key constraint"),
    ("DELETE", "/maker?id=eq.1", None, 409, "23503", "foreign key constraint"),
    ("POST", "/toy", {"name": "x", "price": -1}, 400, "23514", '"price_is_fair"'),
    ("POST", "/toy", {"name": "x", "stock": "many"}, 400, "22P02", "many"),
    ("POST", "/flag", {"up": "perhaps"}, 400, "22P02", "perhaps"),
])
def test_constraints_answer_with_codes_of_postgresql(shop, method, target, body, status, code, part):
    before = shop.get("/toy").body + shop.get("/maker").body
    assert part in refused(shop.write(method, target, body), status, code)["message"]
    assert shop.get("/toy").body + shop.get("/maker").body == before


@pytest.mark.parametrize("method", ["POST", "PATCH", "PUT", "DELETE"])
def test_an_unknown_relation_is_404(shop, method):
    refused(shop.write(method, "/nowhere?id=eq.1", {"id": 1}), 404, "PGRST205")


def test_a_key_twice_in_an_object_is_refused(shop):
    response = shop.post("/note", '{"line":"a","line":"b"}')
    assert response.status == 400


def test_the_schema_of_a_write_is_content_profile(shop):
    assert shop.post("/note", {"line": "x"}, Content_Profile="public").status == 201
    error = refused(shop.post("/note", {"line": "x"}, Content_Profile="secret"), 406, "PGRST106")
    assert error["message"] == "Invalid schema: secret"
    assert shop.post("/note", {"line": "x"}, Accept_Profile="secret").status == 201


def test_strict_handling_refuses_unknown_preferences(shop):
    refused(shop.post("/note", {"line": "x"}, Prefer="handling=strict, coffee=black"),
            400, "PGRST122")
    assert len(shop.rows("/note")) == 2


def test_a_media_type_nobody_offers_writes_nothing(shop):
    refused(shop.post("/note", {"line": "x"}, Accept="image/png"), 406, "PGRST107")
    assert len(shop.rows("/note")) == 2


@pytest.mark.parametrize("target, allow", [
    ("/toy", "OPTIONS,GET,HEAD,POST,PUT,PATCH,DELETE"),
    ("/toy/1", "OPTIONS,GET,HEAD,PUT,PATCH,DELETE"),
    ("/toy/1/maker", "OPTIONS,GET,HEAD"),
    ("/note", "OPTIONS,GET,HEAD,POST,PATCH,DELETE"),
    ("/price_list", "OPTIONS,GET,HEAD"),
    ("/inbox", "OPTIONS,GET,HEAD,POST"),
])
def test_options_tells_how_a_relation_can_be_written(shop, target, allow):
    response = shop.options(target)
    assert (response.status, response.body) == (200, b"")
    assert response.header("Allow") == allow


@pytest.mark.parametrize("method, target", [
    ("POST", "/price_list"), ("PATCH", "/price_list?name=eq.x"), ("DELETE", "/price_list"),
    ("PATCH", "/inbox"), ("DELETE", "/inbox"), ("PUT", "/inbox?line=eq.x")])
def test_a_view_without_triggers_is_405(shop, method, target):
    response = shop.write(method, target, {"name": "x"})
    refused(response, 405, "PGRST117")
    assert response.header("Allow").startswith("OPTIONS,GET,HEAD")


def test_a_view_is_written_through_its_triggers(shop):
    response = shop.post("/cheap_toy", {"id": 9, "name": "dice", "price": 1}, Prefer=FULL)
    assert response.status == 201
    assert response.json == [{"id": 9, "name": "dice", "price": 1}]
    response = shop.patch("/cheap_toy?id=eq.9", {"price": 2}, Prefer=FULL)
    assert (response.status, response.json) == (200, [{"id": 9, "name": "dice", "price": 2}])
    assert shop.get("/toy/9").json["price"] == 2
    assert shop.delete("/cheap_toy?id=eq.9", Prefer=FULL).json == [
        {"id": 9, "name": "dice", "price": 2}]
    assert shop.get("/toy/9").status == 404


def test_logic_chooses_rows_of_a_view(shop):
    assert shop.patch("/cheap_toy?or=(id.eq.3,name.eq.x)&price=lt.9", {"price": 5}).status == 204
    assert shop.get("/toy/3").json["price"] == 5


def test_a_view_takes_no_upsert(shop):
    response = shop.post("/cheap_toy?on_conflict=id", {"id": 9, "name": "x", "price": 1},
                         Prefer="resolution=merge-duplicates")
    refused(response, 400, "0A000")


def test_several_rows_of_a_view_are_not_one_object(shop):
    shop.post("/cheap_toy", {"id": 9, "name": "dice", "price": 1})
    response = shop.patch("/cheap_toy", {"price": 2}, Accept="application/vnd.pgrst.object+json")
    refused(response, 406, "PGRST116")
    assert shop.get("/toy/9").json["price"] == 1
    response = shop.patch("/cheap_toy", {"price": 2}, Prefer="handling=strict, max-affected=1")
    refused(response, 400, "PGRST124")


def test_rows_written_through_a_view_are_counted(shop):
    response = shop.patch("/cheap_toy?id=eq.3", {"price": 2}, Prefer="count=exact")
    assert response.header("Content-Range") == "0-0/1"
    assert shop.delete("/cheap_toy", Prefer="count=exact").header("Content-Range") == "*/1"


def test_a_view_that_takes_new_rows_only(shop):
    assert shop.post("/inbox", [{"line": "a"}, {"line": "b"}]).status == 201
    assert shop.column("/note?day=eq.today&order=line", "line") == ["a", "b"]


def test_a_database_that_cannot_be_written_says_so(serve, database):
    db = database("CREATE TABLE t (id INTEGER PRIMARY KEY); CREATE TRIGGER no BEFORE INSERT ON t "
                  "BEGIN SELECT RAISE(ABORT, 'closed today'); END;")
    response = serve(db).post("/t", {"id": 1})
    assert (response.status, response.json["code"]) == (400, "P0001")
    assert response.json["message"] == "closed today"
