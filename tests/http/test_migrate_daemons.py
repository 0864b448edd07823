"""Daemons that migrate at their start, and the routes of migrations."""
import json
import threading

import pytest

from harness import Modeld
from migrating import Migrating

NOTE = {"Note": {"table": "note", "fields": {"id": {"type": "bigint", "primary_key": True},
                                           "text": {"type": "string", "max_length": 80}}}}
TAGGED = {"Note": {"table": "note", "fields": {**NOTE["Note"]["fields"],
                                             "tag": {"type": "text", "nullable": True}}}}


@pytest.fixture
def project(database, tmp_path):
    """A database at its first revision, with a second one waiting."""
    project = Migrating(database("", "notes.db"), tmp_path).models(NOTE)
    project.make("notes")
    project.up()
    project.db.run("INSERT INTO note (id, text) VALUES (1, 'one')")
    project.models(TAGGED)
    project.make("tags")
    return project


def settings(project, **more):
    return {"models": str(project.file), "migrations": str(project.revisions), **more}


def test_a_daemon_applies_what_is_pending_before_it_serves(project, serve):
    server = serve(project.db, **settings(project))
    assert server.rows("/note") == [{"id": 1, "text": "one", "tag": None}]
    assert project.status()["state"] == "up_to_date"


def test_with_migrate_false_a_daemon_only_tells(project, failing):
    code, log = failing(project.db, **settings(project, migrate="false"))
    assert code == 78 and "1 revision is to be applied" in log
    assert project.status()["state"] == "pending"


@pytest.mark.parametrize("migrate", ["true", "auto"])
def test_without_models_a_daemon_changes_no_tables(project, serve, migrate):
    """The folder may be of another database: `migrations` is its name wherever somebody works."""
    server = serve(project.db, migrations=str(project.revisions), migrate=migrate)
    assert server.rows("/note") == [{"id": 1, "text": "one"}]
    assert project.status()["state"] == "pending"


def test_a_new_revision_is_told_with_its_folder(project):
    project.up()
    project.models({"Note": {"table": "note", "fields": {**TAGGED["Note"]["fields"], "size": "int?"}}})
    done = project.run("db", "makemigrations", "-m", "size")
    assert done.returncode == 0, done.stderr
    path = done.stdout.split("\n", maxsplit=1)[0].removeprefix("wrote ")
    assert path.startswith(f"{project.revisions}/") and path.endswith("_size.json")
    assert json.loads(open(path, encoding="utf-8").read())["message"] == "size"
    assert path in project.run("db", "show", path.split("_")[-2]).stdout


def test_with_migrate_auto_models_that_changed_become_a_revision(project, serve):
    more = {"Note": {"table": "note", "fields": {**TAGGED["Note"]["fields"],
                                               "size": {"type": "integer", "default": 7}}}}
    project.models(more)
    server = serve(project.db, **settings(project, migrate="auto"))
    assert server.rows("/note") == [{"id": 1, "text": "one", "tag": None, "size": 7}]
    assert len(project.status()["applied"]) == 3
    assert project.status()["models_changed"] is False


def test_with_migrate_auto_what_needs_consent_stops_the_start(project, failing):
    project.models({"Note": {"table": "note", "fields": {"id": NOTE["Note"]["fields"]["id"]}}})
    code, log = failing(project.db, **settings(project, migrate="auto"))
    assert code == 6 and "--allow-data-loss=note." in log
    assert project.db.rows("SELECT text FROM note") == [("one",)]


@pytest.mark.postgresql("a file is one daemon's")
def test_of_eight_daemons_that_start_at_once_one_migrates(project, tmp_path):
    servers, failures = [], []

    def start(folder):
        folder.mkdir()
        try:
            servers.append(Modeld(project.db.url, folder=folder,
                                  settings=settings(project, threads="1", **{"pool-size": "3"})))
        except (AssertionError, OSError) as failure:
            failures.append(failure)
    threads = [threading.Thread(target=start, args=[tmp_path / f"daemon-{number}"])
               for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    try:
        assert not failures and len(servers) == 8
        assert all(server.rows("/note?select=id,tag") == [{"id": 1, "tag": None}]
                   for server in servers)
        for server in servers:
            server.wait_log("listening")  # whatever it had to say before is there
        assert sum("migrated to" in server.log() for server in servers) == 1
    finally:
        for server in servers:
            server.stop()
    assert len(project.status()["applied"]) == 2


def test_nothing_is_locked_or_made_when_nothing_is_pending(project, serve):
    project.up()
    before = project.db.rows("SELECT count(*) FROM _modeld_lock")
    server = serve(project.db, **settings(project))
    assert server.get("/note").status == 200
    assert project.db.rows("SELECT count(*) FROM _modeld_lock") == before
    assert "migrat" not in server.log()


def admin(serve, project, **more):
    return serve(project.db, **settings(project, admin_on_public="true", **more))


def test_status_apply_and_rollback_over_http(project, serve):
    project.models(NOTE)
    server = admin(serve, project, migrate="false")
    status = server.get("/-/migrations")
    assert status.status == 200 and status.json["state"] == "pending"
    assert [one["message"] for one in status.json["pending"]] == ["tags"]
    plan = server.post("/-/migrations/apply", {"to": "head", "dry_run": True})
    assert plan.status == 200 and plan.json["applied"] is False
    assert "tag" in json.dumps(plan.json["revisions"][0]["steps"])
    assert server.get("/-/migrations").json["state"] == "pending"

    project.models(TAGGED)
    done = server.post("/-/migrations/apply", {})
    assert done.status == 200 and done.json["applied"] is True and done.json["generation"] > 1
    assert server.rows("/note") == [{"id": 1, "text": "one", "tag": None}]
    assert server.patch("/note?id=eq.1", {"tag": "kept"}).status == 204

    refused = server.post("/-/migrations/rollback", {})
    assert (refused.status, refused.json["code"]) == (409, "MD_DATA_LOSS")
    project.models(NOTE)
    assert server.post("/-/migrations/rollback", {"allow_data_loss": ["note.tag"]}).status == 200
    assert server.rows("/note") == [{"id": 1, "text": "one"}]
    project.models(TAGGED)
    assert server.post("/-/migrations/apply", {}).status == 200
    assert server.rows("/note") == [{"id": 1, "text": "one", "tag": "kept"}]


def test_a_revision_is_made_over_http(project, serve):
    project.up()
    server = admin(serve, project)
    assert server.post("/-/migrations", {"message": "nothing"}).json["changes"] == []
    project.models({"Note": {"table": "note", "fields": {**TAGGED["Note"]["fields"],
                                                       "size": {"type": "integer", "nullable": True}}}})
    checked = server.post("/-/migrations", {"message": "sizes", "dry_run": True})
    assert checked.status == 200 and checked.json["changes"]
    made = server.post("/-/migrations", {"message": "sizes"})
    assert made.status == 201 and made.json["revision"]
    shown = server.get(f"/-/migrations/{made.json['revision'][:6]}")
    assert shown.json["message"] == "sizes"
    assert server.post("/-/migrations/apply", {}).status == 200
    assert server.get("/-/migrations/history").json["history"][0]["message"] == "sizes"
    assert server.rows("/note?select=id,size") == [{"id": 1, "size": None}]


def test_what_makes_no_sense_over_http_is_refused(project, serve):
    server = admin(serve, project)
    for path, body, status, code in [
            ("/-/migrations/fly", {}, 404, "MD404"),
            ("/-/migrations/stamp", {}, 400, "MD400"),
            ("/-/migrations/stamp", {"to": "ffff"}, 404, "MD_REVISION"),
            ("/-/migrations/apply", {"to": "+9"}, 404, "MD_REVISION")]:
        answer = server.post(path, body)
        assert (answer.status, answer.json["code"]) == (status, code), (path, body)
    assert server.request("POST", "/-/migrations/apply", {"Content-Type": "application/json"},
                          b"[1]").status == 400
    assert server.get("/-/migrations/ffff").status == 404


def test_tables_are_made_over_http(fresh, serve, tmp_path):
    project = Migrating(fresh, tmp_path).models(NOTE)
    fresh.run("CREATE TABLE other (id INTEGER PRIMARY KEY)")
    server = admin(serve, project, migrate="false", on_difference="warn")
    dry = server.post("/-/tables", {"dry_run": True})
    assert dry.json["tables"] == ["note"] and dry.json["made"] is False
    assert "note" not in fresh.tables()
    assert server.post("/-/tables", {}).json["made"] is True
    assert server.rows("/note") == []


def test_migrations_are_not_on_the_public_listener(project, serve):
    server = serve(project.db, **settings(project))
    assert server.get("/-/migrations").status == 404
    assert server.post("/-/migrations/apply", {}).status == 404
