"""Declared models: bodies are checked before any SQL, and what they do not give is made."""
import re
import time

import pytest

FULL = "return=representation"
MERGE = "resolution=merge-duplicates," + FULL
MODELS = r"""{ "version": 1, "enums": { "Role": ["user", "admin"] }, "models": {
  "User": { "fields": {
    "username": "string(20) unique min_length(2) pattern('[a-z][a-z0-9_]*')",
    "email": "string(254) unique format(email)",
    "role": "Role = user",
    "is_active": "boolean = true",
    "age": "smallint? min(0) max(150)",
    "balance": "decimal(8, 2) = 0",
    "born": "date? immutable",
    "score": "integer = 0 readonly",
    "token": "text = random_hex() hidden",
    "tags": "array(string)?",
    "created_at": "datetime = now()",
    "updated_at": "datetime = now() on update now()" } },
  "Post": { "fields": {
    "id": "uuid pk = uuid7()",
    "slug": "string(40) unique format(slug)",
    "public": "uuid = uuid()",
    "day": "date = today()",
    "priority": "integer = 5 multiple_of(5)" } } } }"""
ANN = {"username": "ann", "email": "ann@example.org"}
AGE = 'new row for relation "user" violates check constraint "user_age_check"'


@pytest.fixture
def blog(tmp_path, serve, fresh):
    path = tmp_path / "models.json"
    path.write_text(MODELS, encoding="utf-8")
    return serve(fresh, "--models", str(path))


def refused(response, code):
    assert response.status == 400, response
    body = response.json
    assert body["code"] == code, body
    assert response.header("Proxy-Status") == f"PostgREST; error={code}"
    return body


NULL = 'null value in column "{}" of relation "user" violates not-null constraint'


@pytest.mark.parametrize("field, value, code, message", [
    ("username", None, "23502", NULL.format("username")),
    ("username", "a" * 21, "22001", "value too long for type character varying(20)"),
    ("username", "a", "23514",
     'new row for relation "user" violates check constraint "user_username_check"'),
    ("username", "Ann", "23514", "username must match the pattern [a-z][a-z0-9_]*"),
    ("email", "ann", "22P02", 'invalid input syntax for type email: "ann"'),
    ("role", "root", "22P02", 'invalid input value for enum Role: "root"'),
    ("is_active", 7, "22P02", 'invalid input syntax for type boolean: "7"'),
    ("age", 151, "23514", AGE),
    ("age", 40000, "22003", 'value "40000" is out of range for type smallint'),
    ("balance", 1000000, "22003", "numeric field overflow"),
    ("tags", [1], "22P02", 'invalid input syntax for type text: "1"'),
    ("score", 1, "428C9", 'cannot insert a non-DEFAULT value into column "score"'),
    ("token", "x", "PGRST204",
     "Could not find the 'token' column of 'user' in the schema cache"),
    ("nme", "x", "PGRST204", "Could not find the 'nme' column of 'user' in the schema cache"),
])
def test_one_problem_has_its_own_code_and_postgresqls_words(blog, field, value, code, message):
    body = refused(blog.post("/user", {**ANN, field: value}), code)
    assert body["message"] == message
    assert body["details"].startswith(f"/{field}: ")
    assert [(e["pointer"], e["code"]) for e in body["errors"]] == [(f"/{field}", code)]
    assert blog.rows("/user") == []


def test_all_problems_are_told_at_once(blog):
    body = refused(blog.post("/user", [
        {**ANN, "age": -1, "role": "user"},
        {"username": "b", "email": "b@example.org", "age": 5, "role": "x"}]), "23514")
    assert body["message"] == "3 values are not valid"
    assert [e["pointer"] for e in body["errors"]] == ["/0/age", "/1/role", "/1/username"]
    assert body["details"].splitlines() == [
        f"{e['pointer']}: {e['message']}" for e in body["errors"]]
    assert body["hint"] is None
    missing = refused(blog.post("/user", {}), "23502")
    assert [e["pointer"] for e in missing["errors"]] == ["/username", "/email"]
    assert blog.rows("/user") == []


def test_a_hundred_problems_are_told_and_all_counted(blog):
    body = refused(blog.post("/user", [{**ANN, "age": -1}] * 130), "23514")
    assert body["message"] == "130 values are not valid"
    assert len(body["errors"]) == 100
    assert re.fullmatch(r"and \d+ more", body["details"].splitlines()[-1])


def test_csv_and_forms_are_checked(blog):
    response = blog.post("/user", "username,email,age\nann,a@x.org,1\nbob,bob,x\n",
                         Content_Type="text/csv")
    body = refused(response, "22P02")
    assert [e["pointer"] for e in body["errors"]] == ["/1/email", "/1/age"] or \
        [e["pointer"] for e in body["errors"]] == ["/1/age", "/1/email"]
    response = blog.post("/user", "username=ann&email=ann",
                         Content_Type="application/x-www-form-urlencoded")
    assert refused(response, "22P02")["errors"][0]["pointer"] == "/email"


def test_patch_checks_what_it_gives(blog):
    assert blog.post("/user", ANN).status == 201
    assert refused(blog.patch("/user?id=eq.1", {"age": 200}), "23514")["message"] == AGE
    assert refused(blog.patch("/user?id=eq.1", {"email": None}), "23502")
    body = refused(blog.patch("/user/1", {"born": "2020-01-01", "score": 3}), "428C9")
    assert [e["pointer"] for e in body["errors"]] == ["/born", "/score"]
    assert blog.patch("/user?id=eq.1", {"age": 20}).status == 204
    assert blog.column("/user", "age") == [20]


def test_put_and_upsert_are_checked_as_new_rows_and_leave_immutable_fields(blog):
    row = {"id": 1, **ANN, "born": "2001-02-03"}
    assert blog.put("/user/1", row).status == 204
    assert refused(blog.put("/user/1", {"id": 1, "username": "ann"}), "23502")
    assert refused(blog.put("/user/1", {**row, "score": 1}), "428C9")
    changed = {**row, "username": "bob", "born": "1999-01-01"}
    assert blog.put("/user/1", changed).status == 204
    assert blog.rows("/user?select=username,born") == [{"username": "bob", "born": "2001-02-03"}]
    response = blog.post("/user", [{**changed, "username": "cid"}], Prefer=MERGE)
    assert (response.status, response.json[0]["username"]) == (200, "cid")
    assert response.json[0]["born"] == "2001-02-03"


def test_defaults_are_made_for_what_a_body_lacks(blog):
    rows = blog.post("/user", [ANN, {"username": "bob", "email": "b@x.org"}], Prefer=FULL).json
    assert [(r["role"], r["is_active"], r["score"], r["balance"]) for r in rows] == [
        ("user", True, 0, 0)] * 2
    assert rows[0]["created_at"] == rows[1]["created_at"] == rows[0]["updated_at"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+\+00:00", rows[0]["created_at"])
    assert "token" not in rows[0]


def test_missing_default_gives_each_row_its_own(blog):
    rows = blog.post("/user?columns=username,email,role,age", [
        {**ANN, "role": "admin"}, {"username": "bob", "email": "b@x.org", "age": 3}],
        Prefer="missing=default," + FULL).json
    assert [(r["role"], r["age"]) for r in rows] == [("admin", None), ("user", 3)]
    body = refused(blog.post("/user?columns=username,email,role", [
        {**ANN, "username": "x1", "role": "admin"}, {"username": "x2", "email": "c@x.org"}]),
        "23502")
    assert body["errors"][0]["pointer"] == "/1/role"


def test_missing_default_makes_values_for_rows_that_are_there(blog):
    given = {"slug": "x", "public": "00000000-0000-4000-8000-000000000000", "day": "2001-01-01",
             "priority": 50}
    key = blog.post("/post", given, Prefer=FULL).json[0]["id"]
    row = blog.patch(f"/post?id=eq.{key}&columns=public,day,priority", {"day": "2002-02-02"},
                     Prefer="missing=default," + FULL).json[0]
    assert (row["slug"], row["day"], row["priority"]) == ("x", "2002-02-02", 5)
    assert row["public"] != given["public"] and row["public"][14] == "4"
    merged = blog.post("/post?columns=id,slug,public,day,priority", [{"id": key, "slug": "y"}],
                       Prefer="missing=default," + MERGE).json[0]
    assert (merged["slug"], merged["priority"]) == ("y", 5)
    assert merged["day"] > "2002" and merged["public"] not in (row["public"], given["public"])


def test_updated_at_moves_with_every_change(blog):
    before = blog.post("/user", ANN, Prefer=FULL).json[0]
    time.sleep(0.002)
    after = blog.patch("/user?id=eq.1", {"age": 1}, Prefer=FULL).json[0]
    assert after["updated_at"] > before["updated_at"]
    assert after["created_at"] == before["created_at"]
    blog.patch("/user?id=eq.1", {})
    assert blog.column("/user", "updated_at") == [after["updated_at"]]
    time.sleep(0.002)
    merged = blog.post("/user", [{"id": 1, **ANN}], Prefer=MERGE).json[0]
    assert merged["updated_at"] > after["updated_at"]
    assert merged["created_at"] == before["created_at"]
    given = "2001-01-01T00:00:00+00:00"
    row = blog.patch("/user?id=eq.1", {"updated_at": given}, Prefer=FULL).json[0]
    assert row["updated_at"].startswith("2001-01-01T00:00:00")


def test_uuids_are_made_and_told_by_location(blog):
    response = blog.post("/post", {"slug": "a-b"}, Prefer="return=headers-only")
    assert response.status == 201
    row = blog.rows("/post")[0]
    assert response.header("Location") == f"/post?id=eq.{row['id']}"
    assert row["id"][14] == "7" and row["public"][14] == "4"
    assert row["priority"] == 5 and re.fullmatch(r"\d{4}-\d\d-\d\d", row["day"])
    rows = blog.post("/post", [{"slug": f"p-{i}"} for i in range(200)], Prefer=FULL).json
    ids = [r["id"] for r in rows]
    assert ids == sorted(ids) and len(set(ids)) == 200 and ids[0] > row["id"]
    assert len({r["public"] for r in rows}) == 200


def test_decimals_are_rounded_to_their_scale(blog):
    rows = blog.post("/user", [{**ANN, "balance": 2.675}], Prefer=FULL).json
    assert rows[0]["balance"] == 2.68


def test_minimal_errors_have_no_list(tmp_path, serve, fresh):
    path = tmp_path / "models.json"
    path.write_text(MODELS, encoding="utf-8")
    blog = serve(fresh, "--models", str(path), client_error_verbosity="minimal")
    assert sorted(blog.post("/user", {}).json) == ["code", "message"]


def lists(tmp_path, serve, fresh):
    path = tmp_path / "lists.json"
    path.write_text("""{ "version": 1, "models": { "Day": { "fields": {
        "times": "array(time)?", "numbers": "array(integer)?",
        "words": "array(text)?" } } } }""", encoding="utf-8")
    return serve(fresh, "--models", str(path))


@pytest.mark.parametrize("condition, found", [
    ("times=cs.{10:00:00}", True),
    ('times=cs.{"10:00:00",12:30:00}', True),
    ("times=ov.{11:00:00}", False),
    ("words=cs.{a:b}", True),
    ("words=cs.{1}", True),
    ("words=cs.{true}", False),
    ("words=cs.{" + "x" * 2000 + "}", True),
    ("numbers=cs.{1}", True),
    ("numbers=cd.{1,2,3}", True),
])
def test_braces_are_array_literals_for_lists(tmp_path, serve, fresh, condition, found):
    server = lists(tmp_path, serve, fresh)
    server.post("/day", {"times": ["10:00:00", "12:30:00"], "numbers": [1, 2],
                         "words": ["a:b", "1", "x" * 2000]})
    assert server.column(f"/day?{condition}") == ([1] if found else [])


@pytest.mark.parametrize("literal", ["{1", "{1}x", "{1}{2}"])
def test_a_malformed_array_literal_is_told(tmp_path, serve, fresh, literal):
    server = lists(tmp_path, serve, fresh)
    error = server.error(f"/day?numbers=cs.{literal}", 400, "22P02")
    assert error["message"] == f'malformed array literal: "{literal}"'
