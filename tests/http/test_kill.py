"""The daemon is killed while clients write, again and again."""
import itertools
import time

import pytest

from harness import Modeld, wait_until
from writers import ACCEPTED, REFUSED, SCHEMA, Writers, expect_whole

pytestmark = pytest.mark.sqlite("what is in a file that lost its daemon")

ROUNDS = 20
LOAD_SECONDS = 0.8
READY_SECONDS = 1.0


def start(db, folder):
    """A daemon, and the seconds from exec to its first answer."""
    begin = time.monotonic()
    server = Modeld(db.url, folder=folder, settings={"threads": 2})
    assert server.get("/item?select=id&limit=1").status == 200
    return server, time.monotonic() - begin


def test_kill_9_while_clients_write_loses_nothing_that_was_acknowledged(database, tmp_path):
    db, numbers = database(SCHEMA), itertools.count(1)
    folder = tmp_path / "daemon"
    folder.mkdir()
    server, _ = start(db, folder)
    sanitized = server.sanitized()
    everything, times = [], []
    for round_number in range(5 if sanitized else ROUNDS):
        writers = Writers(server, numbers)
        everything.append(writers)
        wait_until(lambda: writers.count(ACCEPTED) > 20, "writes go through")
        time.sleep(LOAD_SECONDS + round_number % 7 * 0.013)
        server.process.kill()
        server.process.wait()
        server.connection.close()
        writers.stop()
        server, seconds = start(db, folder)
        times.append(seconds)
        found = {}
        for row in server.rows("/item?select=batch&batch=gte." + str(min(writers.told))):
            found[row["batch"]] = found.get(row["batch"], 0) + 1
        assert writers.judge(found) == []
    server.stop()
    expect_whole(db, *everything)
    assert min(writers.count(ACCEPTED) for writers in everything) > 20
    assert sum(writers.count(REFUSED) for writers in everything) > 20
    assert max(times) < (10 if sanitized else READY_SECONDS), times
