"""Random reads against what Python says their answer is (oracle.py). MODELD_READS is how many; each is
known by its seed. One loop serves them, so that its cache of plans is in the game."""
import json
import os
import urllib.parse

import pytest

from harness import Modeld
from oracle import MODELS, Asker, World

READS = int(os.environ.get("MODELD_READS", "400"))
CHUNKS = 6


@pytest.fixture(scope="module")
def world():
    return World(1)


@pytest.fixture(scope="module")
def random_daemon(engine, world, tmp_path_factory):
    folder = tmp_path_factory.mktemp("random")
    (folder / "models.json").write_text(json.dumps(MODELS), encoding="utf-8")
    database = engine.database(folder, "", "random.db")
    server = Modeld(database.url, "--models", folder / "models.json", folder=folder,
                    settings={"threads": 1, "db-aggregates-enabled": "true"})
    for table, rows in world.rows.items():
        assert server.post(f"/{table}", rows).status == 201
    yield server
    server.stop()
    database.drop()


def target_of(table, parameters):
    return f"/{table}?" + "&".join(
        urllib.parse.quote(name, safe="->.()!,:") + "=" +
        urllib.parse.quote(value, safe="->.()!,:*{}") for name, value in parameters)


@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_random_reads_answer_what_the_rows_say(random_daemon, world, chunk):
    for seed in range(chunk, READS, CHUNKS):
        asker = Asker(world, seed)
        level = asker.level(asker.dice.choice(["book", "author", "city", "tag"]), 2)
        target = target_of(*asker.target(level))
        expected = asker.answer(level)
        total = asker.total
        got = random_daemon.get(target)
        assert got.status == 200, (seed, target, got)
        assert got.json == expected, (seed, urllib.parse.unquote(target))
        got = random_daemon.get(target, Prefer="count=exact")
        if level.limit != 0 and (level.offset or 0) > total:  # limit=0 asks for no rows anywhere
            assert got.status == 416, (seed, target, got)
            continue
        assert got.json == expected, (seed, "again", urllib.parse.unquote(target))
        assert got.status == (200 if len(expected) == total else 206), (seed, target, got)
        assert got.header("Content-Range").split("/")[1] == str(total), (seed, target)
