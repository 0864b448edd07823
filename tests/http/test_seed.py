"""The examples of the seed, one test each, with its names, on the models it declares. The models
are those of config/models/blog.json; what was a method call there is a request here."""
import re

import pytest

from harness import ROOT, run

BLOG = ROOT / "config" / "models" / "blog.json"
RETURN = {"Prefer": "return=representation"}


@pytest.fixture
def blog(serve, fresh):
    """A daemon on the blog's models; the tables are made by its start."""
    return serve(fresh, "--models", BLOG)


def create(server, model, **values):
    """Model.create(**values): the new row."""
    response = server.post(f"/{model}", values, **RETURN)
    assert response.status == 201, response
    return response.json[0]


@pytest.fixture
def people(blog):
    """Some users, one of them not active, made one after the other."""
    create(blog, "user", username="john", email="john@example.com", full_name="John Joplin")
    create(blog, "user", username="alice", email="alice@example.com", full_name="Alice Major")
    create(blog, "user", username="bob", email="bob@example.com", is_active=False)
    return blog


@pytest.fixture
def library(people):
    """Posts, tags and a profile besides."""
    create(people, "post", title="One", content="first", author_id=1)
    create(people, "post", title="Two", content="second", author_id=1, published=True)
    create(people, "post", title="Three", content="third", author_id=2)
    for name in ["c", "sql"]:
        create(people, "tag", name=name)
    for post_id, tag_id in [(1, 1), (1, 2), (2, 2)]:
        create(people, "post_tags", post_id=post_id, tag_id=tag_id)
    create(people, "userprofile", user_id=1, bio="writes")
    return people


# --- models ------------------------------------------------------------------------------------

def test_automatic_table_creation(blog):
    # class Model(Base, sqlmodel.SQLModel):
    for table in ["user", "userprofile", "post", "tag", "post_tags"]:
        assert blog.rows(f"/{table}") == []


def test_id_is_the_primary_key_unless_another_field_is(blog):
    # The default primary key field is automatically dropped if any other
    shown = {model["name"]: model for model in blog.get("/-/models").json["models"]}
    assert [field["name"] for field in shown["user"]["fields"]][0] == "id"
    assert "id" not in [field["name"] for field in shown["post_tags"]["fields"]]
    blog.post("/user", {"username": "john", "email": "john@example.com"})
    blog.post("/post", {"title": "t", "content": "c", "author_id": 1})
    blog.post("/tag", {"name": "c"})
    assert create(blog, "post_tags", post_id=1, tag_id=1) == {"post_id": 1, "tag_id": 1}
    assert blog.get("/post_tags/1,1").json == {"post_id": 1, "tag_id": 1}


def test_user_create(blog):
    # user = User.create(username="john", email="john@example.com")
    user = create(blog, "user", username="john", email="john@example.com")
    assert user["id"] == 1
    assert user["is_active"] is True
    assert user["full_name"] is None
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?\+00:00", user["created_at"])
    assert user["created_at"] == user["updated_at"]


def test_user_create_says_where_the_user_is(blog):
    # user = User.create(username="john", email="john@example.com")
    response = blog.post("/User", {"username": "john", "email": "john@example.com"},
                         Prefer="return=headers-only")
    assert response.status == 201, response
    assert blog.rows(response.header("Location"))[0]["username"] == "john"


def test_post_create(people):
    # post = Post.create(title="Hello World", content="My first post", author_id=user.id)
    user = people.rows("/user?username=eq.john")[0]
    post = create(people, "post", title="Hello World", content="My first post",
                  author_id=user["id"])
    assert post == {"id": 1, "title": "Hello World", "content": "My first post", "author_id": 1,
                    "published": False}


def test_required_fields(blog):
    # username: str = Field(unique=True, index=True)
    response = blog.post("/user", {"email": "john@example.com"})
    assert (response.status, response.json["code"]) == (400, "23502"), response
    assert "username" in response.text
    assert blog.rows("/user") == []


def test_unique_fields(people):
    # email: str = Field(unique=True)
    response = people.post("/user", {"username": "other", "email": "john@example.com"})
    assert (response.status, response.json["code"]) == (409, "23505"), response
    assert "user_email_key" in response.json["message"]


def test_timestamp_fields(people):
    # created_at: datetime = Field(default_factory=datetime.utcnow)
    before = people.get("/user/1").json
    response = people.patch("/user?id=eq.1", {"full_name": "John J."}, **RETURN)
    assert response.status == 200, response
    after = response.json[0]
    assert after["created_at"] == before["created_at"]
    assert after["updated_at"] > before["updated_at"]


def test_dict_includes_fields_and_relationships(library):
    # def dict(self, **kwargs):
    user = library.get("/user/1?depth=1").json
    assert user["username"] == "john"
    assert [post["title"] for post in user["posts"]] == ["One", "Two"]
    assert user["profile"]["bio"] == "writes"


def test_dict_follows_the_relationships_of_relationships(library):
    # def _dict_recursive(cls, value: Any):
    post = library.get("/user/1?depth=2").json["posts"][0]
    assert set(post) == {"id", "title", "content", "author_id", "published", "tags"}, \
        "neither the way back nor the rows of the junction, which nobody declared"


# --- the registry ------------------------------------------------------------------------------

def test_get_models(blog):
    # def get_models(cls, include_empty: bool = False) -> set[SQLModelOrSqlAlchemy]:
    models = blog.get("/-/models").json["models"]
    assert {model["name"] for model in models} == {
        "user", "userprofile", "post", "tag", "post_tags"}


def test_filter(people):
    # def filter(cls, **conditions) -> list[Model]:
    assert people.column("/user?is_active=is.true&email=eq.john@example.com", "username") == [
        "john"]


def test_count(people):
    # def count(cls) -> int:
    response = people.head("/user", Prefer="count=exact")
    assert response.header("Content-Range").endswith("/3")


# --- sessions ----------------------------------------------------------------------------------

def test_query_filter_all(people):
    # users = db.query(User).filter(User.is_active == True).all()
    assert people.column("/user?is_active=is.true", "username") == ["john", "alice"]


def test_add_and_commit(blog):
    # new_user = User(username="alice", email="alice@example.com")
    assert blog.post("/user", {"username": "alice", "email": "alice@example.com"}).status == 201
    assert blog.column("/user", "username") == ["alice"]


def test_a_failure_rolls_everything_back(blog):
    # with rx.session() as db:
    response = blog.post("/user", [{"username": "a", "email": "a@example.com"},
                                   {"username": "a", "email": "b@example.com"}])
    assert response.status == 409, response
    assert blog.rows("/user") == []


def test_session(blog):
    # with rx.session() as db: … db.add(new_user); db.commit()
    db = blog.post("/-/transactions").json["id"]
    response = blog.post("/user", {"username": "alice", "email": "alice@example.com"}, Transaction=db)
    assert response.status == 201, response
    assert [user["username"] for user in blog.rows("/user", Transaction=db)] == ["alice"]
    assert blog.rows("/user") == []
    assert blog.post(f"/-/transactions/{db}/commit").status == 200
    assert blog.column("/user", "username") == ["alice"]


def test_session_without_commit(blog):
    # leaving the block without db.commit() closes the session
    db = blog.post("/-/transactions").json["id"]
    blog.post("/user", {"username": "alice", "email": "alice@example.com"}, Transaction=db)
    assert blog.post(f"/-/transactions/{db}/rollback").status == 200
    assert blog.rows("/user") == []


def test_create_uses_the_id_of_what_was_created(blog):
    # post = Post.create(title="Hello World", content="My first post", author_id=user.id)
    response = blog.post("/-/batch", [
        {"id": "user", "method": "POST", "path": "/user",
         "body": {"username": "john", "email": "john@example.com"}},
        {"method": "POST", "path": "/post",
         "body": {"title": "Hello World", "content": "My first post",
                  "author_id": {"$ref": "user.id"}}}])
    assert response.status == 200, response
    assert blog.rows("/post?select=title,author(username)") == [
        {"title": "Hello World", "author": {"username": "john"}}]


def test_get_users_async(people):
    # result = await db.execute(select(User).where(User.is_active == True))
    assert people.column("/user?select=username&is_active=eq.true", "username") == [
        "john", "alice"]


# --- configuration -----------------------------------------------------------------------------

def test_create_tables(fresh):
    # def create_tables(self) -> None:
    done = run("db", "create-tables", "--db", fresh.url, "--models", BLOG)
    assert done.returncode == 0, done
    assert [line for line in done.stdout.splitlines() if line.startswith("made table")] == [
        "made table user", "made table userprofile", "made table post", "made table tag",
        "made table post_tags"]


def test_config_keys(tmp_path):
    # db_config=rx.DBConfig(
    done = run("config", "check", "--set", "db_url=sqlite:///blog.db", "--set", "pool_size=20",
               "--set", "pool_timeout=30", "--set", "migrate=true", "--set", f"models={BLOG}")
    assert (done.returncode, done.stdout) == (0, "ok\n"), done


# --- queries -----------------------------------------------------------------------------------

def test_load_active_users(people):
    # def load_active_users(self):
    assert people.column("/user?is_active=is.true&order=created_at.desc,id.desc",
                         "username") == ["alice", "john"]


def test_search_users(people):
    # def search_users(self, query: str):
    query = "jo"
    found = people.column(
        f"/user?or=(username.like.*{query}*,full_name.like.*{query}*)&limit=10&order=id",
        "username")
    assert found == ["john", "alice"]  # Alice Major


def test_load_users_async(people):
    # async def load_users_async(self):
    assert people.column("/user?is_active=is.true&order=created_at.desc,id.desc&select=username",
                         "username") == ["alice", "john"]


def test_where(library):
    # def where(cls, *conditions) -> Query:
    assert library.column("/post?author_id=eq.1&published=is.true", "title") == ["Two"]


def test_join(library):
    # def join(cls, *models) -> Query:
    assert library.column("/post?select=title,author!inner(username)&author.username=eq.alice",
                          "title") == ["Three"]


def test_order_by(library):
    # def order_by(cls, *fields) -> Query:
    assert library.column("/post?order=title.desc", "title") == ["Two", "Three", "One"]


def test_limit_and_offset(library):
    # def limit(cls, count: int) -> Query:
    assert library.column("/post?order=id&limit=1&offset=1", "title") == ["Two"]


# --- relationships -----------------------------------------------------------------------------

def test_one_to_many_relationship(library):
    # posts: list["Post"] = relationship("Post", back_populates="author")
    assert library.rows("/user?select=username,posts(title)&id=eq.1&posts.order=id") == [
        {"username": "john", "posts": [{"title": "One"}, {"title": "Two"}]}]
    assert library.column("/user/1/posts?order=id", "title") == ["One", "Two"]


def test_one_to_one_relationship(library):
    # profile: "UserProfile" = relationship("UserProfile", back_populates="user", uselist=False)
    assert library.rows("/user?select=username,profile(bio)&order=id&limit=2") == [
        {"username": "john", "profile": {"bio": "writes"}},
        {"username": "alice", "profile": None}]
    assert library.rows("/userprofile?select=bio,user(username)") == [
        {"bio": "writes", "user": {"username": "john"}}]
    response = library.post("/userprofile", {"user_id": 1, "bio": "again"})
    assert (response.status, response.json["code"]) == (409, "23505"), response


def test_many_to_one_relationship(library):
    # author: User = relationship("User", back_populates="posts")
    assert library.rows("/post?select=title,author(username)&title=eq.Three") == [
        {"title": "Three", "author": {"username": "alice"}}]


def test_many_to_many_relationship(library):
    # tags: list["Tag"] = relationship("Tag", secondary="post_tags", back_populates="posts")
    assert library.rows("/post?select=title,tags(name)&order=id&tags.order=name") == [
        {"title": "One", "tags": [{"name": "c"}, {"name": "sql"}]},
        {"title": "Two", "tags": [{"name": "sql"}]},
        {"title": "Three", "tags": []}]
    assert library.rows("/tag?select=name,posts(title)&name=eq.sql&posts.order=id") == [
        {"name": "sql", "posts": [{"title": "One"}, {"title": "Two"}]}]


def test_association_table_for_many_to_many(library):
    # class PostTag(rx.Model, table=True):
    assert library.get("/PostTag/1,2").json == {"post_id": 1, "tag_id": 2}
    response = library.post("/post_tags", {"post_id": 1, "tag_id": 2})
    assert (response.status, response.json["code"]) == (409, "23505"), response


def test_foreign_key(library):
    # author_id: int = Field(foreign_key="user.id")
    response = library.post("/post", {"title": "t", "content": "c", "author_id": 77})
    assert (response.status, response.json["code"]) == (409, "23503"), response
    assert "post_author_id_fkey" in response.json["message"]


def test_a_user_with_posts_stays(library):
    # author_id: int = Field(foreign_key="user.id")
    response = library.delete("/user?id=eq.1")
    assert (response.status, response.json["code"]) == (409, "23503"), response
    assert "post_author_id_fkey" in response.json["message"]
    assert library.get("/user/1").status == 200


def test_deleting_cascades_to_what_belongs_to_a_row(library):
    # post_id: int = Field(foreign_key="post.id", primary_key=True)
    assert library.delete("/post?author_id=eq.1").status == 204
    assert library.rows("/post_tags") == []
    assert library.delete("/user?id=eq.1").status == 204
    assert library.rows("/userprofile") == []
    assert library.column("/tag?order=id", "name") == ["c", "sql"]
