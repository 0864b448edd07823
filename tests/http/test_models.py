"""Declared models: modeld serve --models, the tables it makes, differences, and reloads."""
import json
import os
import re
import stat

import pytest

from harness import ROOT, Modeld, StartFailed, signal, wait_until

BLOG = ROOT / "config" / "models" / "blog.json"
SHOP = """
    "Customer": { "fields": {
        "email":    "string(80) unique",
        "secret":   { "type": "string", "hidden": true, "nullable": true },
        "password": { "type": "string", "writeonly": true, "nullable": true },
        "shownAs":  { "type": "string", "column": "display_name", "nullable": true } },
      "relations": { "purchases": "Purchase[] <-> buyer" } },
    "Purchase": { "table": "purchases", "fields": {
        "amount":      "integer min(1)",
        "customer_id": "-> Customer on delete cascade" },
      "relations": { "buyer": "Customer <-> purchases" } }"""


def write_models(path, models):
    path.write_text('{ "version": 1, "models": {' + models + "} }", encoding="utf-8")
    return path


@pytest.fixture
def models(tmp_path):
    """Write definition files: models(text of the models, name)."""
    folder = tmp_path / "models"
    folder.mkdir()

    def make(text, name="models.json"):
        return write_models(folder / name, text)
    return make


# --- the start ---------------------------------------------------------------------------------

def expect_untouched(db):
    """Nothing was made, not even the file where it is one."""
    assert db.engine != "sqlite" or not os.path.exists(db.path)
    assert db.engine == "sqlite" or db.tables() == set()


def made_tables(log):
    return re.findall(r"^made table (\w+) for model", log, re.M)


def test_tables_are_made_at_the_start_in_the_order_of_their_references(serve, fresh):
    server = serve(fresh, "--models", BLOG)
    assert made_tables(server.log()) == ["user", "userprofile", "post", "tag", "post_tags"]
    for table in ["user", "userprofile", "post", "tag", "post_tags"]:
        assert server.rows(f"/{table}") == []


def test_a_second_start_finds_nothing_to_do(serve, fresh):
    serve(fresh, models=BLOG).stop()
    server = serve(fresh, models=BLOG)
    assert made_tables(server.log()) == []
    assert "warning" not in server.log()


def test_daemons_that_start_together_make_each_table_once(fresh, tmp_path):
    from concurrent.futures import ThreadPoolExecutor

    def start(number):
        folder = tmp_path / f"together-{number}"
        folder.mkdir()
        return Modeld(fresh.url, folder=folder, settings={"models": BLOG, "threads": 1})
    with ThreadPoolExecutor(4) as pool:
        servers = list(pool.map(start, range(4)))
    made = [name for server in servers for name in made_tables(server.log())]
    assert sorted(made) == ["post", "post_tags", "tag", "user", "userprofile"]
    for server in servers:
        assert server.rows("/post") == []
        server.stop()


def test_a_pattern_that_matches_nothing_is_exit_66(failing, fresh, tmp_path):
    code, log = failing(fresh, models=f"{tmp_path}/none/*.json")
    assert code == 66
    assert "no file matches" in log
    expect_untouched(fresh)


def test_all_mistakes_are_told_and_nothing_is_made(failing, fresh, models):
    path = models('"A": { "fields": { "x": "string uniqe", "y": "-> Usr" } },\n'
                  '"User": { "fields": { "name": "text" } }')
    code, log = failing(fresh, models=path)
    assert code == 78
    assert f'{path}:1: M121 /models/A/fields/x: unknown modifier "uniqe"' in log
    assert 'there is no model "Usr"' in log
    assert 'did you mean "User"?' in log
    assert "2 mistakes" in log
    expect_untouched(fresh)


def test_a_model_of_another_schema_is_refused_where_there_are_schemas(failing, serve, fresh, models):
    path = models('"A": { "schema": "shop", "fields": {} }')
    if fresh.engine == "postgresql":
        fresh.run("CREATE SCHEMA shop")
        code, log = failing(fresh, models=path)
        assert code == 78 and 'M231 /models/A: the schema "shop" is not served' in log
        expect_untouched(fresh)
    server = serve(fresh, models=path, db_schemas="shop")
    assert server.post("/a", {}).status == 201
    if fresh.engine == "postgresql":
        assert fresh.rows("SELECT count(*) FROM shop.a") == [(1,)]


@pytest.mark.sqlite("a database is a file")
def test_a_missing_file_is_not_made_without_tables_to_make(failing, fresh):
    code, log = failing(fresh)
    assert code == 66
    assert "no such file" in log


@pytest.mark.sqlite("a database is a file")
def test_a_read_only_file_is_served_when_all_its_tables_are_there(serve, database, models):
    db = database("CREATE TABLE thing (id INTEGER PRIMARY KEY, name TEXT NOT NULL);"
                  "INSERT INTO thing VALUES (1, 'a')")
    os.chmod(db.path, stat.S_IRUSR)
    server = serve(db, models=models('"Thing": { "fields": { "name": "text" } }'))
    assert server.rows("/thing") == [{"id": 1, "name": "a"}]


# --- names -------------------------------------------------------------------------------------

def test_a_model_is_reached_by_its_table_and_by_its_own_name(serve, fresh, models):
    server = serve(fresh, models=models(SHOP))
    server.post("/customer", {"email": "a@example.com"})
    server.post("/Purchase", {"amount": 3, "customer_id": 1})
    assert server.rows("/Customer?select=email") == server.rows("/customer?select=email")
    assert server.rows("/purchases") == server.rows("/Purchase")
    server.error("/purchase", 404, "PGRST205")


def test_an_implicit_id_counts(serve, fresh, models):
    server = serve(fresh, models=models(SHOP))
    response = server.post("/customer", [{"email": "a@example.com"}, {"email": "b@example.com"}],
                           Prefer="return=representation")
    assert response.status == 201, response
    assert [row["id"] for row in response.json] == [1, 2]
    assert server.get("/customer/2").json["email"] == "b@example.com"


def test_the_root_document_tells_what_is_declared(serve, fresh, models):
    server = serve(fresh, models=models(""" "Thing": { "fields": {
        "small": "smallint?", "whole": "integer?", "exact": "decimal(30, 10)?",
        "code": "string(5)", "state": "enum(on, off) = on", "tags": "array(text)?",
        "secret": { "type": "text", "hidden": true, "nullable": true } } } """))
    thing = server.get("/").json["definitions"]["thing"]
    assert thing["required"] == ["code"]
    assert thing["properties"] == {
        "id": {"type": "integer", "format": "bigint",
               "description": "Note:\nThis is a Primary Key.<pk/>"},
        "small": {"type": "integer", "format": "smallint"},
        "whole": {"type": "integer", "format": "integer"},
        "exact": {"type": "string", "format": "numeric"},
        "code": {"type": "string", "format": "text", "maxLength": 5},
        "state": {"type": "string", "format": "text", "enum": ["on", "off"]},
        "tags": {"type": "array", "items": {}}}


def test_a_hidden_field_is_as_if_it_were_not_there(serve, fresh, models):
    server = serve(fresh, models=models(SHOP))
    assert server.post("/customer", {"email": "a@example.com"}).status == 201
    assert "secret" not in server.rows("/customer")[0]
    assert server.get("/customer?select=secret").status == 400
    assert server.get("/customer?secret=eq.x").status == 400
    assert server.get("/customer?order=secret").status == 400
    response = server.post("/customer", {"email": "b@example.com", "secret": "x"})
    assert (response.status, response.json["code"]) == (400, "PGRST204")
    assert "secret" not in server.get("/").text
    assert "secret" not in server.get("/-/models").text


def test_a_writeonly_field_is_taken_and_never_given(serve, fresh, models):
    server = serve(fresh, models=models(SHOP))
    response = server.post("/customer", {"email": "a@example.com", "password": "pass"},
                           Prefer="return=representation")
    assert response.status == 201, response
    assert "password" not in response.json[0]
    assert "password" not in server.rows("/customer")[0]
    assert server.get("/customer?select=password").status == 400
    assert server.get("/customer?password=eq.pass").status == 400
    assert fresh.rows("SELECT password FROM customer") == [("pass",)]


def test_a_field_has_the_users_name_and_the_columns_place(serve, fresh, models):
    server = serve(fresh, models=models(SHOP))
    response = server.post("/customer", {"email": "a@example.com", "shownAs": "Ann"},
                           Prefer="return=representation")
    assert response.status == 201, response
    assert response.json[0]["shownAs"] == "Ann"
    assert server.column("/customer?shownAs=eq.Ann") == [1]
    assert server.get("/customer?display_name=eq.Ann").status == 400
    assert fresh.rows("SELECT display_name FROM customer") == [("Ann",)]


def test_relations_have_the_names_that_were_declared(serve, fresh, models):
    server = serve(fresh, models=models(SHOP))
    server.post("/customer", {"email": "a@example.com"})
    server.post("/purchases", [{"amount": 5, "customer_id": 1}, {"amount": 7, "customer_id": 1}])
    assert server.rows("/purchases?select=amount,buyer(email)&amount=eq.5") == [
        {"amount": 5, "buyer": {"email": "a@example.com"}}]
    assert server.rows("/customer?select=email,purchases(amount)&purchases.order=amount") == [
        {"email": "a@example.com", "purchases": [{"amount": 5}, {"amount": 7}]}]
    assert [row["amount"] for row in server.rows("/customer/1/purchases?order=amount")] == [5, 7]


def test_tables_without_a_model_are_not_served(serve, database, models):
    db = database("CREATE TABLE other (id INTEGER PRIMARY KEY)")
    server = serve(db, models=models(SHOP))
    server.error("/other", 404, "PGRST205")
    server.wait_log("warning: table other: no model describes this table")


# --- differences ------------------------------------------------------------------------------

OLD_CUSTOMER = ("CREATE TABLE customer (id INTEGER PRIMARY KEY, secret TEXT, password TEXT,"
                " display_name TEXT)")
MILD_CUSTOMER = ("CREATE TABLE customer (id INTEGER PRIMARY KEY, email TEXT NOT NULL,"
                 " secret TEXT, password TEXT, display_name TEXT, more INTEGER)")


def test_a_blocking_difference_stops_the_start(failing, database, models):
    db = database(OLD_CUSTOMER)
    path = models(SHOP)
    code, log = failing(db, models=path)
    assert code == 78
    assert f"error: table customer, column email: the column is missing (model Customer, {path}:" \
        in log
    assert "to mend it: " in log
    assert "on_difference = warn" in log
    assert db.tables() == {"customer"}


def test_with_migrate_false_every_missing_table_is_told_with_its_sql(failing, database, models):
    db = database("CREATE TABLE other (id INTEGER PRIMARY KEY)")
    code, log = failing(db, models=models(SHOP), migrate="false")
    assert code == 78
    assert "error: table customer: the table is missing" in log
    assert "error: table purchases: the table is missing" in log
    statement = "\n".join(line.removeprefix("error: ").strip() for line in log.splitlines())
    assert 'CREATE TABLE "purchases" (' in statement
    assert "modeld db create-tables" in log


def test_on_difference_warn_serves_the_others_and_503_for_the_broken_one(serve, database, models):
    server = serve(database(OLD_CUSTOMER), models=models(
        SHOP + ', "Note": { "fields": { "text": "text" } }'), on_difference="warn")
    server.wait_log("warning: table customer, column email: the column is missing")
    error = server.error("/customer", 503, "MD503")
    assert "customer" in error["message"].lower()
    assert server.post("/customer", {"email": "a@example.com"}).status == 503
    assert server.post("/note", {"text": "fine"}).status == 201
    assert server.rows("/note?select=text") == [{"text": "fine"}]
    metrics = server.metrics()
    assert metrics['modeld_schema_differences{blocking="true"}'] == 1


def test_other_differences_are_warnings(serve, database, models):
    server = serve(database(MILD_CUSTOMER), models=models(SHOP))
    log = server.log()
    assert "warning: table customer, column more: the model has no such field" in log
    assert 'the unique key "customer_email_key" is missing' in log
    assert 'CREATE UNIQUE INDEX "customer_email_key"' in log
    metrics = server.metrics()
    assert metrics['modeld_schema_differences{blocking="true"}'] == 0
    assert metrics['modeld_schema_differences{blocking="false"}'] == \
        log.count("warning: table customer")
    server.post("/customer", {"email": "a@example.com"})
    assert "more" not in server.rows("/customer")[0]
    shown = server.get("/-/models/customer").json
    assert any("no such field" in json.dumps(one) for one in shown["differences"])


@pytest.mark.sqlite("no foreign key of PostgreSQL can be broken")
def test_a_foreign_key_that_does_not_hold_is_told_at_the_start(serve, database, models):
    db = database("""
        CREATE TABLE customer (id INTEGER PRIMARY KEY, email TEXT NOT NULL UNIQUE, secret TEXT,
                               password TEXT, display_name TEXT);
        CREATE TABLE purchases (id INTEGER PRIMARY KEY, amount INTEGER NOT NULL,
                                customer_id INTEGER NOT NULL REFERENCES customer (id));
        INSERT INTO purchases VALUES (1, 5, 77)""")
    server = serve(db, models=models(SHOP))
    server.wait_log("foreign_key_check")


# --- reload -----------------------------------------------------------------------------------

def reload(server):
    return server.admin("/-/reload", "POST")


def test_a_reload_is_answered_when_it_is_over(serve, fresh, models):
    server = serve(fresh, models=models(SHOP))
    response = reload(server)
    assert response.status == 200, response
    assert response.json == {"generation": 2, "models": 2, "tables_made": 0,
                             "differences": {"blocking": 0, "other": 0}}
    assert server.get("/-/models").json["generation"] == 2
    assert server.metric("modeld_reloads_total") == 1


def test_a_reload_shows_a_new_field(serve, database, models):
    db = database("CREATE TABLE thing (id INTEGER PRIMARY KEY, name TEXT NOT NULL)")
    server = serve(db, models=models('"Thing": { "fields": { "name": "text" } }'))
    server.post("/thing", {"name": "a"})
    db.run("ALTER TABLE thing ADD COLUMN size INTEGER")
    models('"Thing": { "fields": { "name": "text", "size": "integer?" } }')
    assert server.rows("/thing") == [{"id": 1, "name": "a"}]
    assert reload(server).status == 200
    assert server.rows("/thing") == [{"id": 1, "name": "a", "size": None}]


def test_a_new_model_appears_after_a_reload_with_its_table(serve, fresh, models):
    path = models(SHOP)
    server = serve(fresh, models=str(path.parent / "*.json"))
    server.error("/note", 404, "PGRST205")
    models('"Note": { "fields": { "customer_id": "-> Customer", "text": "text" },'
           ' "relations": { "about": "Customer" } }', "note.json")
    response = reload(server)
    assert (response.status, response.json["tables_made"]) == (200, 1), response
    server.post("/customer", {"email": "a@example.com"})
    assert server.post("/note", {"customer_id": 1, "text": "hm"}).status == 201
    assert server.rows("/note?select=text,about(email)") == [
        {"text": "hm", "about": {"email": "a@example.com"}}]


def test_sighup_reads_the_definition_files_too(serve, fresh, models):
    path = models(SHOP)
    server = serve(fresh, models=str(path.parent / "*.json"))
    models('"Note": { "fields": { "text": "text" } }', "note.json")
    server.signal(signal.SIGHUP)
    wait_until(lambda: server.get("/note").status == 200, "the new model")


def test_a_bad_file_leaves_the_old_state_serving(serve, fresh, models):
    server = serve(fresh, models=models(SHOP))
    server.post("/customer", {"email": "a@example.com"})
    path = models(SHOP.replace("unique", "uniqe"))
    server.expect_error(".")
    response = reload(server)
    assert response.status == 422, response
    assert response.json["code"] == "MD422"
    assert f'{path}:' in response.json["details"] and "uniqe" in response.json["details"]
    server.wait_log('unknown modifier "uniqe"')
    assert server.metric("modeld_reload_failures_total") == 1
    assert server.get("/-/models").json["generation"] == 1
    assert server.rows("/customer?select=id,email") == [{"id": 1, "email": "a@example.com"}]
    models(SHOP)
    assert reload(server).status == 200


def test_definition_files_that_are_gone_leave_the_old_state_serving(serve, fresh, models):
    path = models(SHOP)
    server = serve(fresh, models=path)
    path.unlink()
    server.expect_error(".")
    assert reload(server).status == 404
    assert server.rows("/customer") == []


def test_a_blocking_difference_fails_the_reload(serve, fresh, models):
    server = serve(fresh, models=models(SHOP))
    models(SHOP.replace('"amount":', '"colour": "text", "amount":'))
    server.expect_error(".")
    response = reload(server)
    assert (response.status, response.json["code"]) == (422, "MD422"), response
    assert "table purchases, column colour: the column is missing" in response.json["details"]
    assert server.rows("/purchases?select=amount") == []


def test_with_on_difference_warn_the_reload_takes_effect(serve, fresh, models):
    server = serve(fresh, models=models(SHOP), on_difference="warn")
    models(SHOP.replace('"amount":', '"colour": "text", "amount":'))
    response = reload(server)
    assert response.status == 200, response
    assert response.json["differences"]["blocking"] == 1
    server.error("/purchases", 503, "MD503")
    assert server.rows("/customer") == []


@pytest.mark.sqlite("a database is a file")
def test_a_database_that_is_gone_fails_the_reload_and_is_not_made_anew(serve, fresh, models,
                                                                       tmp_path):
    server = serve(fresh, models=models(SHOP))
    (tmp_path / "fresh.db").rename(tmp_path / "elsewhere.db")
    server.expect_error(".")
    assert reload(server).status >= 500
    assert not (tmp_path / "fresh.db").exists()
    (tmp_path / "elsewhere.db").rename(tmp_path / "fresh.db")
    assert reload(server).status == 200


def test_another_pattern_in_the_configuration_takes_effect_by_reload(serve, fresh, models, tmp_path):
    first = models(SHOP, "shop.json")
    second = models('"Note": { "fields": { "text": "text" } }', "note.json")
    config = tmp_path / "modeld.conf"
    config.write_text(f'models = "{first}"\n')
    server = serve(fresh, "--config", config)
    server.error("/note", 404, "PGRST205")
    config.write_text(f'models = "{second}"\n')
    assert reload(server).status == 200
    assert server.rows("/note") == []
    server.error("/customer", 404, "PGRST205")
    config.write_text("")
    assert reload(server).status == 200
    assert server.rows("/customer") == []
    assert server.rows("/note") == []


def test_a_bad_configuration_fails_the_reload(serve, fresh, models, tmp_path):
    config = tmp_path / "modeld.conf"
    config.write_text("db_max_rows = 10\n")
    server = serve(fresh, "--config", config, models=models(SHOP))
    config.write_text("db_max_rows = many\n")
    server.expect_error(".")
    response = reload(server)
    assert response.status == 400, response
    assert "db_max_rows" in response.json["details"]
    assert server.get("/-/models").json["generation"] == 1


def test_many_reloads_at_once_are_all_answered(serve, fresh, models):
    from concurrent.futures import ThreadPoolExecutor
    server = serve(fresh, models=models(SHOP))
    with ThreadPoolExecutor(8) as pool:
        responses = list(pool.map(lambda _: reload(server), range(24)))
    assert [response.status for response in responses] == [200] * 24
    newest = server.get("/-/models").json["generation"]
    assert max(response.json["generation"] for response in responses) <= newest


def test_a_client_that_leaves_while_the_reload_runs_is_forgotten(serve, fresh, models):
    import socket
    server = serve(fresh, models=models(SHOP))
    for _ in range(10):
        sock = socket.socket(socket.AF_UNIX)
        sock.connect(server.admin_path)
        sock.sendall(b"POST /-/reload HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n")
        sock.close()
    assert reload(server).status == 200


def test_a_stop_answers_who_waits_for_a_reload(serve, fresh, models):
    import socket
    server = serve(fresh, models=models(SHOP))
    socks = []
    for _ in range(5):
        sock = socket.socket(socket.AF_UNIX)
        sock.settimeout(30)
        sock.connect(server.admin_path)
        sock.sendall(b"POST /-/reload HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n")
        socks.append(sock)
    server.process.terminate()
    assert server.process.wait(30) == 0
    for sock in socks:
        sock.close()


def test_a_reload_is_for_the_administration_only(serve, fresh, models):
    server = serve(fresh, models=models(SHOP))
    assert server.post("/-/reload").status == 404
    response = server.admin("/-/reload")
    assert (response.status, response.header("Allow")) == (405, "OPTIONS,POST")


def test_a_page_of_the_web_cannot_reload(serve, fresh, models):
    server = serve(fresh, models=models(SHOP), admin_on_public="true")
    assert server.post("/-/reload", Origin="http://evil.example").status == 403
    assert server.post("/-/reload", {"anything": "is not looked at"}).status == 200


# --- what errors of the engine may say ----------------------------------------------------------

PRIVATE = """ "Safe": { "fields": {
    "name": "text unique", "low": "integer", "high": "integer",
    "secret": "text = random_hex() hidden",
    "pin": { "type": "text", "writeonly": true, "unique": true, "nullable": true } },
  "checks": ["low < high"], "unique": [["low", "pin"]] } """


def test_errors_of_the_engine_tell_nothing_that_is_hidden(serve, fresh, models):
    server = serve(fresh, models=models(PRIVATE))
    assert server.post("/safe", {"name": "a", "low": 1, "high": 2, "pin": "1234"}).status == 201
    secret, = fresh.rows("SELECT secret FROM safe")[0]
    for row, code, details in [
            ({"name": "b", "low": 3, "high": 2, "pin": "99"}, "23514", None),
            ({"name": "b", "low": 2, "high": 3, "pin": "1234"}, "23505", None),
            ({"name": "a", "low": 2, "high": 3}, "23505", "Key (name)=(a) already exists.")]:
        response = server.post("/safe", row)
        assert (response.json["code"], response.json["details"]) == (code, details)
        assert secret not in response.text
    response = server.patch("/safe?id=eq.1", {"low": 7})
    assert (response.json["code"], response.json["details"]) == ("23514", None)
