"""Memory runs out on routes that need definition files: bodies with relationships, links, values that
are validated, and the administration of migrations. See oom.py for what must be true then."""
import dataclasses
import json

import pytest

from faults import Memory
from harness import ROOT, Modeld
from migrating import Migrating
from oom import BEGIN, IDLE_S, Route, prove, write

FULL, PLAIN = "return=representation", "return=minimal"
BLOG = ROOT / "config" / "models" / "blog.json"
USER = '{"id":{n},"username":"u{n}","email":"{n}@example.org"'
BARE = USER + "}"
POSTS = (USER + ',"posts":[{"id":{n},"title":"one","content":"a","tags":[{"id":{n},"name":"t{n}"}]},'
         '{"id":1{n},"title":"two","content":"b"}]}')
SEEN = {"check": "/user?select=username,posts(title,tags(name))&id=eq.{n}&posts.order=id",
        "into": "/user"}
CREATED = ('[{"username":"u{n}","posts":[{"title":"one","tags":[{"name":"t{n}"}]},'
           '{"title":"two","tags":[]}]}]')
ALONE = '[{"username":"u{n}","posts":[]}]'
ONE_POST = '[{"username":"u{n}","posts":[{"title":"new","tags":[]}]}]'
NEW_POST = '{"title":"new","content":"c"}'
TAGGED = {"check": "/post?select=tags(id)&id=eq.{n}&tags.order=id", "into": "/user"}
STEADY = "/tag?select=id&id=eq.7"
IN = {"Transaction": "{v}"}


def admin(target, status=200, body=None, **more):
    """A verb of the migrations, or a look at them."""
    return Route(target, status, "GET" if body is None else "POST", body=body, admin=True, check=STEADY,
                 threads=True, **more)


ROUTES = {
    "nested post": write("POST", "/user", 201, POSTS, PLAIN, done=CREATED, **SEEN),
    "nested post, representation": write("POST", "/user?select=p{n}:username,posts(title)", 201,
                                         POSTS, FULL, done=CREATED, **SEEN),
    "nested post, refused": write("POST", "/user", 409, POSTS.replace("1{n}", "{n}"), PLAIN, done="[]",
                                  **SEEN),
    "nested post, in a transaction": write("POST", "/user", 201, POSTS, PLAIN, IN, fetch=BEGIN,
                                           done="[]", **SEEN),
    "nested patch": write("PATCH", "/user?id=eq.{n}", 204, '{"posts":[' + NEW_POST + "]}", PLAIN,
                          before=BARE, done=ONE_POST, **SEEN),
    "nested put": write("PUT", "/user/{n}?select=id", 200, USER + ',"posts":[' + NEW_POST + "]}", FULL,
                        before=BARE, done=ONE_POST, **SEEN),
    "post to related": write("POST", "/user/{n}/posts", 201, NEW_POST, PLAIN, before=BARE,
                             done=ONE_POST, **SEEN),
    "put of related": write("PUT", "/user/{n}/posts", 204, "[]", PLAIN, before=BARE, done=ALONE,
                            **SEEN),
    "link": write("POST", "/post/{n}/tags/7", 204, None, PLAIN, before=POSTS,
                  done='[{"tags":[{"id":7},{"id":{n}}]}]', **TAGGED),
    "unlink": write("DELETE", "/post/{n}/tags/{n}", 204, None, PLAIN, before=POSTS,
                    done='[{"tags":[]}]', **TAGGED),
    "not valid": write("POST", "/user", 400, '{"id":{n},"username":7,"email":"x","nobody":1}', PLAIN,
                       done="[]", **SEEN),
    "patch, not valid": write("PATCH", "/post?id=eq.{n}", 400, '{"title":""}', PLAIN, before=POSTS,
                              done=CREATED, **SEEN),
    "batch of relationships": write(
        "POST", "/-/batch", 200, '[{"method":"POST","path":"/user","body":' + POSTS + "}]",
        done=CREATED, **SEEN),
    "nested post, once": write("POST", "/user", 201, POSTS, PLAIN, {"Idempotency-Key": "k{n}"},
                               done=CREATED, **SEEN),
    "migrations": admin("/-/migrations"),
    "migrations, history": admin("/-/migrations/history"),
    "migration": admin("/-/migrations/{r}"),
    "migration, none": admin("/-/migrations/ffff", 404),
    "migration, plan of a revision": admin("/-/migrations", 200, '{"message":"p{n}","dry_run":true}'),
    "migrations, nothing to apply": admin("/-/migrations/apply", 200, "{}", loose=True),
    "migrations, plan of a rollback": admin("/-/migrations/rollback", 200, '{"dry_run":true}',
                                            loose=True),
    "migrations, drift": admin("/-/migrations/drift", 200, "{}", loose=True),
    "migrations, no such verb": admin("/-/migrations/fly", 404, "{}"),
    "tables": admin("/-/tables", 200, "{}", loose=True),
    "log": admin("/-/log"),
}


@pytest.fixture(scope="module")
def memory(tmp_path_factory):
    return Memory(tmp_path_factory.mktemp("memory"))


@pytest.fixture(scope="module")
def daemon(engine, tmp_path_factory, memory):
    """Of the blog, whose tables are made by two revisions."""
    folder = tmp_path_factory.mktemp("oom-models")
    project = Migrating(engine.database(folder, "", "oom.db"), folder)
    blog = json.loads(BLOG.read_text(encoding="utf-8"))["models"]
    content = blog["Post"]["fields"].pop("content")
    project.models(blog).make("blog")
    project.up()
    blog["Post"]["fields"]["content"] = content + " = ''"
    revision = project.models(blog).make("contents")["revision"]
    project.up()
    server = Modeld(project.db.url, folder=folder, env=memory.env(), settings={
        "models": str(project.file), "migrations": str(project.revisions), "threads": 1,
        "plan-cache": 16, "statement-cache": 4, "transactions": 1000,
        "transaction-idle": f"{IDLE_S * 1000:.0f}ms", "log-level": "error", "max-overflow": 0,
        "pool-size": 1 if engine.name == "sqlite" else 2})
    server.expect_error(".")
    assert server.post("/tag", {"id": 7, "name": "seven"}).status == 201
    server.connection.close()
    server.connection, server.revision = None, revision
    yield server
    server.stop()


@pytest.mark.parametrize("name", list(ROUTES))
def test_memory_that_runs_out_does_no_harm_to_models(daemon, memory, name):
    route = ROUTES[name]
    prove(daemon, memory, dataclasses.replace(
        route, target=route.target.replace("{r}", daemon.revision)), name)
