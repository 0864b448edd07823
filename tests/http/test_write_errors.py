"""What stands against a write: constraints, views, schemas, methods."""
import pytest

from harness import DATA, Modeld

FULL = "return=representation"


def refused(response, status, code):
    assert response.status == status, response
    error = response.json
    assert set(error) == {"code", "message", "details", "hint"}
    assert error["code"] == code, error
    assert response.header("Proxy-Status") == f"PostgREST; error={code}"
    assert response.header("Preference-Applied") is None
    return error


@pytest.fixture(scope="module")
def league(engine, tmp_path_factory):
    """A daemon for writes that all fail."""
    folder = tmp_path_factory.mktemp("league")
    db = engine.database(folder, (DATA / "league.sql").read_text(encoding="utf-8"))
    server = Modeld(db.url, folder=folder)
    yield server
    server.stop()
    db.drop()


UNIQUE = "duplicate key value violates unique constraint "
ABSENT = 'insert or update on table "{}" violates foreign key constraint "{}"'
HELD = 'update or delete on table "{}" violates foreign key constraint "{}" on table "{}"'
NULL = 'null value in column "{}" of relation "{}" violates not-null constraint'
CHECK = 'new row for relation "player" violates check constraint "{}"'


def known(text):
    """What PostgreSQL alone can know, see docs/differences.md: elsewhere the details are null."""
    return {"sqlite": None, "postgresql": text}


# Codes, messages and details as PostgreSQL 15 gives them for the same tables and statements.
@pytest.mark.parametrize("method, target, body, code, message, details", [
    ("POST", "/team", {"name": "Reds"}, "23505", UNIQUE + '"team_name_key"',
     "Key (name)=(Reds) already exists."),
    ("POST", "/team", {"id": 1, "name": "x"}, "23505", UNIQUE + '"team_pkey"',
     "Key (id)=(1) already exists."),
    ("POST", "/team", [{"id": 8, "name": "ok"}, {"id": 9, "name": "Blues"}], "23505",
     UNIQUE + '"team_name_key"', "Key (name)=(Blues) already exists."),
    ("POST", "/team", {"id": 9, "name": "x", "Code": "R"}, "23505", UNIQUE + '"team_Code_key"',
     'Key ("Code")=(R) already exists.'),
    ("POST", "/team", {"id": 9, "name": "x", "order": 2}, "23505", UNIQUE + '"team_order_key"',
     'Key ("order")=(2) already exists.'),
    ("PATCH", "/team?id=eq.1", {"name": "Blues"}, "23505", UNIQUE + '"team_name_key"',
     "Key (name)=(Blues) already exists."),
    ("PATCH", "/team", {"name": "Same"}, "23505", UNIQUE + '"team_name_key"',
     "Key (name)=(Same) already exists."),
    ("PATCH", "/player?id=eq.2", {"shirt": 7}, "23505", UNIQUE + '"shirt_once"',
     known("Key (team_id, shirt)=(1, 7) already exists.")),
    ("POST", "/player", {"id": 9, "team_id": 2, "shirt": 7}, "23505", UNIQUE + '"shirt_once"',
     "Key (team_id, shirt)=(2, 7) already exists."),
    ("POST", "/player", {"id": 9, "team_id": 1, "is_keeper": True}, "23505",
     UNIQUE + '"one_keeper"', "Key (team_id)=(1) already exists."),
    ("POST", "/player", {"id": 9, "team_id": 2, "mail": "A@x"}, "23505", UNIQUE + '"one_mail"',
     known("Key (lower(mail))=(a@x) already exists.")),
    ("POST", "/goal", {"player_id": 3, "at": 1.5}, "23505", UNIQUE + '"goal_pkey"',
     "Key (player_id, at)=(3, 1.5) already exists."),
    ("POST", "/goal", [{"player_id": 3, "at": 2}, {"player_id": 3, "at": 2.0}], "23505",
     UNIQUE + '"goal_pkey"', "Key (player_id, at)=(3, 2) already exists."),
    ("POST", "/team", {"id": 9, "name": None}, "23502", NULL.format("name", "team"),
     known("Failing row contains (9, null, null, null).")),
    ("PATCH", "/team?id=eq.1", {"name": None}, "23502", NULL.format("name", "team"),
     known("Failing row contains (1, null, R, 1).")),
    ("POST", "/player", {"id": 9}, "23502", NULL.format("team_id", "player"),
     known("Failing row contains (9, null, null, null, f, null, null).")),
    ("POST", "/player", {"id": 9, "team_id": 1, "shirt": 100}, "23514",
     CHECK.format("player_shirt_check"),
     known("Failing row contains (9, 1, 100, null, f, null, null).")),
    ("POST", "/player", {"id": 9, "team_id": 1, "shirt": 13}, "23514",
     CHECK.format("no_thirteen"),
     known("Failing row contains (9, 1, 13, null, f, null, null).")),
    ("POST", "/player", {"id": 9, "team_id": 1, "rival": 9}, "23514",
     CHECK.format("player_check"),
     known("Failing row contains (9, 1, null, null, f, null, 9).")),
    ("PATCH", "/player?id=eq.3", {"shirt": 13}, "23514", CHECK.format("no_thirteen"),
     known("Failing row contains (3, 2, 13, c@x, f, 1, null).")),
    ("POST", "/player", {"id": 9, "team_id": 99}, "23503",
     ABSENT.format("player", "player_team_id_fkey"),
     'Key (team_id)=(99) is not present in table "team".'),
    ("POST", "/player", [{"id": 8, "team_id": 1}, {"id": 9, "team_id": 99}], "23503",
     ABSENT.format("player", "player_team_id_fkey"),
     'Key (team_id)=(99) is not present in table "team".'),
    ("POST", "/player", [{"id": 8, "team_id": 1, "chief": 1}, {"id": 9, "team_id": 1, "chief": 8},
                         {"id": 10, "team_id": 1, "chief": 98}], "23503",
     ABSENT.format("player", "player_chief_fkey"),
     'Key (chief)=(98) is not present in table "player".'),
    ("POST", "/player", [{"id": 8, "team_id": 1, "rival": 9}, {"id": 9, "team_id": 1, "rival": 8},
                         {"id": 10, "team_id": 1, "rival": 98}], "23503",
     ABSENT.format("player", "has_rival"), 'Key (rival)=(98) is not present in table "player".'),
    ("PATCH", "/player?id=eq.1", {"team_id": 99}, "23503",
     ABSENT.format("player", "player_team_id_fkey"),
     'Key (team_id)=(99) is not present in table "team".'),
    ("PATCH", "/player?id=eq.1", {"rival": 99}, "23503", ABSENT.format("player", "has_rival"),
     'Key (rival)=(99) is not present in table "player".'),
    ("PATCH", "/player/3", {"chief": 99}, "23503", ABSENT.format("player", "player_chief_fkey"),
     'Key (chief)=(99) is not present in table "player".'),
    ("POST", "/letter", {"id": 2, "team_id": 2, "shirt": 8}, "23503",
     ABSENT.format("letter", "letter_team_id_shirt_fkey"),
     'Key (team_id, shirt)=(2, 8) is not present in table "player".'),
    ("POST", "/trophy", {"id": 3, "holder": 66}, "23503",
     ABSENT.format("trophy", "trophy_holder_fkey"),
     'Key (holder)=(66) is not present in table "team".'),
    ("POST", "/trophy", {"id": 3}, "23503",
     {"sqlite": ABSENT.split(' "{}"')[0] + ' "trophy" violates foreign key constraint',
      "postgresql": ABSENT.format("trophy", "trophy_holder_fkey")},
     known('Key (holder)=(77) is not present in table "team".')),
    ("PATCH", "/letter?id=eq.1", {"shirt": 99}, "23503",
     ABSENT.format("letter", "letter_team_id_shirt_fkey"),
     'Key (team_id, shirt)=(1, 99) is not present in table "player".'),
    ("PATCH", "/letter", {"team_id": 3}, "23503",
     ABSENT.format("letter", "letter_team_id_shirt_fkey"),
     'Key (team_id, shirt)=(3, 8) is not present in table "player".'),
    ("DELETE", "/team?id=eq.1", None, "23503", HELD.format("team", "player_team_id_fkey", "player"),
     'Key (id)=(1) is still referenced from table "player".'),
    ("DELETE", "/team?name=in.(Free,Blues)", None, "23503",
     HELD.format("team", "player_team_id_fkey", "player"),
     'Key (id)=(2) is still referenced from table "player".'),
    ("DELETE", "/team/3", None, "23503", HELD.format("team", "trophy_giver_fkey", "trophy"),
     'Key (id)=(3) is still referenced from table "trophy".'),
    ("DELETE", "/player?id=in.(1,3)", None, "23503",
     HELD.format("player", "player_chief_fkey", "player"),
     'Key (id)=(1) is still referenced from table "player".'),
    ("DELETE", "/team", None, "23503", HELD.format("team", "player_team_id_fkey", "player"),
     'Key (id)=(1) is still referenced from table "player".'),
    ("PATCH", "/team?id=eq.1", {"id": 9}, "23503",
     HELD.format("team", "player_team_id_fkey", "player"),
     'Key (id)=(1) is still referenced from table "player".'),
    ("PATCH", "/team/1", {"id": 1, "name": "Blues"}, "23505", UNIQUE + '"team_name_key"',
     "Key (name)=(Blues) already exists."),
    ("PUT", "/letter?id=eq.5", {"id": 5, "team_id": 1, "shirt": 99}, "23503",
     ABSENT.format("letter", "letter_team_id_shirt_fkey"),
     'Key (team_id, shirt)=(1, 99) is not present in table "player".'),
])
def test_constraints_answer_in_the_words_of_postgresql(league, method, target, body, code, message,
                                                       details):
    if isinstance(message, dict):
        message = message[league.engine]
    if isinstance(details, dict):
        details = details[league.engine]

    def everything():
        return [league.get(table).body for table in ("/team", "/player", "/letter", "/trophy")]
    before = everything()
    error = refused(league.write(method, target, body),
                    400 if code in ("23502", "23514") else 409, code)
    assert (error["message"], error["details"]) == (message, details)
    assert everything() == before


def test_a_default_that_refers_to_nothing_is_named(league):
    response = league.patch("/trophy?id=eq.1&columns=holder", {}, Prefer="missing=default")
    error = refused(response, 409, "23503")
    assert error["message"] == ABSENT.format("trophy", "trophy_holder_fkey")
    assert error["details"] == 'Key (holder)=(77) is not present in table "team".'


@pytest.mark.parametrize("method, target, body, part", [
    ("POST", "/toy", {"name": "x", "stock": "many"}, "many"),
    ("POST", "/flag", {"up": "perhaps"}, "perhaps"),
])
def test_values_of_the_wrong_type_are_22p02(shop, method, target, body, part):
    assert part in refused(shop.write(method, target, body), 400, "22P02")["message"]


@pytest.mark.parametrize("method, target, words", [
    ("POST", "/box", 'cannot insert a non-DEFAULT value into column "Area"'),
    ("PATCH", "/box?id=eq.1", 'column "Area" can only be updated to DEFAULT'),
])
def test_a_generated_column_is_428C9(serve, database, method, target, words):
    server = serve(database("""CREATE TABLE box (id INTEGER PRIMARY KEY, side INTEGER,
                               "Area" INTEGER GENERATED ALWAYS AS (side * side) STORED);
                               INSERT INTO box (id, side) VALUES (1, 2)"""))
    error = refused(server.write(method, target, {"side": 3, "Area": 5}), 400, "428C9")
    assert (error["message"], error["details"]) == (words,
                                                    'Column "Area" is a generated column.')


@pytest.mark.sqlite("strict tables are SQLite's")
def test_a_value_of_another_type_in_a_strict_table_is_42804(serve, database):
    server = serve(database("CREATE TABLE s (id INTEGER PRIMARY KEY, data BLOB) STRICT"))
    error = refused(server.post("/s", {"data": "text"}), 400, "42804")
    assert error["message"] == 'column "data" is of type blob but expression is of type text'


def test_a_number_that_no_double_holds_is_22003(serve, database):
    server = serve(database("CREATE TABLE m (id INTEGER PRIMARY KEY, x DOUBLE PRECISION)"))
    for number in ("1e400", "-1e400", "1e-400", '"1e309"'):
        error = refused(server.post("/m", '{"x":%s}' % number), 400, "22003")
        bare = number.strip('"')
        assert error["message"] == f'"{bare}" is out of range for type double precision'
    assert server.post("/m", '{"x":0e-400}').status == 201


@pytest.mark.parametrize("method", ["POST", "PATCH", "PUT", "DELETE"])
def test_an_unknown_relation_is_404(shop, method):
    refused(shop.write(method, "/nowhere?id=eq.1", {"id": 1}), 404, "PGRST205")


def test_a_key_twice_in_an_object_is_refused(shop):
    response = shop.post("/note", '{"line":"a","line":"b"}')
    assert response.status == 400


def test_the_schema_of_a_write_is_content_profile(shop):
    assert shop.post("/note", {"line": "x"}, Content_Profile="public").status == 201
    error = refused(shop.post("/note", {"line": "x"}, Content_Profile="secret"), 406, "PGRST106")
    assert error["message"] == "Invalid schema: secret"
    assert shop.post("/note", {"line": "x"}, Accept_Profile="secret").status == 201


def test_strict_handling_refuses_unknown_preferences(shop):
    refused(shop.post("/note", {"line": "x"}, Prefer="handling=strict, coffee=black"),
            400, "PGRST122")
    assert len(shop.rows("/note")) == 2


def test_a_media_type_nobody_offers_writes_nothing(shop):
    refused(shop.post("/note", {"line": "x"}, Accept="image/png"), 406, "PGRST107")
    assert len(shop.rows("/note")) == 2


@pytest.mark.parametrize("target, allow", [
    ("/toy", "OPTIONS,GET,HEAD,POST,PUT,PATCH,DELETE"),
    ("/toy/1", "OPTIONS,GET,HEAD,PUT,PATCH,DELETE"),
    ("/toy/1/maker", "OPTIONS,GET,HEAD,PUT"),
    ("/note", "OPTIONS,GET,HEAD,POST,PATCH,DELETE"),
    ("/price_list", "OPTIONS,GET,HEAD"),
    ("/inbox", "OPTIONS,GET,HEAD,POST"),
])
def test_options_tells_how_a_relation_can_be_written(shop, target, allow):
    response = shop.options(target)
    assert (response.status, response.body) == (200, b"")
    assert response.header("Allow") == allow


@pytest.mark.parametrize("method, target", [
    ("POST", "/price_list"), ("PATCH", "/price_list?name=eq.x"), ("DELETE", "/price_list"),
    ("PATCH", "/inbox"), ("DELETE", "/inbox"), ("PUT", "/inbox?line=eq.x")])
def test_a_view_without_triggers_is_405(shop, method, target):
    response = shop.write(method, target, {"name": "x"})
    refused(response, 405, "PGRST117")
    assert response.header("Allow").startswith("OPTIONS,GET,HEAD")


def test_a_view_is_written_through_its_triggers(shop):
    response = shop.post("/cheap_toy", {"id": 9, "name": "dice", "price": 1}, Prefer=FULL)
    assert response.status == 201
    assert response.json == [{"id": 9, "name": "dice", "price": 1}]
    response = shop.patch("/cheap_toy?id=eq.9", {"price": 2}, Prefer=FULL)
    assert (response.status, response.json) == (200, [{"id": 9, "name": "dice", "price": 2}])
    assert shop.get("/toy/9").json["price"] == 2
    assert shop.delete("/cheap_toy?id=eq.9", Prefer=FULL).json == [
        {"id": 9, "name": "dice", "price": 2}]
    assert shop.get("/toy/9").status == 404


def test_logic_chooses_rows_of_a_view(shop):
    assert shop.patch("/cheap_toy?or=(id.eq.3,name.eq.x)&price=lt.9", {"price": 5}).status == 204
    assert shop.get("/toy/3").json["price"] == 5


@pytest.mark.sqlite("there are no upserts through triggers; PostgreSQL's views take them")
def test_a_view_takes_no_upsert(shop):
    response = shop.post("/cheap_toy?on_conflict=id", {"id": 9, "name": "x", "price": 1},
                         Prefer="resolution=merge-duplicates")
    refused(response, 400, "0A000")


def test_several_rows_of_a_view_are_not_one_object(shop):
    shop.post("/cheap_toy", {"id": 9, "name": "dice", "price": 1})
    response = shop.patch("/cheap_toy", {"price": 2}, Accept="application/vnd.pgrst.object+json")
    refused(response, 406, "PGRST116")
    assert shop.get("/toy/9").json["price"] == 1
    response = shop.patch("/cheap_toy", {"price": 2}, Prefer="handling=strict, max-affected=1")
    refused(response, 400, "PGRST124")


def test_rows_written_through_a_view_are_counted(shop):
    response = shop.patch("/cheap_toy?id=eq.3", {"price": 2}, Prefer="count=exact")
    assert response.header("Content-Range") == "0-0/1"
    assert shop.delete("/cheap_toy", Prefer="count=exact").header("Content-Range") == "*/1"


def test_a_view_that_takes_new_rows_only(shop):
    assert shop.post("/inbox", [{"line": "a"}, {"line": "b"}]).status == 201
    assert shop.column("/note?day=eq.today&order=line", "line") == ["a", "b"]


def test_a_database_that_cannot_be_written_says_so(serve, database):
    db = database("""
        CREATE TABLE t (id INTEGER PRIMARY KEY);
        CREATE TRIGGER no BEFORE INSERT ON t BEGIN SELECT RAISE(ABORT, 'closed today'); END; -- sqlite only
        CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS -- postgresql only
            $$ BEGIN RAISE 'closed today'; END $$; -- postgresql only
        CREATE TRIGGER no BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION refuse(); -- postgresql only
        """)
    response = serve(db).post("/t", {"id": 1})
    assert (response.status, response.json["code"]) == (400, "P0001")
    assert response.json["message"] == "closed today"
