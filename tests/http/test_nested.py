"""Bodies with relationships: parents, children and links together, in one transaction."""
import pathlib

import pytest

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
