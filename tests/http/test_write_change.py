"""PATCH and DELETE of relations: filters, what comes back, counts, limits on how much."""
import pytest

FULL = "return=representation"
OBJECT = "application/vnd.pgrst.object+json"


def test_rows_are_changed(shop):
    response = shop.patch("/toy?maker_id=eq.1", {"stock": 50})
    assert (response.status, response.body) == (204, b"")
    assert response.header("Content-Range") == "0-1/*"
    assert response.header("Content-Type") is None
    assert response.header("Content-Length") is None
    assert shop.column("/toy?order=id", "stock") == [50, 1, 50, 2]


def test_changed_rows_come_back(shop):
    response = shop.patch("/toy?id=in.(1,3)&select=id,stock&order=id.desc", {"stock": 7},
                          Prefer=FULL + ", count=exact")
    assert response.status == 200
    assert response.json == [{"id": 3, "stock": 7}, {"id": 1, "stock": 7}]
    assert response.header("Content-Range") == "0-1/2"
    assert response.header("Preference-Applied") == FULL + ", count=exact"
    assert response.header("Content-Type") == "application/json; charset=utf-8"


def test_embeds_of_changed_rows_come_back(shop):
    response = shop.patch("/maker?id=eq.1&select=name,toy(name)&toy.order=id", {"name": "Oak"},
                          Prefer=FULL)
    assert response.json == [{"name": "Oak", "toy": [{"name": "horse"}, {"name": "top"}]}]


def test_rows_come_back_although_they_no_longer_fit_the_filter(shop):
    response = shop.patch("/toy?stock=eq.9&select=id,stock", {"stock": 8}, Prefer=FULL)
    assert response.json == [{"id": 3, "stock": 8}]


def test_a_changed_key_comes_back(shop):
    response = shop.patch("/maker?id=eq.2&select=id,toy(id)", {"id": 20}, Prefer=FULL)
    if response.status == 409:  # its toys refer to the old key
        assert response.json["code"] == "23503"
    response = shop.patch("/badge?id=eq.2&select=id,code", {"id": 20}, Prefer=FULL)
    assert response.json == [{"id": 20, "code": "two"}]


def test_no_row_is_no_error(shop):
    response = shop.patch("/toy?id=eq.99", {"stock": 1})
    assert (response.status, response.header("Content-Range")) == (204, "*/*")
    response = shop.patch("/toy?id=eq.99", {"stock": 1}, Prefer=FULL + ", count=exact")
    assert (response.status, response.json) == (200, [])
    assert response.header("Content-Range") == "*/0"


@pytest.mark.parametrize("body", [{}, [], [{}]])
def test_an_empty_body_changes_nothing(shop, body):
    response = shop.patch("/toy?id=eq.1", body, Prefer=FULL)
    assert (response.status, response.json) == (200, [])
    assert response.header("Content-Range") == "*/*"
    assert shop.patch("/toy?id=eq.1", body).status == 204


@pytest.mark.parametrize("prefer", [FULL, "return=minimal"])
def test_an_empty_body_is_not_one_object(shop, prefer):
    response = shop.patch("/toy?id=eq.1", {}, Prefer=prefer, Accept=OBJECT)
    assert (response.status, response.json["code"]) == (406, "PGRST116")
    assert response.json["details"] == "The result contains 0 rows"


def test_all_rows_are_changed_without_a_filter(shop):
    assert shop.patch("/toy", {"stock": 0}).header("Content-Range") == "0-3/*"
    assert set(shop.column("/toy", "stock")) == {0}


def test_logic_and_embedded_conditions_choose_rows(shop):
    shop.patch("/toy?or=(id.eq.1,and(price.gt.5,stock.lt.2))", {"stock": 77})
    assert shop.column("/toy?stock=eq.77&order=id") == [1, 2]


def test_columns_says_what_is_changed(shop):
    shop.patch("/toy?id=eq.1&columns=stock", {"stock": 70, "name": "x", "whatever": 1})
    row = shop.get("/toy/1").json
    assert (row["stock"], row["name"]) == (70, "horse")


def test_missing_default_resets_what_the_body_lacks(shop):
    shop.patch("/maker?id=eq.1", {"country": "here"})
    response = shop.patch("/maker?id=eq.1&columns=country", {"name": "x"},
                          Prefer=FULL + ", missing=default")
    assert response.header("Content-Range") == "0-0/*"
    assert [row["country"] for row in response.json] == ["nowhere"]
    response = shop.patch("/toy?columns=stock,price&order=id", {"price": 3},
                          Prefer=FULL + ", missing=default")
    assert {(row["stock"], row["price"]) for row in response.json} == {(1, 3)}
    response = shop.patch("/maker/1?columns=name", {}, Prefer="missing=default")
    assert (response.status, response.json["code"]) == (400, "23502")  # its default is NULL
    assert shop.patch("/maker?columns=country", [], Prefer=FULL + ", missing=default").json == []


def test_an_unknown_column_is_PGRST204(shop):
    response = shop.patch("/toy?id=eq.1", {"colour": "red"})
    assert (response.status, response.json["code"]) == (400, "PGRST204")


def test_an_unknown_filter_is_42703(shop):
    response = shop.patch("/toy?colour=eq.red", {"stock": 1})
    assert (response.status, response.json["code"]) == (400, "42703")
    assert shop.delete("/toy?colour=eq.red").json["code"] == "42703"


def test_a_form_changes_rows(shop):
    shop.patch("/toy?id=eq.1", "stock=33", Content_Type="application/x-www-form-urlencoded")
    assert shop.get("/toy/1").json["stock"] == 33


# PostgreSQL cannot compare values of type json, only jsonb.
WOODEN = {"sqlite": "facts->wood=eq.true", "postgresql": "facts->>wood=eq.true"}


def test_values_of_json_columns_can_be_filtered_and_changed(shop):
    response = shop.patch(f"/toy?{WOODEN[shop.engine]}&select=facts", {"facts": {"wood": False}},
                          Prefer=FULL)
    assert response.json == [{"facts": {"wood": False}}]


def test_rows_are_deleted(shop):
    response = shop.delete("/toy?id=gt.2", Prefer="count=exact")
    assert (response.status, response.body) == (204, b"")
    assert response.header("Content-Range") == "*/2"
    assert response.header("Content-Length") is None
    assert shop.column("/toy?order=id") == [1, 2]


def test_deleted_rows_come_back(shop):
    response = shop.delete("/toy?id=in.(3,4)&select=id,name&order=id.desc", Prefer=FULL)
    assert (response.status, response.json) == (
        200, [{"id": 4, "name": "kite"}, {"id": 3, "name": "top"}])
    assert response.header("Content-Range") == "*/*"


def test_deleted_rows_come_back_with_what_belonged_to_them(shop):
    response = shop.delete("/toy?id=eq.1&select=id,maker(name),tag(label)", Prefer=FULL)
    assert response.json == [{"id": 1, "maker": {"name": "Oak & Sons"},
                              "tag": [{"label": "classic"}]}]
    assert shop.rows("/toy_tag?toy_id=eq.1") == []


def test_deleting_nothing_is_no_error(shop):
    assert shop.delete("/toy?id=eq.99").status == 204
    assert shop.delete("/toy?id=eq.99", Prefer=FULL).json == []


def test_a_body_of_delete_is_ignored(shop):
    assert shop.write("DELETE", "/toy?id=eq.4", b"}{", Content_Type="image/png").status == 204


@pytest.mark.parametrize("method", ["PATCH", "DELETE"])
@pytest.mark.parametrize("prefer", [FULL, "return=minimal"])
def test_several_rows_are_not_one_object_and_stay_as_they_were(shop, method, prefer):
    before = shop.get("/badge").body
    body = {"label": "x"} if method == "PATCH" else None
    response = shop.write(method, "/badge", body, Prefer=prefer, Accept=OBJECT)
    assert (response.status, response.json["code"]) == (406, "PGRST116")
    assert shop.get("/badge").body == before


def test_one_changed_row_can_be_an_object(shop):
    response = shop.patch("/toy?id=eq.1&select=id", {"stock": 1}, Prefer=FULL, Accept=OBJECT)
    assert (response.status, response.json) == (200, {"id": 1})
    assert shop.delete("/badge?id=eq.1&select=id", Prefer=FULL, Accept=OBJECT).json == {"id": 1}


@pytest.mark.parametrize("method", ["PATCH", "DELETE"])
def test_max_affected_stops_what_goes_too_far(shop, method):
    body = {"label": "x"} if method == "PATCH" else None
    before = shop.get("/badge").body
    response = shop.write(method, "/badge?id=gt.0", body, Prefer="handling=strict, max-affected=1")
    assert (response.status, response.json["code"]) == (400, "PGRST124")
    assert response.json["message"] == "Query result exceeds max-affected preference constraint"
    assert response.json["details"] == "The query affects 2 rows"
    assert shop.get("/badge").body == before
    response = shop.write(method, "/badge?id=gt.0", body, Prefer="handling=strict, max-affected=2")
    assert response.status == 204
    assert response.header("Preference-Applied") == "handling=strict, max-affected=2"


def test_max_affected_counts_with_strict_handling_only(shop):
    response = shop.delete("/badge", Prefer="handling=lenient, max-affected=1")
    assert response.status == 204
    assert response.header("Preference-Applied") == "handling=lenient"


@pytest.mark.parametrize("method, verb", [("PATCH", "UPDATE"), ("DELETE", "DELETE")])
def test_a_filter_can_be_required(serve, database, method, verb):
    server = serve(database("CREATE TABLE t (id INTEGER PRIMARY KEY, n INTEGER); "
                            "INSERT INTO t VALUES (1,1),(2,2);"), require_filter="true")
    body = {"n": 9} if method == "PATCH" else None
    response = server.write(method, "/t?select=id&limit=1", body)
    assert (response.status, response.json["code"]) == (400, "21000")
    assert response.json["message"] == f"{verb} requires a WHERE clause"
    assert len(server.rows("/t?n=in.(1,2)")) == 2
    assert server.write(method, "/t?id=not.is.null", body).status == 204
    assert server.rows("/t?n=in.(1,2)") == []


# --- transactions ---------------------------------------------------------------------------------

def test_a_dry_run_answers_and_keeps_nothing(shop):
    response = shop.post("/maker", {"id": 5, "name": "E"}, Prefer=FULL + ", tx=rollback")
    assert (response.status, response.json[0]["id"]) == (201, 5)
    assert response.header("Preference-Applied") == FULL + ", tx=rollback"
    assert shop.rows("/maker?id=eq.5") == []
    assert shop.delete("/badge", Prefer="tx=rollback, count=exact").header("Content-Range") == "*/2"
    assert shop.patch("/badge", {"label": "x"}, Prefer="tx=rollback").status == 204
    assert shop.column("/badge?order=id", "label") == ["first", "second"]


def test_a_dry_run_finds_broken_references(shop):
    response = shop.post("/toy", {"name": "x", "maker_id": 99}, Prefer="tx=rollback")
    assert (response.status, response.json["code"]) == (409, "23503")


TABLE = "CREATE TABLE t (id INTEGER PRIMARY KEY);"


@pytest.mark.parametrize("tx_end, prefer, kept, applied", [
    ("commit", "tx=rollback", True, None),
    ("commit-allow-override", "tx=commit", True, "tx=commit"),
    ("commit-allow-override", "tx=rollback", False, "tx=rollback"),
    ("commit-allow-override", None, True, None),
    ("rollback", "tx=commit", False, None),
    ("rollback-allow-override", None, False, None),
    ("rollback-allow-override", "tx=commit", True, "tx=commit"),
    ("rollback-allow-override", "tx=rollback", False, "tx=rollback"),
])
def test_the_server_decides_how_transactions_end(serve, database, tx_end, prefer, kept, applied):
    server = serve(database(TABLE), db_tx_end=tx_end)
    headers = {"Prefer": prefer} if prefer else {}
    response = server.post("/t", {"id": 1}, **headers)
    assert (response.status, response.header("Preference-Applied")) == (201, applied)
    assert server.rows("/t") == ([{"id": 1}] if kept else [])
