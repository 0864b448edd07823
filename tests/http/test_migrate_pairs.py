"""Up, down and up again over random pairs of definitions: after up the database is described as one
that was made new, after down as it was, the rows of columns that stayed are there. MODELD_PAIRS is
how many pairs (`scripts/test random` tries 500); each is known by its seed."""
import os

import pytest

from migrating import Migrating
from pairs import Pair

PAIRS = int(os.environ.get("MODELD_PAIRS", "60"))
CHUNKS = 20
ALL = "--allow-data-loss=*"


class World:
    """A database, or a schema of one, for each question."""

    def __init__(self, engine, database, folder):
        self.engine, self.database, self.folder = engine.name, database, folder
        self.shared = database("", "pairs.db") if self.engine == "postgresql" else None
        self.count = 0

    def project(self):
        self.count += 1
        folder = self.folder / f"p{self.count}"
        folder.mkdir()
        if self.engine == "sqlite":
            return Migrating(self.database("", f"p{self.count}.db"), folder)
        schema = f"p{self.count}"
        self.shared.run(f"CREATE SCHEMA {schema}")
        return Migrating(self.shared, folder, schema)

    def end(self, project):
        if project.schema:
            self.shared.run(f"DROP SCHEMA {project.schema} CASCADE")


def made_new(world, models):
    project = world.project().models(models)
    done = project.run("db", "create-tables")
    assert done.returncode == 0, done.stderr
    described = project.described()
    world.end(project)
    return described


def rows_of(project, table, columns):
    if not columns:
        return None
    quote = f'"{project.schema}".' if project.schema else ""
    texts = ", ".join(f'CAST("{column}" AS text)' for column in columns)
    return project.db.rows(f'SELECT {texts} FROM {quote}"{table}" ORDER BY id')


def surviving(pair):
    """[(table before, table after, columns before, columns after)] of what has the same type on
    both sides."""
    found = []
    for name, before in pair.before.items():
        after = pair.after.get(pair.models_renamed.get(name, name))
        if not after:
            continue
        pairs = []
        for column, field in before["fields"].items():
            new = pair.renamed.get((before["table"], column), column)
            now = after["fields"].get(new)
            # What was filled is not null any more; of another type the text may be another.
            if now and now.get("type") == field.get("type") and not is_filled(field, now):
                pairs.append((column, new))
        found.append((before["table"], after["table"], [old for old, _ in pairs],
                      [new for _, new in pairs]))
    return found


def is_filled(field, now):
    return field.get("nullable") and now and not now.get("nullable")


def unfilled(pair):
    """[(table, columns)] of what going up and down again gives back as it was."""
    for name, before in pair.before.items():
        after = pair.after.get(pair.models_renamed.get(name, name), {"fields": {}})
        yield before["table"], [
            column for column, field in before["fields"].items()
            if not is_filled(field, after["fields"].get(
                pair.renamed.get((before["table"], column), column)))]


def try_pair(world, seed):
    pair = Pair(seed)
    project = world.project().models(pair.before)
    project.make("before")
    project.up()
    project.db.run(pair.inserts(world.engine, project.schema))
    was = project.described()
    assert was == made_new(world, pair.before)
    rows = [rows_of(project, table, old) for table, _, old, _ in surviving(pair)]
    every = [rows_of(project, table, columns) for table, columns in unfilled(pair)]

    project.models(pair.after)
    made = project.make("after", ALL, "--no-renames")
    if not made["changes"]:
        return 0
    project.up(ALL)
    now = made_new(world, pair.after)
    assert project.described() == now
    assert [rows_of(project, table, new) for _, table, _, new in surviving(pair)] == rows

    project.down(ALL)
    assert project.described() == was
    assert [rows_of(project, table, columns) for table, columns in unfilled(pair)] == every

    project.up(ALL)
    assert project.described() == now
    status = project.status()
    assert (status["state"], status["drift"]) == ("up_to_date", [])
    world.end(project)
    return 1


@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_up_down_up_over_random_pairs(engine, database, tmp_path, chunk):
    world = World(engine, database, tmp_path)
    changed = 0
    for seed in range(chunk * PAIRS // CHUNKS, (chunk + 1) * PAIRS // CHUNKS):
        try:
            changed += try_pair(world, seed)
        except AssertionError as failure:
            raise AssertionError(f"seed {seed}: {failure}") from failure
    assert changed > 0
