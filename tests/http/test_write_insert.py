"""POST: new rows as JSON, CSV and forms; what comes back; columns=, missing=default, upserts."""
import pytest

FORM = "application/x-www-form-urlencoded"
FULL = "return=representation"
OBJECT = "application/vnd.pgrst.object+json"
MERGE = "resolution=merge-duplicates"
IGNORE = "resolution=ignore-duplicates"


def test_a_row_is_created_and_nothing_comes_back(shop):
    response = shop.post("/maker", {"id": 7, "name": "Clay"})
    assert (response.status, response.body) == (201, b"")
    assert response.header("Content-Length") == "0"
    assert response.header("Content-Range") == "*/*"
    for name in ["Content-Type", "Location", "Preference-Applied", "Content-Location"]:
        assert response.header(name) is None
    assert shop.get("/maker/7").json == {"id": 7, "name": "Clay", "country": "nowhere"}


def test_rows_come_back_when_asked_for(shop):
    response = shop.post("/maker", {"name": "Clay"}, Prefer=FULL)
    assert response.status == 201
    assert response.json == [{"id": 3, "name": "Clay", "country": "nowhere"}]
    assert response.header("Content-Type") == "application/json; charset=utf-8"
    assert response.header("Content-Range") == "*/*"
    assert response.header("Preference-Applied") == FULL


def test_select_says_what_comes_back(shop):
    response = shop.post("/toy?select=title:name,maker(name)", {"name": "ball", "maker_id": 2},
                         Prefer=FULL)
    assert response.json == [{"title": "ball", "maker": {"name": "Tin Works"}}]


def test_children_of_new_rows_come_back(shop):
    response = shop.post("/maker?select=id,toy(id)", [{"id": 8, "name": "H"}, {"id": 9, "name": "N"}],
                         Prefer=FULL)
    assert response.json == [{"id": 8, "toy": []}, {"id": 9, "toy": []}]


NEW_TOYS = [{"id": 8, "name": "ball", "maker_id": 2}, {"id": 9, "name": "drum", "maker_id": None}]


def test_new_rows_without_a_partner_are_left_out_of_what_comes_back_and_of_its_number(shop):
    target = "/toy?select=id,maker!inner(name)"
    response = shop.post(target, NEW_TOYS, Prefer=FULL + ", count=exact")
    assert (response.status, response.header("Content-Range")) == (201, "*/1")
    assert response.json == [{"id": 8, "maker": {"name": "Tin Works"}}]
    assert shop.column("/toy?id=gt.7&order=id") == [8, 9]
    response = shop.post(target, [{**row, "id": row["id"] + 10} for row in NEW_TOYS], Prefer=FULL,
                         Accept=OBJECT)
    assert (response.status, response.json["id"]) == (201, 18)


@pytest.mark.parametrize("method, target", [("POST", "/toy?"), ("PUT", "/toy/9?")])
def test_one_object_without_a_partner_is_no_object_and_is_not_written(shop, method, target):
    response = shop.write(method, target + "select=id,maker!inner(name)", NEW_TOYS[1], Prefer=FULL,
                          Accept=OBJECT)
    assert (response.status, response.json["code"]) == (406, "PGRST116")
    assert response.json["details"] == "The result contains 0 rows"
    assert shop.rows("/toy?id=eq.9") == []


@pytest.mark.parametrize("prefer", ["return=minimal", "return=headers-only", FULL])
def test_an_embed_that_does_not_exist_is_refused_whatever_comes_back(shop, prefer):
    response = shop.post("/maker?select=id,nothing(id)", {"id": 7, "name": "Clay"}, Prefer=prefer)
    assert (response.status, response.json["code"]) == (400, "PGRST200")
    assert shop.rows("/maker?id=eq.7") == []


def test_headers_only_tells_where_the_row_is(shop):
    response = shop.post("/maker", {"id": 7, "name": "Clay"}, Prefer="return=headers-only")
    assert (response.status, response.body) == (201, b"")
    assert response.header("Location") == "/maker?id=eq.7"
    assert response.header("Preference-Applied") == "return=headers-only"
    assert response.header("Content-Type") is None
    assert shop.rows(response.header("Location"))[0]["name"] == "Clay"


def test_a_generated_key_is_in_location(shop):
    response = shop.post("/maker", {"name": "Clay"}, Prefer="return=headers-only")
    assert response.header("Location") == "/maker?id=eq.3"


def test_location_has_every_column_of_a_composite_key(shop):
    response = shop.post("/seat", {"room": "a b,c", "number": 5}, Prefer="return=headers-only")
    assert response.header("Location") == "/seat?room=eq.a%20b%2Cc&number=eq.5"


def test_location_is_plain_ascii(shop):
    response = shop.post("/%C3%B6re%20%26%20co", {"der Name": "é", "wert": 1},
                         Prefer="return=headers-only")
    assert response.header("Location") == "/%C3%B6re%20%26%20co?der%20Name=eq.%C3%A9"


def test_several_rows_have_no_location(shop):
    response = shop.post("/maker", [{"name": "C"}, {"name": "D"}], Prefer="return=headers-only")
    assert (response.status, response.header("Location")) == (201, None)


def test_a_relation_without_a_key_has_no_location(shop):
    response = shop.post("/note", {"line": "x"}, Prefer="return=headers-only")
    assert (response.status, response.header("Location")) == (201, None)


def test_rows_without_a_key_come_back(shop):
    response = shop.post("/note", [{"line": "x"}, {"line": "y"}], Prefer=FULL)
    assert response.json == [{"line": "x", "day": None}, {"line": "y", "day": None}]


def test_a_list_is_written_as_a_whole(shop):
    response = shop.post("/maker?select=id", [{"id": 5, "name": "E"}, {"id": 6, "name": "F"}],
                         Prefer=FULL + ", count=exact")
    assert response.json == [{"id": 5}, {"id": 6}]
    assert response.header("Content-Range") == "*/2"
    assert response.header("Preference-Applied") == "return=representation, count=exact"


def test_one_bad_row_undoes_the_others(shop):
    response = shop.post("/maker", [{"name": "E"}, {"name": "Tin Works"}, {"name": "F"}])
    assert (response.status, response.json["code"]) == (409, "23505")
    assert shop.column("/maker?order=id") == [1, 2]


def test_a_thousand_rows_in_one_body(shop):
    body = [{"id": i, "name": f"maker {i}"} for i in range(1000, 2000)]
    response = shop.post("/maker?select=id", body, Prefer=FULL)
    assert response.status == 201
    assert [row["id"] for row in response.json] == list(range(1000, 2000))
    assert len(shop.rows("/maker?id=gte.1000")) == 1000


def test_an_empty_list_creates_nothing(shop):
    response = shop.post("/maker", [], Prefer=FULL + ", count=exact")
    assert (response.status, response.json) == (201, [])
    assert response.header("Content-Range") == "*/0"


def test_an_empty_object_is_a_row_of_defaults(shop):
    assert shop.post("/badge", {}, Prefer=FULL).json == [{"id": 3, "code": None, "label": None}]


def test_a_list_of_one_empty_object_is_a_row_of_defaults(shop):
    assert shop.post("/badge", [{}]).status == 201
    assert len(shop.rows("/badge")) == 3


def test_all_objects_of_a_list_have_the_same_keys(shop):
    response = shop.post("/maker", [{"id": 5, "name": "E"}, {"name": "F"}])
    assert response.status == 400
    assert response.json == {"code": "PGRST102", "message": "All object keys must match",
                             "details": None, "hint": None}


def test_an_unknown_column_is_PGRST204(shop):
    response = shop.post("/maker", {"name": "E", "colour": "red"})
    assert response.status == 400
    assert response.json["code"] == "PGRST204"
    assert response.json["message"] == (
        "Could not find the 'colour' column of 'maker' in the schema cache")


def test_columns_picks_what_is_written(shop):
    response = shop.post("/maker?columns=id,name",
                         [{"id": 5, "name": "E", "country": "x", "other": 1}], Prefer=FULL)
    assert response.json == [{"id": 5, "name": "E", "country": "nowhere"}]


def test_columns_that_rows_lack_are_null(shop):
    shop.post("/maker?columns=id,name,country", [{"id": 5, "name": "E"}])
    assert shop.get("/maker/5").json["country"] is None


def test_an_unknown_name_in_columns_is_PGRST204(shop):
    response = shop.post("/maker?columns=colour", [{"id": 5, "name": "E"}])
    assert (response.status, response.json["code"]) == (400, "PGRST204")


@pytest.mark.parametrize("target", ["/maker", "/maker?columns=name,zinc,bone,coal"])
def test_of_several_unknown_columns_the_first_by_name_is_told(shop, target):
    response = shop.post(target, [{"name": "E", "zinc": 1, "bone": 2, "coal": 3}])
    assert (response.status, response.json["message"]) == (
        400, "Could not find the 'bone' column of 'maker' in the schema cache")


def test_missing_default_gives_lacking_columns_their_default(shop):
    response = shop.post("/maker?columns=name,country&select=name,country",
                         [{"name": "E"}, {"name": "F", "country": "Italy"}, {"name": "G"}],
                         Prefer=FULL + ", missing=default")
    assert response.json == [{"name": "E", "country": "nowhere"},
                             {"name": "F", "country": "Italy"}, {"name": "G", "country": "nowhere"}]
    assert response.header("Preference-Applied") == "missing=default, return=representation"


def test_rows_may_lack_columns_in_many_ways(serve, database):
    server = serve(database("CREATE TABLE w (id INTEGER PRIMARY KEY," + ", ".join(
        [f"d{i} INTEGER DEFAULT 7" for i in range(6)] + [f"n{i} INTEGER" for i in range(4)]) + ")"))
    names = [f"d{i}" for i in range(6)] + [f"n{i}" for i in range(4)]
    rows = [{name: 1 for bit, name in enumerate(names) if number >> bit & 1}
            for number in range(1024)]
    response = server.post("/w?columns=" + ",".join(names), rows,
                           Prefer=FULL + ", missing=default")
    assert response.status == 201
    assert [{name: row[name] for name in names} for row in response.json] == [
        {name: row.get(name, 7 if name[0] == "d" else None) for name in names} for row in rows]


def test_missing_default_resets_what_merged_rows_lack(shop):
    shop.patch("/toy?id=in.(1,2)", {"stock": 40, "price": 4})
    response = shop.post("/toy?columns=id,name,stock,price",
                         [{"id": 1, "name": "a", "price": 5}, {"id": 2, "name": "b", "stock": 6}],
                         Prefer=FULL + ", resolution=merge-duplicates, missing=default")
    assert response.status == 200
    assert [(row["stock"], row["price"]) for row in response.json] == [(1, 5), (6, None)]


def test_values_keep_their_kind(shop):
    shop.post("/toy", '{"id":9,"name":"\u00e9\\n\\"","price":0.1,"facts":{"a":[1,2.50,null]}}')
    row = shop.get("/toy/9").json
    assert (row["name"], row["price"], row["facts"]) == ("é\n\"", 0.1, {"a": [1, 2.5, None]})
    assert b'"facts":{"a":[1,2.50,null]}' in shop.get("/toy/9").body


def test_booleans_are_written(shop):
    assert shop.post("/flag?select=id,up", [{"id": 5, "up": True}, {"id": 6, "up": False}],
                     Prefer=FULL).json == [{"id": 5, "up": True}, {"id": 6, "up": False}]


def test_csv_is_rows_under_a_header(shop):
    response = shop.post("/maker?select=id,name,country", "id,name,country\n5,E,NULL\n6,\"F, G\",x\n",
                         Content_Type="text/csv", Prefer=FULL)
    assert response.json == [{"id": 5, "name": "E", "country": None},
                             {"id": 6, "name": "F, G", "country": "x"}]


def test_csv_lines_have_the_length_of_the_header(shop):
    response = shop.post("/note", "line,day\na,b\nc\n", Content_Type="text/csv")
    assert response.status == 400
    assert response.json["message"] == "All lines must have same number of fields"


def test_a_form_is_one_row(shop):
    response = shop.post("/maker", "id=5&name=E+%26+co", Content_Type=FORM, Prefer=FULL)
    assert response.json == [{"id": 5, "name": "E & co", "country": "nowhere"}]


@pytest.mark.parametrize("kind", ["application/json", "application/json; charset=utf-8",
                                  "Application/JSON"])
def test_json_may_be_named_in_all_its_spellings(shop, kind):
    assert shop.post("/note", {"line": "x"}, Content_Type=kind).status == 201


@pytest.mark.parametrize("body", ['{"line":"a=b"}', ' [{"line":"a=b"}]'])
def test_json_that_is_sent_as_a_form_is_json(shop, body):
    """What curl does with -d when nobody says anything else."""
    response = shop.post("/note", body, Content_Type=FORM, Prefer=FULL)
    assert response.status == 201
    assert response.json[0]["line"] == "a=b"


def test_without_content_type_a_body_is_json(shop):
    assert shop.request("POST", "/note", {}, b'{"line":"x"}').status == 201


@pytest.mark.parametrize("kind", ["text/plain", "image/png", "application/xml; q=1"])
def test_other_content_types_are_refused(shop, kind):
    response = shop.post("/note", '{"line":"x"}', Content_Type=kind)
    assert (response.status, response.json["code"]) == (400, "PGRST102")
    assert response.json["message"] == f"Content-Type not acceptable: {kind.split(';')[0]}"


@pytest.mark.parametrize("body", ["", "{", "}{ x", "[1", '{"a":1,}', "nonsense"])
def test_a_body_that_is_no_json_is_PGRST102(shop, body):
    response = shop.post("/note", body)
    assert response.status == 400
    assert response.json == {"code": "PGRST102", "message": "Empty or invalid json",
                             "details": None, "hint": None}


def test_one_object_can_be_asked_for(shop):
    response = shop.post("/maker", {"id": 5, "name": "E"}, Prefer=FULL,
                         Accept="application/vnd.pgrst.object+json")
    assert (response.status, response.json["id"]) == (201, 5)
    assert response.header("Content-Type") == "application/vnd.pgrst.object+json; charset=utf-8"


@pytest.mark.parametrize("prefer", [FULL, "return=minimal"])
def test_two_rows_are_not_one_object_and_are_not_written(shop, prefer):
    response = shop.post("/maker", [{"name": "E"}, {"name": "F"}], Prefer=prefer,
                         Accept="application/vnd.pgrst.object+json")
    assert (response.status, response.json["code"]) == (406, "PGRST116")
    assert response.json["details"] == "The result contains 2 rows"
    assert len(shop.rows("/maker")) == 2


def test_nulls_can_be_stripped(shop):
    response = shop.post("/maker", {"id": 5, "name": "E", "country": None}, Prefer=FULL,
                         Accept="application/vnd.pgrst.array+json;nulls=stripped")
    assert response.json == [{"id": 5, "name": "E"}]


# --- upserts --------------------------------------------------------------------------------------

def test_merging_changes_rows_that_are_there(shop):
    response = shop.post("/maker?select=id,name,country",
                         [{"id": 1, "name": "Oak"}, {"id": 5, "name": "E"}],
                         Prefer=f"{FULL}, {MERGE}")
    assert response.status == 201
    assert response.json == [{"id": 1, "name": "Oak", "country": "Norway"},
                             {"id": 5, "name": "E", "country": "nowhere"}]
    assert response.header("Preference-Applied") == f"{MERGE}, {FULL}"


@pytest.mark.parametrize("resolution", [MERGE, IGNORE])
@pytest.mark.parametrize("body", [{}, [{}], [{}, {}]])
def test_rows_of_defaults_can_be_upserted(shop, resolution, body):
    response = shop.post("/badge?select=code,label", body, Prefer=f"{resolution},{FULL}")
    assert response.status == 201, response
    assert response.json == [{"code": None, "label": None}] * (len(body) or 1)


def test_merging_only_is_200(shop):
    response = shop.post("/maker", [{"id": 1, "name": "Oak"}], Prefer=MERGE)
    assert (response.status, response.body) == (200, b"")
    assert shop.get("/maker/1").json == {"id": 1, "name": "Oak", "country": "Norway"}


def test_ignoring_leaves_rows_that_are_there(shop):
    response = shop.post("/maker?select=id", [{"id": 1, "name": "Oak"}, {"id": 5, "name": "E"}],
                         Prefer=f"{FULL}, {IGNORE}")
    assert (response.status, response.json) == (201, [{"id": 5}])
    assert shop.get("/maker/1").json["name"] == "Oak & Sons"


def test_ignoring_everything_is_201_without_rows(shop):
    response = shop.post("/maker", [{"id": 1, "name": "Oak"}], Prefer=f"{FULL}, {IGNORE}")
    assert (response.status, response.json) == (201, [])


# A row that was in conflict has taken a number of PostgreSQL's sequence.
AFTER_CONFLICT = {"sqlite": 3, "postgresql": 4}


def test_on_conflict_names_another_key(shop):
    response = shop.post("/badge?on_conflict=code&select=id,code,label",
                         [{"code": "two", "label": "new"}, {"code": "six", "label": "6"}],
                         Prefer=f"{FULL}, {MERGE}")
    assert response.json == [{"id": 2, "code": "two", "label": "new"},
                             {"id": AFTER_CONFLICT[shop.engine], "code": "six", "label": "6"}]


def test_on_conflict_of_no_key_is_an_error(shop):
    response = shop.post("/badge?on_conflict=label", [{"code": "x", "label": "y"}], Prefer=MERGE)
    assert (response.status, response.json["code"]) == (400, "42P10")


@pytest.mark.parametrize("resolution, target, hint", [
    (MERGE, "cod", 'Perhaps you meant to reference the column "badge.code" or the column '
                   '"excluded.code".'),
    (IGNORE, "id,cod", 'Perhaps you meant to reference the column "badge.code".'),
    (MERGE, "nothing,like,it", None)])
def test_a_column_in_on_conflict_that_does_not_exist_is_42703(shop, resolution, target, hint):
    """The database says it, as PostgREST leaves these names to it."""
    response = shop.post(f"/badge?on_conflict={target}", {"code": "x"}, Prefer=resolution)
    name = target.split(",")[-1] if hint else "nothing"
    assert (response.status, response.json) == (400, {
        "code": "42703", "message": f'column "{name}" does not exist', "details": None,
        "hint": hint})


def test_without_resolution_on_conflict_means_nothing(shop):
    assert shop.post("/badge?on_conflict=nothing", {"code": "x"}).status == 201


def test_a_composite_key_is_merged(shop):
    response = shop.post("/seat", [{"room": "A", "number": 2, "owner": "bob"}],
                         Prefer=f"{FULL}, {MERGE}")
    assert (response.status, response.json) == (
        200, [{"room": "A", "number": 2, "owner": "bob"}])


def test_without_a_key_resolution_is_not_applied(shop):
    response = shop.post("/note", [{"line": "first"}], Prefer=f"{FULL}, {MERGE}")
    assert response.status == 201
    assert response.header("Preference-Applied") == FULL


def test_the_same_key_twice_in_one_body_is_refused(shop):
    response = shop.post("/maker", [{"id": 5, "name": "E"}, {"id": 5, "name": "F"}], Prefer=MERGE)
    assert (response.status, response.json["code"]) == (500, "21000")
    assert response.json["message"] == (
        "ON CONFLICT DO UPDATE command cannot affect row a second time")
    assert len(shop.rows("/maker")) == 2


def test_the_same_key_twice_is_ignored_when_duplicates_are(shop):
    response = shop.post("/maker?select=id,name", [{"id": 5, "name": "E"}, {"id": 5, "name": "F"}],
                         Prefer=f"{FULL}, {IGNORE}")
    assert (response.status, response.json) == (201, [{"id": 5, "name": "E"}])


def test_rows_without_the_key_are_new(shop):
    response = shop.post("/badge?on_conflict=code&select=id",
                         [{"code": None, "label": "a"}, {"code": None, "label": "b"}],
                         Prefer=f"{FULL}, {MERGE}")
    assert (response.status, response.json) == (201, [{"id": 3}, {"id": 4}])
