"""GET /-/schema in every format, /-/models with abstract models, and `modeld models export` and
`import`. Public validators try the documents in tests/clients."""
import json
import re

import pytest

from harness import ROOT, Modeld, run, wait_until

BLOG = ROOT / "config" / "models" / "blog.json"
FORMATS = {
    "json": "application/json", "json-schema": "application/schema+json",
    "openapi": "application/openapi+json", "typescript": "text/plain", "sql": "application/sql",
    "dbml": "text/plain", "mermaid": "text/plain",
}
MODELS = """{ "version": 1, "models": {
    "Base":  { "abstract": true, "fields": { "note": "text?" } },
    "Owner": { "extends": "Base", "fields": {
        "name":   "string(40) unique",
        "secret": "string? hidden",
        "pin":    { "type": "string", "nullable": true, "writeonly": true },
        "made":   "datetime = now() readonly" } },
    "Pet":   { "extends": "Base", "fields": {
        "kind":     "enum(cat, dog) = cat",
        "weight":   "float? min(0)",
        "vaccines": { "type": "array", "items": "string", "default": [] },
        "owner_id": "-> Owner on delete cascade",
        "vet_id":   "-> Owner? hidden" } } } }"""
# Names that need care in every language, types with sizes, keys of two columns, a view.
ODD = """
CREATE TABLE "select" (id INTEGER PRIMARY KEY, "a b" VARCHAR(20) NOT NULL, "qu""ote" TEXT,
    price NUMERIC(10,2) DEFAULT 1.5, flag BOOLEAN, "order" INTEGER);
CREATE TABLE pair (a INTEGER NOT NULL, b INTEGER NOT NULL, select_id INTEGER,
    CONSTRAINT pair_pkey PRIMARY KEY (a, b),
    CONSTRAINT pair_select_id_fkey FOREIGN KEY (select_id) REFERENCES "select" (id) ON DELETE CASCADE);
CREATE INDEX pair_b_idx ON pair (b);
CREATE TABLE keyless (x INTEGER);
CREATE VIEW shown AS SELECT id, price FROM "select";
INSERT INTO "select" (id, "a b") VALUES (1, 'x');
"""


@pytest.fixture
def models(tmp_path):
    path = tmp_path / "models.json"
    path.write_text(MODELS, encoding="utf-8")
    return path


@pytest.fixture
def pets(serve, fresh, models):
    """A daemon of two declared models."""
    return serve(fresh, models=models)


def schema(server, format_name, more="", **headers):
    response = server.get(f"/-/schema?format={format_name}{more}", **headers)
    assert response.status == 200, response
    return response


# --- the route ---------------------------------------------------------------------------------

@pytest.mark.parametrize("name", FORMATS)
def test_each_format_is_answered_with_its_type(library, name):
    response = schema(library, name)
    assert response.header("Content-Type").split(";")[0] == FORMATS[name]
    assert "book" in response.text


@pytest.mark.parametrize("accept", ["application/schema+json", "text/plain", "image/png"])
def test_it_is_the_format_that_is_asked_for(library, accept):
    response = schema(library, "json-schema", Accept=accept)
    assert response.header("Content-Type") == "application/schema+json"


def test_without_a_format_it_is_the_canonical_json(library):
    assert library.get("/-/schema").text == schema(library, "json").text


def test_an_unknown_format_is_told_with_those_that_there_are(library):
    error = library.error("/-/schema?format=xml", 400, "MD400")
    assert error["message"] == 'there is no format "xml"'
    assert error["hint"] == "Formats: " + ", ".join(FORMATS)
    library.error("/-/schema?include_empty=perhaps", 400, "MD400")
    library.error("/-/models?include_empty=perhaps", 400, "MD400")


@pytest.mark.parametrize("name", FORMATS)
def test_the_tag_is_of_the_text_and_spares_sending_it_again(library, name):
    first = schema(library, name)
    tag = first.header("ETag")
    assert re.fullmatch(r'"[0-9a-f]{32}"', tag)
    assert schema(library, name).header("ETag") == tag
    for known in [tag, "W/" + tag, f'"x", {tag}', "*"]:
        again = library.request("GET", f"/-/schema?format={name}", {"If-None-Match": known})
        assert (again.status, again.body, again.header("ETag")) == (304, b"", tag)
    other = library.request("GET", f"/-/schema?format={name}", {"If-None-Match": '"x"'})
    assert (other.status, other.body) == (200, first.body)
    head = library.head(f"/-/schema?format={name}")
    assert (head.status, int(head.header("Content-Length"))) == (200, len(first.body))


def test_only_get_head_and_options_are_known(library):
    assert library.options("/-/schema").header("Allow") == "OPTIONS,GET,HEAD"
    assert library.request("POST", "/-/schema", body=b"").status == 405


def test_the_listener_for_administration_has_it_too(serve):
    server = serve()
    answer = server.admin("/-/schema?format=sql")
    assert answer.status == 200
    assert answer.text == schema(server, "sql").text


def test_a_text_larger_than_a_request_may_be_is_refused(serve, database):
    columns = ", ".join(f"column_with_a_rather_long_name_{n} TEXT" for n in range(800))
    tables = "".join(f"CREATE TABLE wide{n} (id INTEGER PRIMARY KEY, {columns});" for n in range(3))
    server = serve(database(tables), request_memory="1MiB", body="64KiB")
    error = server.error("/-/schema?format=openapi", 500, "54000")
    assert "1048576 bytes" in error["message"]
    assert server.get("/wide0?select=id").json == []


def test_it_is_never_stale(serve, database):
    db = database("CREATE TABLE one (id INTEGER PRIMARY KEY);")
    server = serve(db, threads=2)
    before = {name: schema(server, name).header("ETag") for name in FORMATS}
    db.run("CREATE TABLE another (id INTEGER PRIMARY KEY, text TEXT);")
    assert server.admin("/-/reload", "POST").status == 200
    for _ in range(8):  # whichever loop answers
        for name in FORMATS:
            response = schema(server, name)
            assert "another" in response.text
            assert response.header("ETag") != before[name]
    server.admin("/-/reload", "POST")  # nothing has changed
    after = {name: schema(server, name).header("ETag") for name in FORMATS}
    server.admin("/-/reload", "POST")
    assert after == {name: schema(server, name).header("ETag") for name in FORMATS}


# --- what is in it -----------------------------------------------------------------------------

@pytest.mark.parametrize("name", FORMATS)
def test_nothing_tells_of_hidden_fields(pets, name):
    text = schema(pets, name, "&include_empty=true").text
    assert "owner_id" in text or name == "mermaid"
    assert "secret" not in text
    assert "vet" not in text


def test_fields_that_are_only_written_are_only_in_inputs(pets):
    owner = schema(pets, "json-schema").json["$defs"]["owner"]
    assert "pin" not in owner["properties"]
    assert "pin" in owner["$defs"]["insert"]["properties"]
    assert "made" in owner["properties"]
    assert "made" not in owner["$defs"]["insert"]["properties"]
    assert owner["$defs"]["insert"]["required"] == ["name"]
    text = schema(pets, "typescript").text
    assert text.count("pin?: string | null") == 2  # Insert and Update


def test_abstract_models_come_with_include_empty(pets):
    def names(target):
        return [model["name"] for model in pets.get(target).json["models"]]
    for path in ["/-/models?", "/-/schema?format=json&"]:
        assert names(path) == ["owner", "pet"]
        assert names(path + "include_empty=false") == ["owner", "pet"]
        assert names(path + "include_empty=true") == ["owner", "pet", "Base"]
    base = pets.get("/-/models?include_empty=true").json["models"][2]
    assert base["kind"] == "abstract"
    assert [field["name"] for field in base["fields"]] == ["note"]
    assert "Base" in schema(pets, "json-schema", "&include_empty=true").json["$defs"]


def test_the_canonical_json_has_keys_indexes_and_relations(pets):
    owner, pet = schema(pets, "json").json["models"]
    assert owner["unique"] == [{"name": "owner_name_key", "fields": ["name"]}]
    assert pet["primary_key"] == ["id"]
    assert {"name": "pet_owner_id_idx", "fields": ["owner_id"]} in pet["indexes"]
    kind = next(field for field in pet["fields"] if field["name"] == "kind")
    assert (kind["type"], kind["enum"], kind["default"]) == ("enum", ["cat", "dog"], "cat")
    relation = pet["relations"][0]
    assert {key: relation[key] for key in ["model", "cardinality", "constraint", "fields",
                                           "references", "on_delete"]} == {
        "model": "owner", "cardinality": "many-to-one", "constraint": "pet_owner_id_fkey",
        "fields": ["owner_id"], "references": ["id"], "on_delete": "cascade"}


def test_openapi_describes_each_route_that_there_is(serve, database):
    document = schema(serve(database(ODD)), "openapi").json
    paths = {path: sorted(set(item) - {"parameters"}) for path, item in document["paths"].items()}
    assert paths == {
        "/select": ["delete", "get", "patch", "post"], "/select/{key}": ["delete", "get", "patch", "put"],
        "/pair": ["delete", "get", "patch", "post"], "/pair/{key}": ["delete", "get", "patch", "put"],
        "/keyless": ["delete", "get", "patch", "post"],
        "/shown": paths["/shown"], "/shown/{key}": paths["/shown/{key}"]}
    listing = document["paths"]["/select"]["get"]
    filters = {one.get("name") for one in listing["parameters"]}
    assert {"a b", 'qu"ote', "price"} <= filters
    assert "order" not in filters  # the parameter of this name is another
    assert document["openapi"] == "3.1.0"


def test_the_sql_of_declared_models_makes_their_tables(pets, database, serve, models):
    made = database(schema(pets, "sql").text, "again.db")
    server = serve(made, migrate="false", on_difference="warn", models=models)
    columns = {column for model in ["owner", "pet"]
               for difference in server.get(f"/-/models/{model}").json["differences"]
               for column in [difference.get("column")] if difference["blocking"]}
    assert columns == {"secret", "vet_id"}  # the hidden ones
    # Such models are not served; others may know that they are there.
    broken = schema(server, "json").json["models"]
    assert [(one["name"], one["broken"], one["fields"]) for one in broken] == [
        ("owner", True, []), ("pet", True, [])]
    assert schema(server, "openapi").json["paths"] == {}
    for name in ["json-schema", "typescript", "dbml", "mermaid"]:
        assert "owner" not in schema(server, name).text


@pytest.mark.sqlite("names of any length")
def test_names_that_no_identifier_has_are_numbered_in_openapi(serve, database):
    long = "n" * 3000
    document = schema(serve(database(f'CREATE TABLE "{long}" (id INTEGER PRIMARY KEY);'
                                     'CREATE TABLE "a b" (id INTEGER PRIMARY KEY);')), "openapi").json
    assert set(document["paths"]) == {"/a%20b", "/a%20b/{key}", f"/{long}", f"/{long}/{{key}}"}
    assert {"row-0", "insert-0", "update-0", "row-1"} <= set(document["components"]["schemas"])
    identities = [item[method]["operationId"] for item in document["paths"].values()
                  for method in item if method != "parameters"]
    assert len(identities) == len(set(identities)) == 16


def test_the_sql_of_a_database_makes_it_again(serve, database):
    first = schema(serve(database(ODD)), "sql").text
    again = schema(serve(database(first, "again.db")), "sql").text
    assert again == "".join(line for line in first.splitlines(True) if "a view" not in line)


@pytest.mark.postgresql("types that users make")
def test_types_of_postgresql_are_told(serve, database):
    server = serve(database("""
        CREATE TYPE mood AS ENUM ('glad', 'so so'); CREATE TYPE "Big Mood" AS ENUM ('x');
        CREATE TABLE t (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, m mood NOT NULL DEFAULT 'glad', b "Big Mood",
            l int[], n numeric(8,2), j jsonb, u uuid DEFAULT gen_random_uuid(), r int4range,
            g int GENERATED ALWAYS AS (1 + 1) STORED, at timestamptz);
        CREATE VIEW v AS SELECT id, m FROM t;
        INSERT INTO t (l, n, j, r, at) VALUES ('{1,NULL}', 1.5, '{"a": 1}', '[1,3)', now())"""))
    text = schema(server, "typescript").text
    assert 'mood: "glad" | "so so"' in text
    assert 'm: Database["public"]["Enums"]["mood"]' in text
    assert 'b: Database["public"]["Enums"]["Big Mood"] | null' in text
    assert "l: number[] | null" in text
    row = schema(server, "json-schema").json["$defs"]["t"]
    assert row["properties"]["m"]["enum"] == ["glad", "so so"]
    assert row["properties"]["l"]["type"] == ["array", "null"]
    assert {"id", "g"}.isdisjoint(row["$defs"]["insert"]["properties"])
    assert row["$defs"]["insert"]["required"] == []
    assert "CREATE TYPE public.mood AS ENUM ('glad', 'so so');" in schema(server, "sql").text


# --- the command line --------------------------------------------------------------------------

@pytest.mark.parametrize("name", FORMATS)
def test_export_writes_what_the_route_answers(serve, database, name):
    db = database(ODD)
    exported = run("models", "export", "--format", name, "--db", db.url)
    assert exported.returncode == 0, exported.stderr
    answer = schema(serve(db), name)
    if "json" in answer.header("Content-Type"):
        assert json.loads(exported.stdout) == answer.json
    else:
        assert exported.stdout == answer.text


def test_export_needs_no_database_for_definition_files(models):
    for name in FORMATS:
        exported = run("models", "export", "--format", name, models)
        assert exported.returncode == 0, exported.stderr
        assert "owner" in exported.stdout
        assert ("secret" in exported.stdout) == (name == "sql")
    postgresql = run("models", "export", "--format", "sql", "--set",
                     "models_targets=postgresql", models)
    assert "timestamptz" in postgresql.stdout
    assert '"Base"' in run("models", "export", "--all", "--format", "json", models).stdout


def test_export_of_nothing_says_what_is_missing(tmp_path):
    assert run("models", "export").returncode == 64
    assert "json-schema" in run("models", "export", "--format", "xml").stderr
    assert run("models", "export", "--format", "json").returncode == 78
    assert run("models", "export", "--format", "json", tmp_path / "none.json").returncode == 66
    assert run("models", "export", "--format", "json", "--db",
               f"sqlite:///{tmp_path / 'none.db'}").returncode == 66


def test_an_imported_definition_serves_its_database(serve, database, tmp_path):
    db = database(ODD)
    path = tmp_path / "imported.json"
    imported = run("models", "import", "--from-db", "--db", db.url, "--out", path)
    assert imported.returncode == 0, imported.stderr
    assert "table keyless: left out: it has no primary key\n" in imported.stderr
    checked = run("models", "check", "--db", db.url, path)
    assert (checked.returncode, checked.stderr) == (0, "")
    server = serve(db, models=path)
    assert server.get("/-/reload").status == 404  # of the public listener
    for name in ["select", "pair", "shown"]:
        model = server.get(f"/-/models/{name}").json
        assert (model["broken"], model["differences"]) == (False, []), model
    assert server.rows("/select?select=id,a_b,price") == [{"id": 1, "a_b": "x", "price": 1.5}]
    assert server.post("/pair", {"a": 1, "b": 2, "select_id": 1}).status == 201
    assert server.rows("/pair?select=a,select(a_b)") == [{"a": 1, "select": {"a_b": "x"}}]


def test_an_import_of_what_was_made_makes_the_same_tables(serve, fresh, database, tmp_path):
    serve(fresh, models=BLOG).stop()
    path = tmp_path / "imported.json"
    assert run("models", "import", "--managed", "--from-db", "--db", fresh.url, "--out",
               path).returncode == 0
    again = database("", "again.db")
    server = serve(again, models=path)
    assert "warning" not in server.log()
    server.stop()
    first, second = (run("models", "export", "--format", "sql", "--db", db.url).stdout
                     for db in (fresh, again))
    assert "post_author_id_fkey" in first
    assert first == second


def test_import_keeps_a_file_that_is_there(database, tmp_path):
    db = database(ODD)
    path = tmp_path / "mine.json"
    path.write_text("mine", encoding="utf-8")
    refused = run("models", "import", "--from-db", "--db", db.url, "--out", path)
    assert refused.returncode == 73
    assert path.read_text(encoding="utf-8") == "mine"
    assert run("models", "import", "--db", db.url).returncode == 64
    assert run("models", "import", "--from-db").returncode == 78
