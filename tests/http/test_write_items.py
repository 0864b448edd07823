"""PUT, and writes to one row by its path."""
import pytest

FULL = "return=representation"


def test_put_creates_a_row(shop):
    response = shop.put("/maker?id=eq.5", {"id": 5, "name": "E"}, Prefer=FULL)
    assert (response.status, response.json) == (201, [{"id": 5, "name": "E", "country": "nowhere"}])
    assert response.header("Content-Range") is None


def test_put_replaces_a_row(shop):
    response = shop.put("/maker?id=eq.1", [{"id": 1, "name": "Oak", "country": None}], Prefer=FULL)
    assert (response.status, response.json) == (200, [{"id": 1, "name": "Oak", "country": None}])


@pytest.mark.parametrize("key", [1, 5])
def test_put_without_representation_is_204(shop, key):
    response = shop.put(f"/maker?id=eq.{key}", {"id": key, "name": "E"})
    assert (response.status, response.body) == (204, b"")
    assert response.header("Content-Type") is None
    assert shop.get(f"/maker/{key}").json["name"] == "E"


def test_put_of_a_composite_key(shop):
    response = shop.put("/seat?number=eq.2&room=eq.A", {"room": "A", "number": 2, "owner": "cy"})
    assert response.status == 204
    assert shop.get("/seat/A,2").json["owner"] == "cy"


@pytest.mark.parametrize("target", [
    "/maker", "/maker?name=eq.E", "/maker?id=eq.5&name=eq.E", "/maker?id=not.eq.5",
    "/maker?id=in.(5)", "/maker?id=gt.4", "/maker?and=(id.eq.5)", "/maker?id=eq(any).{5}",
    "/seat?room=eq.A", "/seat?room=eq.A&room=eq.A", "/note?line=eq.x"])
def test_put_needs_exactly_the_key(shop, target):
    response = shop.put(target, {"id": 5, "name": "E"})
    assert response.status == 405
    assert response.json == {
        "code": "PGRST105", "details": None, "hint": None,
        "message": "Filters must include all and only primary key columns with 'eq' operators"}


@pytest.mark.parametrize("more", ["limit=1", "offset=1"])
def test_put_takes_no_limit(shop, more):
    response = shop.put(f"/maker?id=eq.5&{more}", {"id": 5, "name": "E"})
    assert response.status == 400
    assert response.json["code"] == "PGRST114"
    assert response.json["message"] == "limit/offset querystring parameters are not allowed for PUT"


@pytest.mark.parametrize("target", ["/maker?id=eq.5", "/maker/5"])
@pytest.mark.parametrize("body", [{"id": 6, "name": "E"}, {"name": "E"}, {"id": None, "name": "E"}, [],
                                  [{"id": 5, "name": "E"}, {"id": 6, "name": "F"}]])
def test_put_writes_the_row_that_the_url_names(shop, target, body):
    response = shop.put(target, body)
    assert response.status == 400
    assert response.json["code"] == "PGRST115"
    assert response.json["message"] == "Payload values do not match URL in primary key column(s)"
    assert len(shop.rows("/maker")) == 2


def test_put_compares_keys_by_their_type(shop):
    assert shop.put("/maker?id=eq.05", {"id": 5, "name": "E"}).status == 204
    assert shop.put("/maker?id=eq.5", {"id": "5", "name": "E"}).status == 204
    assert shop.put("/tag?code=eq.05", {"code": "5", "label": "x"}).status == 400
    assert shop.put("/tag?code=eq.5", {"code": "5", "label": "x"}).status == 204


def test_put_ignores_columns_and_on_conflict(shop):
    response = shop.put("/maker?id=eq.5&columns=id&on_conflict=name", {"id": 5, "name": "E"})
    assert response.status == 204
    assert shop.get("/maker/5").json["name"] == "E"


# --- /{relation}/{key} ----------------------------------------------------------------------------

def test_an_item_is_created_and_replaced(shop):
    response = shop.put("/maker/5", {"id": 5, "name": "E"}, Prefer=FULL)
    assert (response.status, response.json) == (201, {"id": 5, "name": "E", "country": "nowhere"})
    response = shop.put("/maker/5?select=name", {"id": 5, "name": "F"}, Prefer=FULL)
    assert (response.status, response.json) == (200, {"name": "F"})
    assert shop.put("/seat/B,7", {"room": "B", "number": 7}).status == 204


def test_an_item_is_changed(shop):
    response = shop.patch("/toy/1", {"stock": 8}, Prefer="count=exact")
    assert (response.status, response.body) == (204, b"")
    assert response.header("Content-Range") is None
    assert shop.column("/toy?order=id", "stock") == [8, 1, 9, 2]


def test_a_changed_item_comes_back_as_an_object(shop):
    response = shop.patch("/toy/1?select=name,maker(name)", {"stock": 8}, Prefer=FULL)
    assert (response.status, response.json) == (
        200, {"name": "horse", "maker": {"name": "Oak & Sons"}})
    assert response.header("Content-Type") == "application/json; charset=utf-8"


def test_an_item_of_a_composite_key_is_changed_and_deleted(shop):
    assert shop.patch("/seat/A,2", {"owner": "dan"}).status == 204
    assert shop.get("/seat/A,2").json["owner"] == "dan"
    assert shop.delete("/seat/A,2", Prefer=FULL).json["owner"] == "dan"
    assert shop.get("/seat/A,2").status == 404


def test_an_item_is_deleted(shop):
    response = shop.delete("/toy/1")
    assert (response.status, response.body) == (204, b"")
    assert shop.column("/toy?order=id") == [2, 3, 4]


def test_a_deleted_item_comes_back_with_its_embeds(shop):
    response = shop.delete("/toy/1?select=id,tag(code)", Prefer=FULL)
    assert (response.status, response.json) == (200, {"id": 1, "tag": [{"code": "old"}]})


@pytest.mark.parametrize("prefer", [FULL, "return=minimal"])
@pytest.mark.parametrize("method", ["PATCH", "DELETE"])
@pytest.mark.parametrize("key", ["99", "abc"])
def test_an_absent_item_is_404_MD404(shop, method, key, prefer):
    body = {"stock": 1} if method == "PATCH" else None
    response = shop.write(method, f"/toy/{key}", body, Prefer=prefer)
    assert (response.status, response.json["code"]) == (404, "MD404")


def test_an_empty_change_of_an_item_is_no_error(shop):
    assert shop.patch("/toy/1", {}).status == 204
    assert shop.patch("/toy/1?select=name,maker(id)", {}, Prefer=FULL).json == {
        "name": "horse", "maker": {"id": 1}}
    assert shop.patch("/toy/99", {}).status == 404
    assert shop.patch("/toy/99", {}, Prefer=FULL).json["code"] == "MD404"


def test_a_required_filter_is_not_asked_of_items(serve, database):
    server = serve(database("CREATE TABLE t (id INTEGER PRIMARY KEY, n INTEGER); "
                            "INSERT INTO t VALUES (1,1);"), require_filter="true")
    assert server.patch("/t/1", {"n": 2}).status == 204
    assert server.delete("/t/1").status == 204


def test_items_take_no_post(shop):
    response = shop.post("/toy/1", {"name": "x"})
    assert (response.status, response.json["code"]) == (405, "PGRST117")
    assert response.header("Allow") == "OPTIONS,GET,HEAD,PUT,PATCH,DELETE"


def test_related_rows_are_added_and_set_but_not_changed(shop):
    for method in ["PATCH", "DELETE"]:
        response = shop.write(method, "/maker/1/toy", {})
        assert (response.status, response.header("Allow")) == (405, "OPTIONS,GET,HEAD,POST,PUT")
