"""Bodies with relationships: parents, children and links together, in one transaction."""
import concurrent.futures
import http.client
import json
import pathlib
import signal
import socket
import struct
import threading
import time

import pytest

from harness import PATIENCE, Modeld, exchange, wait_until

BLOG = pathlib.Path(__file__).resolve().parents[2] / "config" / "models" / "blog.json"
FULL = "return=representation"


@pytest.fixture
def blog(serve, fresh):
    """The blog of scripts/demo: mira with two posts, tomas with one, three tags."""
    server = serve(fresh, "--models", str(BLOG), threads=2, db_tx_end="commit-allow-override")
    server.db = fresh
    response = server.post("/user", [
        {"username": "mira", "email": "mira@example.org", "profile": {"bio": "Repairs radios."},
         "posts": [{"title": "A radio from 1954", "content": "It hummed.",
                    "tags": [{"name": "radio"}, {"name": "repair"}]},
                   {"title": "What a capacitor does", "content": "It waits.", "tags": []}]},
        {"username": "tomas", "email": "tomas@example.org", "profile": None,
         "posts": [{"title": "Rye at four", "content": "Dough.", "tags": [{"name": "bread"}]}]}])
    assert response.status == 201, response
    return server


def titles(server, user):
    response = server.get(f"/user/{user}?select=posts(title)&posts.order=id")
    return [post["title"] for post in response.json["posts"]]


def tags(server, post):
    response = server.get(f"/post/{post}?select=tags(name)&tags.order=name")
    return [tag["name"] for tag in response.json["tags"]]


def count(server, relation):
    return len(server.rows(f"/{relation}"))


def refused(response, status, code, pointer):
    assert (response.status, response.json["code"]) == (status, code), response
    assert pointer in [error["pointer"] for error in response.json["errors"]], response.json
    return response.json


# --- POST --------------------------------------------------------------------------------------

def test_a_post_creates_parents_children_and_links(blog):
    assert titles(blog, 1) == ["A radio from 1954", "What a capacitor does"]
    assert titles(blog, 2) == ["Rye at four"]
    assert tags(blog, 1) == ["radio", "repair"] and tags(blog, 2) == []
    assert blog.rows("/userprofile?select=user_id,bio") == [{"user_id": 1,
                                                             "bio": "Repairs radios."}]


def test_what_is_created_is_given_back_with_its_embeds(blog):
    response = blog.post("/post?select=title,author(username),tags(id,name)&tags.order=id", {
        "title": "New", "content": "…", "author": {"username": "yuki", "email": "y@example.org"},
        "tags": [{"id": 3}, 1, {"name": "new"}]}, Prefer=FULL)
    assert response.status == 201, response
    assert response.json == [{"title": "New", "author": {"username": "yuki"}, "tags": [
        {"id": 1, "name": "radio"}, {"id": 3, "name": "bread"}, {"id": 4, "name": "new"}]}]


def test_rows_are_given_back_in_the_order_of_the_body(blog):
    response = blog.post("/tag?select=name,posts(id)", [
        {"id": 30, "name": "c", "posts": [1]}, {"id": 20, "name": "b", "posts": []},
        {"id": 40, "name": "a", "posts": [{"id": 2}]}], Prefer=FULL)
    assert response.json == [{"name": "c", "posts": [{"id": 1}]}, {"name": "b", "posts": []},
                             {"name": "a", "posts": [{"id": 2}]}]
    response = blog.post("/tag?select=name&order=name", [
        {"id": 31, "name": "f", "posts": []}, {"id": 21, "name": "e", "posts": []}], Prefer=FULL)
    assert response.json == [{"name": "e"}, {"name": "f"}]


def test_an_object_is_answered_where_one_is_asked_for(blog):
    body = {"title": "One", "content": "x", "author": 1, "tags": [1]}
    response = blog.post("/post?select=id,tags(name)", body, Prefer=FULL,
                         Accept="application/vnd.pgrst.object+json")
    assert (response.status, response.json) == (201, {"id": 4, "tags": [{"name": "radio"}]})
    response = blog.post("/post", [body, body], Prefer=FULL,
                         Accept="application/vnd.pgrst.object+json")
    assert (response.status, response.json["code"]) == (406, "PGRST116")
    assert count(blog, "post") == 4


def test_the_location_of_a_new_row(blog):
    response = blog.post("/post", {"title": "One", "content": "x", "author": 1},
                         Prefer="return=headers-only")
    assert (response.status, response.header("Location")) == (201, "/post?id=eq.4")
    assert response.header("Preference-Applied") == "return=headers-only"


def test_numbers_and_texts_arrive_as_they_were_sent(blog):
    text = 'a "quoted" \\ text\n\tÜ 😀 \u0001'
    response = blog.post("/user?select=posts(content)", {
        "username": "x", "email": "x@example.org", "posts": [{"title": "t", "content": text}]},
        Prefer=FULL)
    assert response.json == [{"posts": [{"content": text}]}]


def test_problems_of_all_levels_are_told_at_once(blog):
    response = blog.post("/user", {
        "username": "x" * 81, "email": "nobody", "posts": [
            {"title": "fine", "content": "x"},
            {"title": "", "content": "x", "tags": [{"name": "y" * 51}, {"nam": "e"}]}]})
    assert response.status == 400
    pointers = {error["pointer"] for error in response.json["errors"]}
    assert pointers == {"/username", "/email", "/posts/1/title", "/posts/1/tags/0/name",
                        "/posts/1/tags/1/nam", "/posts/1/tags/1/name"}
    assert response.json["message"] == "6 values are not valid"
    assert count(blog, "user") == 2


@pytest.mark.parametrize("posts, pointer", [
    ([{"title": "a", "content": "x"}, {"title": "b", "content": "x",
                                       "tags": [{"name": "new"}, {"name": "radio"}]}],
     "/posts/1/tags/1"),
    ([{"title": "a", "content": "x", "tags": [{"name": "n"}]},
      {"title": "b", "content": "x", "tags": [{"name": "m"}, {"name": "bread"}]}],
     "/posts/1/tags/1")])
def test_a_constraint_in_the_last_child_undoes_all(blog, posts, pointer):
    body = refused(blog.post("/user", {"username": "new", "email": "n@example.org",
                                       "posts": posts}), 409, "23505", pointer)
    assert "already exists" in body["details"]
    assert (count(blog, "user"), count(blog, "post"), count(blog, "tag")) == (2, 3, 3)


def test_a_link_to_nothing_undoes_all(blog):
    refused(blog.post("/user", {"username": "new", "email": "n@example.org",
                                "posts": [{"title": "t", "content": "x", "tags": [99]}]}),
            409, "23503", "/posts/0/tags/0")
    refused(blog.post("/user", {"username": "new", "email": "n@example.org",
                                "posts": [{"id": 1}, {"id": 99}]}), 404, "MD404", "/posts/1")
    assert (count(blog, "user"), count(blog, "post")) == (2, 3)


def test_a_rehearsal_leaves_nothing(blog):
    response = blog.post("/user?select=posts(title)", {
        "username": "new", "email": "n@example.org", "posts": [{"title": "t", "content": "x"}]},
        Prefer="tx=rollback, return=representation")
    assert (response.status, response.json) == (201, [{"posts": [{"title": "t"}]}])
    assert "tx=rollback" in response.header("Preference-Applied")
    assert (count(blog, "user"), count(blog, "post")) == (2, 3)


def test_what_is_no_relationship_stays_an_unknown_column(blog):
    for body in [{"nothing": []}, {"nothing": {}}, {"title": "x", "profile": {}}]:
        response = blog.post("/post", body)
        assert (response.status, response.json["code"]) == (400, "PGRST204"), response
    response = blog.post("/post?columns=title,tags", {"title": "x", "tags": []})
    assert (response.status, response.json["code"]) == (400, "PGRST204")


@pytest.mark.parametrize("value", [5, True, "x", {"id": 1}, None])
def test_a_list_is_a_list(blog, value):
    refused(blog.post("/user", {"username": "n", "email": "n@example.org", "posts": value}),
            400, "PGRST102", "/posts")


def test_the_limits_of_bodies(serve, fresh):
    server = serve(fresh, "--models", str(BLOG), nested_depth=2, body_rows=4)
    user = {"username": "a", "email": "a@example.org"}
    post = {"title": "t", "content": "x"}
    response = server.post("/user", dict(user, posts=[dict(post, tags=[{"name": "a", "posts": []
                                                                       }])]))
    assert (response.status, response.json["code"]) == (413, "MD413")
    response = server.post("/user", dict(user, posts=[post] * 4))
    assert (response.status, response.json["code"]) == (413, "MD413")
    assert server.post("/user", dict(user, posts=[post] * 3)).status == 201


def test_relationships_in_bodies_can_be_switched_off(serve, fresh):
    server = serve(fresh, "--models", str(BLOG), nested_depth=0)
    response = server.post("/user", {"username": "a", "email": "a@example.org", "posts": []})
    assert (response.status, response.json["code"]) == (400, "PGRST204")


def test_a_thousand_children_take_as_many_statements_as_one(blog):
    posts = [{"title": f"p{i}", "content": "x", "tags": [{"name": f"t{i}"}]} for i in range(1000)]
    response = blog.post("/user?select=username", {"username": "n", "email": "n@example.org",
                                                   "posts": posts}, Prefer=FULL)
    assert (response.status, response.json) == (201, [{"username": "n"}])
    assert titles(blog, 3) == [f"p{i}" for i in range(1000)]
    assert tags(blog, 503) == ["t499"]


# --- PATCH -------------------------------------------------------------------------------------

def test_a_patch_adds_links_and_changes_children(blog):
    response = blog.patch("/user/1?select=full_name,posts(id,title)&posts.order=id", {
        "full_name": "Mira Holt", "posts": [{"id": 3}, {"id": 2, "title": "Changed"},
                                            {"title": "More", "content": "x"}]}, Prefer=FULL)
    assert response.status == 200, response
    assert response.json == {"full_name": "Mira Holt", "posts": [
        {"id": 1, "title": "A radio from 1954"}, {"id": 2, "title": "Changed"},
        {"id": 3, "title": "Rye at four"}, {"id": 4, "title": "More"}]}


def test_a_patch_by_filters_changes_one_row(blog):
    assert blog.patch("/user?username=eq.tomas", {"posts": [1]}).status == 204
    assert titles(blog, 2) == ["A radio from 1954", "Rye at four"]
    response = blog.patch("/user?id=gt.0", {"posts": [1]})
    assert (response.status, response.json["code"]) == (400, "MD400")
    response = blog.patch("/user?id=gt.0", {"full_name": "x", "posts": [2]})
    assert (response.status, response.json["code"]) == (400, "MD400")
    response = blog.patch("/user?id=eq.9", {"posts": [1]})
    assert (response.status, response.json["code"]) == (404, "MD404")
    assert blog.patch("/user/9", {"posts": [1]}).status == 404
    assert blog.rows("/user?full_name=not.is.null") == []


def test_a_patch_of_a_to_one_relationship(blog):
    assert blog.patch("/post/1", {"author": {"username": "z", "email": "z@example.org"}}
                      ).status == 204
    assert blog.get("/post/1?select=author(username)").json == {"author": {"username": "z"}}
    assert blog.patch("/post/1", {"author": {"id": 2, "full_name": "Tomas"}}).status == 204
    assert blog.get("/post/1?select=author(full_name)").json == {"author": {"full_name": "Tomas"}}
    refused(blog.patch("/post/1", {"author": None}), 400, "23502", "")
    refused(blog.patch("/post/1", {"author": 99}), 409, "23503", "")


def test_a_patch_of_the_other_side_of_a_one_to_one_relationship(blog):
    assert blog.patch("/user/1", {"profile": {"bio": "New."}}).status == 204
    assert blog.patch("/user/2", {"profile": {"bio": "Bakes."}}).status == 204
    assert blog.rows("/userprofile?select=user_id,bio&order=user_id") == [
        {"user_id": 1, "bio": "New."}, {"user_id": 2, "bio": "Bakes."}]
    other = blog.rows("/userprofile?select=id&user_id=eq.2")[0]["id"]
    refused(blog.patch("/user/1", {"profile": None}), 409, "MD409", "/profile")
    refused(blog.patch("/user/1", {"profile": other}), 409, "MD409", "/profile")


def test_a_patch_depends_on_the_etag(blog):
    etag = blog.get("/user/1").header("ETag")
    body = {"full_name": "M", "posts": [{"title": "x", "content": "y"}]}
    assert blog.patch("/user/1", body, **{"If-Match": '"0000000000000000"'}).status == 412
    assert len(titles(blog, 1)) == 2
    assert blog.patch("/user/1", body, **{"If-Match": etag}).status == 204
    assert len(titles(blog, 1)) == 3


# --- PUT ---------------------------------------------------------------------------------------

def test_a_put_says_what_is_there(blog):
    body = {"id": 1, "title": "T", "content": "C", "author": 2,
            "tags": [{"id": 2}, {"name": "new"}, {"id": 3, "name": "Bread"}]}
    assert blog.put("/post/1", body).status == 204
    assert tags(blog, 1) == ["Bread", "new", "repair"]
    assert tags(blog, 3) == ["Bread"]
    response = blog.put("/post/9?select=id,tags(id)&tags.order=id", dict(body, id=9, tags=[1, 2]),
                        Prefer=FULL)
    assert (response.status, response.json) == (201, {"id": 9, "tags": [{"id": 1}, {"id": 2}]})
    response = blog.put("/post/9?select=tags(id)", dict(body, id=9, tags=[]), Prefer=FULL)
    assert (response.status, response.json) == (200, {"tags": []})
    assert count(blog, "tag") == 4


def test_a_put_cannot_leave_children_alone_that_need_their_parent(blog):
    body = {"id": 1, "username": "mira", "email": "mira@example.org", "posts": [1]}
    refused(blog.put("/user/1", body), 409, "MD409", "/posts")
    assert len(titles(blog, 1)) == 2
    assert blog.put("/user/1", dict(body, posts=[1, {"id": 2, "title": "Two", "content": "2"}])
                    ).status == 204
    assert titles(blog, 1) == ["A radio from 1954", "Two"]


# --- in transactions ---------------------------------------------------------------------------

def test_in_a_transaction_it_is_undone_alone(blog):
    mine = blog.post("/-/transactions").json["id"]
    new = {"username": "new", "email": "n@example.org"}
    good = dict(new, posts=[{"title": "t", "content": "x"}])
    bad = dict(new, posts=[{"title": "t", "content": "x", "tags": [{"name": "q"}, 99]}])
    assert blog.post("/user", bad, Transaction=mine).status == 409
    assert blog.post("/user", good, Transaction=mine, Prefer="tx=rollback").status == 201
    assert blog.post("/user", good, Transaction=mine).status == 201
    assert len(blog.rows("/user", Transaction=mine)) == 3
    assert len(blog.rows("/tag", Transaction=mine)) == 3
    assert count(blog, "user") == 2
    assert blog.post(f"/-/transactions/{mine}/commit").status == 200
    assert (count(blog, "user"), count(blog, "post"), count(blog, "tag")) == (3, 4, 3)


def test_in_a_batch_it_is_one_operation(blog):
    operations = [
        {"method": "POST", "path": "/user", "body": {
            "username": "new", "email": "n@example.org",
            "posts": [{"title": "t", "content": "x"}]}},
        {"method": "POST", "path": "/tag", "body": {"name": "q", "posts": [4, 99]}}]
    response = blog.post("/-/batch", operations)
    assert (response.status, response.json["code"]) == (409, "23503"), response
    assert response.json["errors"][0]["pointer"] == "/posts/1"
    assert (count(blog, "user"), count(blog, "tag")) == (2, 3)
    response = blog.post("/-/batch", {"continue_on_error": True, "operations": operations})
    assert [one["status"] for one in response.json] == [201, 409]
    assert (count(blog, "user"), count(blog, "post"), count(blog, "tag")) == (3, 4, 3)


# --- links by their path -----------------------------------------------------------------------

def test_put_sets_a_many_to_many_relationship(blog):
    assert blog.put("/post/1/tags", [3, {"id": 1}]).status == 204
    assert tags(blog, 1) == ["bread", "radio"]
    response = blog.put("/post/1/tags?select=name&order=name", [{"name": "new"}, 2], Prefer=FULL)
    assert (response.status, response.json) == (200, [{"name": "new"}, {"name": "repair"}])
    response = blog.put("/post/1/tags", [], Prefer=FULL)
    assert (response.status, response.json, tags(blog, 1)) == (200, [], [])
    assert count(blog, "tag") == 4


def test_put_sets_children_and_one_row(blog):
    assert blog.put("/user/1/posts", [1, 2, 3]).status == 204
    assert len(titles(blog, 1)) == 3
    refused(blog.put("/user/1/posts", [1]), 409, "MD409", "")
    assert blog.put("/post/1/author", 2).status == 204
    assert titles(blog, 2) == ["A radio from 1954"]
    response = blog.put("/user/2/profile?select=bio", {"bio": "Bakes."}, Prefer=FULL)
    assert (response.status, response.json) == (200, {"bio": "Bakes."})


def test_post_adds_a_related_row(blog):
    response = blog.post("/user/2/posts?select=id,title,author_id", {"title": "t", "content": "x"},
                         Prefer=FULL)
    assert (response.status, response.json) == (201, [{"id": 4, "title": "t", "author_id": 2}])
    response = blog.post("/user/2/posts", {"title": "u", "content": "x"},
                         Prefer="return=headers-only")
    assert (response.status, response.header("Location")) == (201, "/post?id=eq.5")
    response = blog.post("/post/3/tags?select=name&order=name", [{"name": "a"}, {"name": "b"}],
                         Prefer=FULL)
    assert (response.status, response.json) == (201, [{"name": "a"}, {"name": "b"}])
    refused(blog.post("/user/2/posts", {"title": "", "content": "x"}), 400, "23514", "/title")
    refused(blog.post("/user/2/posts", [{"title": "v", "content": "x"}, {"title": ""}]),
            400, "23514", "/1/title")
    assert blog.post("/user/9/posts", {"title": "t", "content": "x"}).status == 404
    assert len(titles(blog, 2)) == 3


def test_one_link_is_made_and_cut(blog):
    for _ in range(2):
        response = blog.post("/post/2/tags/3")
        assert (response.status, response.body) == (204, b"")
    assert tags(blog, 2) == ["bread"]
    assert blog.delete("/post/2/tags/3").status == 204
    response = blog.delete("/post/2/tags/3")
    assert (response.status, response.json["code"]) == (404, "MD404")
    for path in ["/post/9/tags/1", "/post/1/tags/x", "/post/1/tags/99"]:
        assert blog.delete(path).status == 404, path
    assert blog.post("/post/9/tags/1").status == 404
    assert blog.post("/post/1/tags/x").status == 404
    refused(blog.post("/post/1/tags/99"), 409, "23503", "")
    assert tags(blog, 1) == ["radio", "repair"]
    assert blog.post("/user/2/posts/1").status == 204
    assert titles(blog, 2) == ["A radio from 1954", "Rye at four"]
    assert blog.delete("/user/2/posts/1").status == 409
    assert count(blog, "tag") == 3


def test_links_have_their_methods(blog):
    allowed = {"/post/1/tags": "OPTIONS,GET,HEAD,POST,PUT", "/post/1/tags/1": "OPTIONS,POST,DELETE",
               "/user/1/posts": "OPTIONS,GET,HEAD,POST,PUT", "/post/1/author": "OPTIONS,GET,HEAD,PUT",
               "/user/1/profile": "OPTIONS,GET,HEAD,PUT", "/post/1/author/1": "OPTIONS"}
    for path, methods in allowed.items():
        assert blog.options(path).header("Allow") == methods, path
    for method, path in [("POST", "/post/1/author"), ("PATCH", "/post/1/tags"),
                         ("GET", "/post/1/tags/1"), ("DELETE", "/post/1/author/1")]:
        response = blog.write(method, path, {})
        assert (response.status, response.json["code"]) == (405, "PGRST117"), (method, path)
    response = blog.put("/post/1/nothing", [])
    assert (response.status, response.json["code"]) == (400, "PGRST200")
    assert blog.post("/nothing/1/tags/2").status == 404


@pytest.mark.parametrize("body", [b"", b"[1", b'[1],"title":"x"', b"{}]", b"nul"])
def test_the_body_of_a_link_is_one_value(blog, body):
    response = blog.request("PUT", "/post/1/tags", {"Content-Type": "application/json"}, body)
    assert (response.status, response.json["code"]) == (400, "PGRST102"), response
    assert tags(blog, 1) == ["radio", "repair"]


def test_links_in_transactions_and_batches(blog):
    mine = blog.post("/-/transactions").json["id"]
    assert blog.post("/post/2/tags/1", Transaction=mine).status == 204
    assert blog.put("/post/1/tags", [99], Transaction=mine).status == 409
    assert blog.delete("/post/1/tags/1", Transaction=mine).status == 204
    assert tags(blog, 2) == []
    assert blog.post(f"/-/transactions/{mine}/commit").status == 200
    assert (tags(blog, 1), tags(blog, 2)) == (["repair"], ["radio"])
    response = blog.post("/-/batch", [{"method": "DELETE", "path": "/post/2/tags/1"},
                                      {"method": "POST", "path": "/post/2/tags/3"}])
    assert [one["status"] for one in response.json] == [204, 204], response
    assert tags(blog, 2) == ["bread"]


# --- tables that nobody declared: composite keys, keys that are foreign keys, references to itself

OFFICE = """
    PRAGMA journal_mode = WAL;
    CREATE TABLE room (building TEXT, number INTEGER, name TEXT, PRIMARY KEY (building, number));
    CREATE TABLE person (id INTEGER PRIMARY KEY, code TEXT NOT NULL UNIQUE, name TEXT,
        boss TEXT REFERENCES person (code));
    CREATE TABLE badge (person_code TEXT PRIMARY KEY REFERENCES person (code), color TEXT);
    CREATE TABLE desk (id INTEGER PRIMARY KEY, building TEXT, room INTEGER, label TEXT UNIQUE,
        FOREIGN KEY (building, room) REFERENCES room (building, number));
    CREATE TABLE seat (building TEXT, room INTEGER, person_id INTEGER REFERENCES person (id),
        FOREIGN KEY (building, room) REFERENCES room (building, number),
        PRIMARY KEY (building, room, person_id));
    CREATE TABLE orders (id INTEGER PRIMARY KEY, note TEXT);
    CREATE TABLE line (order_id INTEGER NOT NULL REFERENCES orders (id), number INTEGER NOT NULL,
        item TEXT DEFAULT 'thing', PRIMARY KEY (order_id, number));
    INSERT INTO person (id, code, name) VALUES (1, 'ann', 'Ann'), (2, 'bob', 'Bob');
    INSERT INTO room VALUES ('A, "1"', 7, 'seven'), ('B', 7, 'other');
"""


@pytest.fixture
def office(serve, database):
    return serve(database(OFFICE), threads=2)


def test_composite_keys_are_linked_and_set(office):
    response = office.post("/room?select=name,desk(label),person(code)&desk.order=id"
                           "&person.order=code",
                           {"building": "C", "number": 1, "name": "one",
                            "desk": [{"label": "x"}, {"label": "y"}], "person": [1, {"id": 2}]},
                           Prefer=FULL)
    assert response.status == 201, response
    assert response.json == [{"name": "one", "desk": [{"label": "x"}, {"label": "y"}],
                              "person": [{"code": "ann"}, {"code": "bob"}]}]
    assert office.put("/person/1/room", [{"building": 'A, "1"', "number": 7},
                                         {"building": "B", "number": 7}]).status == 204
    assert office.get("/person/1/room?select=name&order=name").json == [
        {"name": "other"}, {"name": "seven"}]
    assert office.delete("/person/1/room/B,7").status == 204
    assert office.post('/person/1/room/C,1').status == 204
    assert office.get("/person/1/room?select=name&order=name").json == [
        {"name": "one"}, {"name": "seven"}]
    assert office.put("/room/C,1/desk", [{"label": "z"}, 2]).status == 204
    assert office.rows("/desk?select=id,building,room&order=id") == [
        {"id": 1, "building": None, "room": None}, {"id": 2, "building": "C", "room": 1},
        {"id": 3, "building": "C", "room": 1}]
    assert office.put("/room/C,1/desk", []).status == 204
    assert office.rows("/desk?building=not.is.null") == []


def test_a_foreign_key_may_be_to_something_else_than_the_key(office):
    response = office.post("/person?select=code,boss,person(code),badge(color)", {
        "code": "cid", "boss": "ann", "person": [2, {"code": "dan"}],
        "badge": {"color": "red"}}, Prefer=FULL)
    assert response.status == 201, response
    assert response.json == [{"code": "cid", "boss": "ann", "badge": {"color": "red"},
                              "person": [{"code": "bob"}, {"code": "dan"}]}]
    assert office.patch("/person/3", {"badge": {"color": "blue"}}).status == 204
    assert office.post("/badge", {"color": "green", "person": {"id": 1}}).status == 201
    assert office.get("/person/3?select=badge(color)").json == {"badge": {"color": "blue"}}
    assert office.get("/badge/ann").json["color"] == "green"
    # In a body the column wins, in a path the relationship does.
    assert office.patch("/person/3", {"boss": {"code": "eve"}}).json["code"] == "23503"
    assert office.put("/person/3/boss", {"code": "eve"}).status == 204
    assert office.get("/person/3?select=boss").json == {"boss": "eve"}
    response = office.request("PUT", "/person/3/boss", {"Content-Type": "application/json"},
                              b"null")
    assert response.status == 204, response
    assert office.get("/person/3?select=boss").json == {"boss": None}


def test_a_row_may_point_to_itself_and_others_of_the_same_table(office):
    response = office.post("/person", {"code": "x", "person": [
        {"code": "y", "person": [{"code": "z", "person": [1]}]}]})
    assert response.status == 201, response
    assert office.rows("/person?select=code,boss&order=id") == [
        {"code": "ann", "boss": "z"}, {"code": "bob", "boss": None}, {"code": "x", "boss": None},
        {"code": "y", "boss": "x"}, {"code": "z", "boss": "y"}]
    assert office.patch("/person/1", {"person": [1]}).status == 204
    assert office.get("/person/1?select=boss").json == {"boss": "ann"}


def test_the_parent_may_be_a_part_of_the_key(office):
    response = office.post("/orders?select=note,line(number,item)&line.order=number", {
        "note": "n", "line": [{"number": 1}, {"number": 2, "item": "nail"}]}, Prefer=FULL)
    assert response.json == [{"note": "n", "line": [{"number": 1, "item": "thing"},
                                                    {"number": 2, "item": "nail"}]}], response
    assert office.patch("/orders/1", {"line": [{"number": 2, "item": "screw"}, {"number": 3}]}
                        ).status == 204
    assert office.rows("/line?select=number,item&order=number") == [
        {"number": 1, "item": "thing"}, {"number": 2, "item": "screw"},
        {"number": 3, "item": "thing"}]
    refused(office.put("/orders/1", {"id": 1, "line": [{"number": 1}]}), 409, "MD409", "/line")
    refused(office.post("/orders", {"line": [{"number": 1}, {"number": 1}]}), 409, "23505",
            "/line/1")
    assert len(office.rows("/orders")) == 1


def test_one_partner_takes_the_place_of_the_other(office):
    office.post("/person", {"code": "cid", "badge": {"color": "red"}})
    assert office.put("/person/3", {"id": 3, "code": "cid", "badge": {"color": "blue"}}
                      ).status == 204
    assert office.rows("/badge") == [{"person_code": "cid", "color": "blue"}]


def test_numbers_keep_their_digits(serve, database):
    server = serve(database("PRAGMA journal_mode = WAL; CREATE TABLE a (id BIGINT PRIMARY KEY);"
                            "CREATE TABLE b (id INTEGER PRIMARY KEY, a_id BIGINT REFERENCES a (id),"
                            " n NUMERIC);"))
    response = server.request("POST", "/a", {"Content-Type": "application/json"},
                              b'{"id": 9007199254740993, "b": [{"n": 0.1}, {"n": 12.50}]}')
    assert response.status == 201, response
    assert server.get("/b?select=a_id,n&order=id").text.replace("12.50", "12.5") == (
        '[{"a_id":9007199254740993,"n":0.1},{"a_id":9007199254740993,"n":12.5}]')


# --- faults ------------------------------------------------------------------------------------

def test_what_is_killed_meanwhile_leaves_nothing_half_done(serve, database):
    db = database(OFFICE)
    server = Modeld(db.url)
    stop = threading.Event()

    def write(number):
        client = http.client.HTTPConnection(server.host, server.port, timeout=PATIENCE)
        while not stop.is_set():
            body = json.dumps({"note": f"{number}", "line": [{"number": i} for i in range(40)]})
            try:
                client.request("POST", "/orders", body, {"Content-Type": "application/json"})
                client.getresponse().read()
            except (OSError, http.client.HTTPException):
                return
    threads = [threading.Thread(target=write, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    wait_until(lambda: int(db.rows("SELECT count(*) FROM orders")[0][0]) > 20)
    server.signal(signal.SIGKILL)
    stop.set()
    for thread in threads:
        thread.join()
    server.process.wait()
    again = serve(db)
    counts = again.rows("/orders?select=id,line(count)")
    assert len(counts) > 20
    assert {row["line"][0]["count"] for row in counts} == {40}


def test_a_client_that_is_gone_leaves_nothing_half_done(serve, database):
    db = database(OFFICE)
    server = serve(db)
    body = json.dumps({"note": "gone", "line": [{"number": i, "item": "x" * 200}
                                                for i in range(20000)]}).encode()
    for pause in [0, 0.01, 0.05, 0.2]:
        connection = socket.create_connection((server.host, server.port))
        connection.sendall(b"POST /orders HTTP/1.1\r\nHost: localhost\r\nContent-Type: "
                           b"application/json\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
        time.sleep(pause)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.close()
    assert server.post("/orders", {"note": "after", "line": [{"number": 1}]}).status == 201
    for row in server.rows("/orders?note=eq.gone&select=line(count)"):
        assert row["line"] == [{"count": 20000}]


def test_other_writes_go_on_beside(serve, database):
    server = serve(database(OFFICE), threads=2)

    def write(number):
        body = ({"note": "n", "line": [{"number": i} for i in range(5)]} if number % 2
                else {"note": "plain"})
        client = http.client.HTTPConnection(server.host, server.port, timeout=PATIENCE)
        status = exchange(client, "POST", "/orders", {"Content-Type": "application/json"},
                          json.dumps(body)).status
        client.close()
        return status
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        assert set(pool.map(write, range(200))) == {201}
    assert len(server.rows("/orders")) == 200
    assert len(server.rows("/line")) == 500
