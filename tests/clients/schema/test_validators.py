"""The documents of /-/schema in the hands of others: the TypeScript compiler with postgrest-js, and
public validators of JSON Schema and OpenAPI."""
import json
import os
import pathlib
import subprocess
import sys
import urllib.request

import pytest
from jsonschema import Draft202012Validator, FormatChecker
from openapi_spec_validator import OpenAPIV31SpecValidator

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1] / "http"))

from engines import Postgres, Sqlite  # noqa: E402
from harness import Modeld  # noqa: E402

TOOLS = pathlib.Path(os.environ["SCHEMA_TOOLS"])
CAMPUS = """{ "version": 1, "enums": { "Rank": ["junior", "senior's"] }, "models": {
    "Person": { "fields": {
        "name":    "string(40) unique min_length(1)",
        "email":   "string(254)? format(email)",
        "rank":    "Rank = junior",
        "secret":  "string? hidden",
        "pin":     { "type": "string", "nullable": true, "writeonly": true },
        "code":    "string(8)? pattern('[a-z]+') immutable",
        "age":     "smallint? min(0) max(150)",
        "wealth":  "decimal(20, 2) = 0",
        "ratio":   "float?",
        "born":    "date?", "rises": "time?", "met": "datetime_local?",
        "joined":  "datetime = now() readonly",
        "token":   "uuid = uuid()",
        "photo":   "bytes?",
        "extra":   "json?",
        "langs":   { "type": "array", "items": "string", "default": [] } },
      "relations": { "courses": "Course[] <-> teacher" } },
    "Course": { "table": "courses", "fields": {
        "title": "text", "teacher_id": "-> Person on delete cascade" },
      "relations": { "teacher": "Person <-> courses" } } } }"""
PERSON = {"name": "Ann", "email": "ann@example.org", "code": "abc", "age": 40, "wealth": "12.50",
          "ratio": 0.5, "born": "1984-02-29", "rises": "06:30:00", "met": "2020-01-01T10:00:00",
          "photo": "AAEC", "extra": {"a": [1, None]}, "langs": ["en"], "pin": "1"}


def fetch(url):
    with urllib.request.urlopen(url, timeout=30) as response:
        return response.read().decode()


@pytest.fixture(scope="module")
def park():
    """The daemon on tables that nobody declared."""
    return os.environ["MODELD_URL"]


@pytest.fixture(scope="module")
def campus(tmp_path_factory):
    """A daemon of declared models with a person and a course."""
    folder = tmp_path_factory.mktemp("campus")
    engine = {"sqlite": Sqlite, "postgresql": Postgres}[os.environ["MODELD_ENGINE"]]()
    models = folder / "models.json"
    models.write_text(CAMPUS, encoding="utf-8")
    server = Modeld(engine.database(folder).url, folder=folder, settings={"models": models})
    try:
        assert server.post("/person", PERSON).status == 201
        assert server.post("/person", {"name": "Bob"}).status == 201
        assert server.post("/courses", {"title": "C", "teacher_id": 1}).status == 201
        yield server.url.rstrip("/")
        server.stop()
    finally:
        engine.stop()


@pytest.fixture(params=["park", "campus"])
def daemon(request):
    return request.getfixturevalue(request.param)


# --- JSON Schema -------------------------------------------------------------------------------

def validator(document, pointer):
    return Draft202012Validator({**document, "$ref": pointer}, format_checker=FormatChecker())


def test_json_schema_is_one_and_all_rows_are_valid(daemon):
    document = json.loads(fetch(daemon + "/-/schema?format=json-schema&include_empty=true"))
    Draft202012Validator.check_schema(document)
    rows = 0
    for name in document["$defs"]:
        check = validator(document, f"#/$defs/{name}")
        for row in json.loads(fetch(f"{daemon}/{name}")):
            check.validate(row)
            assert set(row) == set(document["$defs"][name]["properties"])
            rows += 1
    assert rows >= 3


def test_json_schema_of_bodies_takes_what_is_taken_and_refuses_what_is_refused(campus):
    document = json.loads(fetch(campus + "/-/schema?format=json-schema"))
    insert = validator(document, "#/$defs/person/$defs/insert")
    update = validator(document, "#/$defs/person/$defs/update")
    insert.validate(PERSON)
    insert.validate({"name": "x"})
    insert.validate({"name": "x", "rank": "senior's", "wealth": 1.5, "email": None})
    update.validate({"age": 3})
    for wrong in [{}, {"name": ""}, {"name": "x" * 41}, {"name": None}, {"name": "x", "age": 151},
                  {"name": "x", "rank": "boss"}, {"name": "x", "code": "A1"}, {"name": 1},
                  {"name": "x", "joined": "2020-01-01T00:00:00Z"}, {"name": "x", "secret": "s"},
                  {"name": "x", "nam": "y"}, {"name": "x", "token": "no"}, {"name": "x", "langs": [1]}]:
        assert not insert.is_valid(wrong), wrong
    assert not update.is_valid({"code": "abc"})  # immutable
    assert not update.is_valid({"name": None})


# --- OpenAPI -----------------------------------------------------------------------------------

def test_openapi_is_valid(daemon):
    document = json.loads(fetch(daemon + "/-/schema?format=openapi"))
    errors = list(OpenAPIV31SpecValidator(document).iter_errors())
    assert errors == []
    assert len(document["paths"]) >= 4
    broken = {**document, "paths": {"/x/{y}": {"get": {"responses": {}}}}}
    assert list(OpenAPIV31SpecValidator(broken).iter_errors()) != []


# --- TypeScript --------------------------------------------------------------------------------

HEAD = """import { PostgrestClient } from '@supabase/postgrest-js'
import type { Database, Tables, TablesInsert } from './database'
const client = new PostgrestClient<Database>('http://127.0.0.1')
export async function run() {
"""
RIGHT = {
    "park": [
        "const { data } = await client.from('animal').select('id, name, keeper(name)').single();"
        "const id: number = data!.id; const name: string | undefined = data!.keeper?.name;",
        "const { data } = await client.from('keeper').select('name, animal(kind, visit(visitor(name)))');"
        "const kinds: string[] = data![0].animal.map((one) => one.kind);",
        "const { data } = await client.from('animal').select('*').gte('weight', 3).order('born');"
        "const weight: number | null = data![0].weight; const tame: boolean | null = data![0].tame;",
        "await client.from('ticket').insert({ code: 'x' });",
        "await client.from('ticket').update({ note: null }).eq('id', 1);",
        "const row: TablesInsert<'ticket'> = {}; const all: Tables<'ticket'>['seats'] = 1;",
    ],
    "campus": [
        "const { data } = await client.from('courses').select('title, person(name, rank)').single();"
        'const rank: "junior" | "senior\'s" = data!.person.rank;',
        "const { data } = await client.from('person').select('wealth, langs, courses(title)');"
        "const wealth: string = data![0].wealth; const langs: string[] = data![0].langs;"
        "const titles: string[] = data![0].courses.map((one) => one.title);",
        "await client.from('person').insert({ name: 'x', pin: '1', wealth: 1.5 });",
        "await client.from('person').update({ rank: 'junior' }).eq('name', 'x');",
    ],
}
# Each is a mistake that the compiler has to find.
WRONG = {
    "park": [
        "const { data } = await client.from('animal').select('id, nmae').single(); const x: number = data!.id;",
        "await client.from('animals').select('*');",
        "await client.from('animal').select('*').eq('nmae', 'x');",
        "await client.from('ticket').insert({ cod: 'x' });",
        "await client.from('ticket').insert({ seats: 'two' });",
        "await client.from('ticket').update({ seats: null });",
        "await client.from('visit').insert({ animal_id: 1 });",
        "const { data } = await client.from('animal').select('visitors(name)').single();"
        "const x: string = data!.visitors.name;",
        "const { data } = await client.from('animal').select('weight').single(); const x: number = data!.weight;",
    ],
    "campus": [
        "const { data } = await client.from('person').select('secret').single(); const x: string = data!.secret;",
        "const { data } = await client.from('person').select('pin').single(); const x: string = data!.pin;",
        "await client.from('person').insert({ name: 'x', rank: 'boss' });",
        "await client.from('person').insert({ name: 'x', joined: 'now' });",
        "await client.from('person').insert({ rank: 'junior' });",
        "await client.from('person').update({ code: 'abc' });",
    ],
}


def compile_all(folder, bodies):
    """Compile each body as a file of its own: the numbers of those with mistakes."""
    names = []
    for number, body in enumerate(bodies):
        names.append(f"case{number}.ts")
        (folder / names[-1]).write_text(HEAD + body + "\n}\n", encoding="utf-8")
    (folder / "package.json").write_text('{"type": "module"}', encoding="ascii")
    (folder / "node_modules").symlink_to(TOOLS / "node_modules")
    done = subprocess.run(
        [TOOLS / "node_modules/.bin/tsc", "--noEmit", "--strict", "--pretty", "false", "--module",
         "esnext", "--moduleResolution", "bundler", "--target", "es2022", *names],
        cwd=folder, capture_output=True, text=True, timeout=200, check=False)
    for line in done.stdout.splitlines():
        assert line.startswith(("case", " ")), done.stdout
    return {number for number, name in enumerate(names) if f"{name}(" in done.stdout}, done.stdout


@pytest.mark.parametrize("name", ["park", "campus"])
def test_the_type_compiles_with_postgrest_js_and_finds_what_is_wrong(request, tmp_path, name):
    daemon = request.getfixturevalue(name)
    text = fetch(daemon + "/-/schema?format=typescript")
    (tmp_path / "database.ts").write_text(text, encoding="utf-8")
    right, wrong = RIGHT[name], WRONG[name]
    found, output = compile_all(tmp_path, right + wrong)
    assert found == set(range(len(right), len(right) + len(wrong))), output


def test_the_type_of_definition_files_is_the_same(campus, tmp_path):
    models = tmp_path / "models.json"
    models.write_text(CAMPUS, encoding="utf-8")
    exported = subprocess.run([os.environ["MODELD_BIN"], "models", "export", "--format",
                               "typescript", models], capture_output=True, text=True, check=True)
    assert exported.stdout == fetch(campus + "/-/schema?format=typescript")
