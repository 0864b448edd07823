"""Disks that fill up or fail while clients write in every way there is: what is told is true, and
when the cause is gone all of it works again."""
import errno
import itertools

import pytest

from faults import Disk
from harness import wait_until
from mixed_writers import KINDS, SCHEMA, MixedWriters
from writers import ACCEPTED, batches_in

pytestmark = pytest.mark.sqlite("disks, and files on them")

FULL, FAILS = (507, "53100"), (503, "58030")
# A transaction that the engine has given up is gone for its client, too; and a slow daemon may have
# as many large bodies or transactions at one time as there may be.
ALWAYS = {(400, "23514"), (410, "MD410"), (503, "MD503")}


@pytest.mark.parametrize("place, value, code", [
    (Disk.ROOM, 0, FULL), (Disk.ROOM, 20000, FULL), (Disk.WRITE_ERRNO, errno.EIO, FAILS),
    (Disk.SYNC_ERRNO, errno.EIO, FAILS)])
def test_a_disk_that_fails_under_a_mixed_load_loses_nothing(serve, database, tmp_path, place, value,
                                                            code):
    db, disk = database(SCHEMA), Disk(tmp_path)
    server = serve(db, env=disk.env(), threads=2, transactions=16, body="8KiB",
                   bulk_folder=str(tmp_path / "daemon-0"))
    server.expect_error("53100|58030")
    marks = dict(db.rows("SELECT id, batch FROM mark"))
    writers = MixedWriters(server, itertools.count(1), marks)
    for _ in range(3):
        before = writers.count(ACCEPTED)
        wait_until(lambda: writers.count(ACCEPTED) > before + 20, "writes go through")
        disk[place] = value
        failed = writers.codes[code]
        wait_until(lambda: writers.codes[code] > failed + 20, "writes fail")
        assert server.get("/item?select=id&limit=5").status == 200
        disk.heal()
    before = dict(writers.done)
    wait_until(lambda: all(writers.done[kind] > before[kind] for kind in KINDS), "writes of all kinds")
    writers.stop()
    found = batches_in(db)
    assert writers.judge(found) == []
    assert writers.judge_marks(dict(db.rows("SELECT id, batch FROM mark"))) == []
    assert db.rows("SELECT count(*) FROM pack p WHERE NOT EXISTS (SELECT 1 FROM item i WHERE "
                   "i.batch = p.id)") == [(0,)]
    assert db.rows("PRAGMA integrity_check") == [("ok",)]
    assert set(writers.codes) <= ALWAYS | {code}, writers.codes
