"""A database that SQLModel and Alembic made is taken over as it is, and migrated further."""
import copy
import json

import alembic.command
import pytest
import sqlmodel

from harness import Modeld
from migrating import Migrating
from project import (SQLITE, Project, all_rows, engine_of, fill, letters, load_models, new_database,
                     read_json, rows_of, shape)


@pytest.fixture(scope="session")
def made(tmp_path_factory):
    """The project after its second revision, with rows."""
    folder = tmp_path_factory.mktemp("shop")
    project = Project(folder, new_database(folder))
    project.revise("first", second=False)
    project.revise("second", second=True)
    project.models = load_models(project)
    fill(project, project.models)
    return project


class Shop:
    """A copy of it, and modeld's view of it."""

    def __init__(self, made, folder):
        self.made, self.models = made, made.models
        self.project = made.copy(folder)
        self.database = self.project.database
        self.modeld = Migrating(self.database, folder)

    def adopt(self, *words):
        done = self.modeld.db_command("baseline", "--from-alembic", "--write-models",
                                      str(self.modeld.file), *words)
        self.definitions = read_json(self.modeld.file)
        return done

    def change(self, models):
        self.modeld.models(models, defaults=self.definitions["defaults"])

    def version(self):
        return self.database.rows("SELECT version_num FROM alembic_version")[0][0]


@pytest.fixture
def shop(made, tmp_path):
    shop = Shop(made, tmp_path)
    yield shop
    shop.database.drop()


def check_adopted(shop, before, rows):
    assert letters(shop.database) == before
    assert all_rows(shop.database) == rows
    status = shop.modeld.status()
    assert status["state"] == "up_to_date" and status["drift"] == []
    assert status["models_changed"] is False and len(status["applied"]) == 1
    assert shop.modeld.make("none", "--check")["changes"] == []
    assert shop.modeld.json("db", "drift")["drift"] == []
    shop.project.check()


def test_a_database_of_alembic_is_taken_over_unchanged(shop):
    before, rows, version = letters(shop.database), all_rows(shop.database), shop.version()
    done = shop.adopt()
    assert done["alembic"] == [version] and done["notes"] == []
    check_adopted(shop, before, rows)
    assert shop.version() == version
    assert "alembic_version" not in json.dumps(shop.definitions)
    revision = read_json(shop.modeld.revisions / done["file"])
    assert revision["alembic"] == [version] and revision["down_revision"] is None
    history = shop.database.rows("SELECT status, body FROM _modeld_migrations")
    assert [row[0] for row in history] == ["baseline"]
    assert json.loads(history[0][1])["alembic"] == [version]


def test_models_may_be_imported_first_and_noted_then(shop):
    before, rows = letters(shop.database), all_rows(shop.database)
    done = shop.modeld.run("models", "import", "--from-db", "--managed", "--out", str(shop.modeld.file))
    assert done.returncode == 0 and done.stderr == ""
    assert shop.modeld.db_command("baseline", "--from-alembic")["alembic"] == [shop.version()]
    check_adopted(shop, before, rows)


def test_what_was_taken_over_is_served(shop, tmp_path):
    shop.adopt()
    server = Modeld(shop.database.url, folder=tmp_path, settings={
        "models": str(shop.modeld.file), "migrations": str(shop.modeld.revisions)})
    try:
        found = server.get("/post?select=title,user(username,role,is_active),tag(name)"
                           "&author_id=eq.2&order=id").json
        assert found[1] == {"title": "Post 2.1", "tag": [{"name": "python"}, {"name": "sql"}],
                            "user": {"username": "user2", "role": "admin", "is_active": True}}
        assert len(server.get("/user?select=id,settings,balance,created_at,token").json) == 8
        made = server.post("/tag", {"name": "new"}, Prefer="return=representation")
        assert made.status == 201 and made.json[0]["id"] == 4
        assert server.post("/tag", {"name": "new"}).status == 409
        assert server.post("/posttag", {"post_id": 3, "tag_id": 4}).status == 201
        assert server.post("/posttag", {"post_id": 99, "tag_id": 4}).status == 409
        assert server.post("/user", {
            "username": "api", "email": "api@example.org", "role": "clerk", "is_active": False,
            "balance": 12.5, "settings": {"a": 1}, "created_at": "2026-02-01T10:00:00Z",
            "token": "0" * 32}).status == 201
    finally:
        server.stop()
    models = shop.models
    with sqlmodel.Session(engine_of(shop.database)) as session:
        assert [tag.name for tag in session.get(models.Post, 3).tags] == ["sql", "new"]
        user = session.exec(sqlmodel.select(models.User).where(models.User.username == "api")).one()
        assert user.role is models.Role.clerk and user.is_active is False and user.note == "it's new"
        assert user.settings == {"a": 1} and user.visits == 0 and float(user.balance) == 12.5
        assert user.created_at.replace(tzinfo=None).isoformat() == "2026-02-01T10:00:00"


def further(definitions):
    """What comes next: all kinds of changes, in the models' file."""
    models = copy.deepcopy(definitions["models"])
    user = models["user"]["fields"]
    user["locale"] = {"type": "string", "max_length": 8, "default": "en", "enforce": "api"}
    user["display_name"] = {**user.pop("full_name"), "renamed_from": "full_name"}
    user["email"] = {"type": "string", "max_length": 320, "enforce": "api"}
    user["visits"] = {"type": "bigint", "default": 0}
    user["rating"].pop("nullable")
    user["rating"]["backfill"] = 0
    del user["born"]
    models["review"] = {"table": "review", "primary_key": ["id"], "fields": {
        "id": {"type": "bigint"}, "stars": {"type": "integer", "min": 1, "max": 5},
        "post_id": {"references": {"model": "post", "field": "id", "on_delete": "cascade"}}}}
    return models


def migrate_further(shop):
    shop.change(further(shop.definitions))
    shop.modeld.make("further", "--allow-data-loss=user.born")
    shop.modeld.up()


def test_a_database_of_alembic_is_migrated_further(shop):
    shop.adopt()
    rows = all_rows(shop.database)
    users = rows_of(shop.database, "user", "id", "full_name", "email", "balance", "visits", "rating",
                    "settings", "created_at", "role")
    migrate_further(shop)
    assert rows_of(shop.database, "user", "id", "display_name", "email", "balance", "visits", "rating",
                   "settings", "created_at", "role") == \
        sorted([(*user[:5], user[5] or (0.0), *user[6:]) for user in users], key=repr)
    assert {row[0] for row in rows_of(shop.database, "user", "locale")} == {"en"}
    now = all_rows(shop.database)
    assert {name: now[name] for name in rows if name != "user"} == \
        {name: rows[name] for name in rows if name != "user"}
    status = shop.modeld.status()
    assert status["state"] == "up_to_date" and status["drift"] == []
    assert shop.modeld.make("none", "--check")["changes"] == []
    models = shop.models
    with sqlmodel.Session(engine_of(shop.database)) as session:
        assert [tag.name for tag in session.exec(sqlmodel.select(models.Tag))] == ["c", "python", "sql"]
        post = session.get(models.Post, 5)
        assert [tag.name for tag in post.tags] == ["python", "sql"] and post.views == 2**40 + 1
        assert {one.content for one in session.exec(sqlmodel.select(models.Upload))} == \
            {b"\0\1\xff", b""}


def test_back_at_the_baseline_the_database_is_as_alembic_left_it(shop):
    done = shop.adopt()
    before, rows = shape(shop.database), all_rows(shop.database)
    names = [name for name in shop.definitions["models"]["user"]["fields"]]
    users = rows_of(shop.database, "user", *names)
    migrate_further(shop)
    shop.modeld.down(done["revision"], "--allow-data-loss=review", "--allow-data-loss=user.locale")
    kept = [row for row in shape(shop.database) if "_dropped_" in repr(row)]
    assert kept
    shop.modeld.file.write_text(json.dumps(shop.definitions), encoding="utf-8")
    status = shop.modeld.status()
    assert (status["state"], status["current"], status["drift"]) == ("pending", done["revision"], [])
    shop.modeld.db_command("purge", "--allow-data-loss=*")
    assert shape(shop.database) == before
    now = all_rows(shop.database)
    assert {name: now[name] for name in rows if name != "user"} == \
        {name: rows[name] for name in rows if name != "user"}
    assert rows_of(shop.database, "user", *names) == sorted(
        [tuple(0.0 if value is None and name == "rating" else value for name, value in zip(names, user))
         for user in users], key=repr)
    shop.project.check()
    alembic.command.downgrade(shop.project.config(), "-1")
    alembic.command.upgrade(shop.project.config(), "head")


def test_a_baseline_is_not_rolled_back(shop):
    shop.adopt()
    before = letters(shop.database)
    assert "baseline" in shop.modeld.fails(65, "rollback", "base")
    assert letters(shop.database) == before
    assert len(shop.modeld.status()["applied"]) == 1


def test_real_differences_are_refused_and_all_are_listed(shop):
    shop.adopt("--message", "first")
    definitions = shop.definitions["models"]
    other = Shop(shop.made, shop.modeld.folder / "other")
    models = copy.deepcopy(definitions)
    models["tag"]["fields"]["name"]["nullable"] = True
    models["user"]["fields"]["nickname"] = {"type": "text", "nullable": True}
    models["post"]["fields"]["author_id"]["references"]["on_delete"] = "restrict"
    models["tag"]["unique"] = []
    models["colour"] = {"table": "colour", "primary_key": ["id"], "fields": {"id": {"type": "bigint"}}}
    before = letters(other.database)
    other.modeld.models(models, defaults=shop.definitions["defaults"])
    told = other.modeld.fails(4, "baseline")
    for place in ("tag", "nickname", "author_id", "colour"):
        assert place in told
    assert letters(other.database) == before and not other.modeld.revisions.exists()
    other.database.drop()


CHINOOK = """
CREATE TABLE artist (artist_id INTEGER PRIMARY KEY, name VARCHAR(120));
CREATE TABLE album (album_id INTEGER PRIMARY KEY, title VARCHAR(160) NOT NULL,
    artist_id INTEGER NOT NULL REFERENCES artist (artist_id) ON DELETE CASCADE);
CREATE INDEX ifk_album_artist ON album (artist_id);
CREATE TABLE track (track_id INTEGER PRIMARY KEY, album_id INTEGER REFERENCES album (album_id),
    name VARCHAR(200) NOT NULL, price NUMERIC(10,2) NOT NULL DEFAULT 0.99, CHECK (price >= 0));
CREATE VIEW dear AS SELECT name FROM track WHERE price > 1;
INSERT INTO artist VALUES (1, 'AC/DC'); INSERT INTO album VALUES (1, 'Let There Be Rock', 1);
INSERT INTO track VALUES (1, 1, 'Go Down', 0.99), (2, 1, 'Overdose', 1.99);"""


def test_a_database_of_others_without_alembic_is_taken_over(tmp_path):
    database = new_database(tmp_path)
    database.run(CHINOOK)
    before, rows = letters(database), all_rows(database)
    modeld = Migrating(database, tmp_path)
    assert "alembic" in modeld.fails(65, "baseline", "--from-alembic", "--write-models", str(modeld.file))
    assert not modeld.file.exists() and letters(database) == before
    modeld.db_command("baseline", "--write-models", str(modeld.file))
    assert letters(database) == before and all_rows(database) == rows
    assert modeld.status()["state"] == "up_to_date"
    definitions = read_json(modeld.file)
    definitions["models"]["track"]["fields"]["plays"] = {"type": "bigint", "default": 0}
    modeld.models(definitions["models"], defaults=definitions["defaults"])
    modeld.make("plays")
    modeld.up()
    assert rows_of(database, "track", "track_id", "name", "plays") == \
        [(1, "Go Down", 0), (2, "Overdose", 0)]
    assert database.rows("SELECT name FROM dear") == [("Overdose",)]
    modeld.down("--allow-data-loss=track.plays")
    modeld.db_command("purge", "--allow-data-loss=*")
    assert all_rows(database) == rows
    database.drop()
