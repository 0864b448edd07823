"""Disks that are full, fail or cannot be written, locks that others hold, files that are replaced:
a write fails with the documented code, everything else goes on, and when the cause is gone writes
work again. Nothing that was acknowledged is lost."""
import errno
import itertools
import os
import resource
import shutil
import signal
import sqlite3
import subprocess
import time

import pytest

from faults import Disk, default_signals, obey_permissions
from harness import Database, wait_until
from writers import ACCEPTED, FAILED, SCHEMA, UNKNOWN, Writers, batches_in, expect_whole

pytestmark = pytest.mark.sqlite("disks, files and their locks")

DISK_FULL, DISK_FAILS, LOCKED, READ_ONLY = "53100", "58030", "55P03", "25006"


@pytest.fixture
def disk(tmp_path):
    return Disk(tmp_path)


WIDE = [{"batch": 999999, "place": place, "filler": "x" * 3000} for place in range(20)]


def expect_refused(server, status, code, body=WIDE):
    """A write fails like this, and leaves no row; a read is answered."""
    before = server.column("/item", "batch")
    response = server.post("/item", body)
    assert (response.status, response.json["code"]) == (status, code), response
    assert server.column("/item", "batch") == before
    return response


def expect_works(server, batch):
    assert server.post("/item", {"batch": batch, "place": 0}).status == 201
    assert server.rows(f"/item?select=place&batch=eq.{batch}") == [{"place": 0}]


def under_load(server, numbers, break_it, heal, code):
    """Break something while clients write, and mend it after their writes have failed with `code`
    for a while. All reads in between are answered."""
    writers = Writers(server, numbers)
    wait_until(lambda: writers.count(ACCEPTED) > 10, "writes go through")
    break_it()
    wait_until(lambda: writers.count(FAILED) + writers.count(UNKNOWN) > 10, "writes fail")
    for _ in range(10):
        assert server.get("/item?select=id&limit=5").status == 200
        assert server.get("/-/live").status == 200
    before = writers.count(ACCEPTED)
    heal()
    wait_until(lambda: writers.count(ACCEPTED) > before + 10, "writes go through again")
    writers.stop()
    assert {key for key in writers.codes if key[1] not in ("23505", "23514")} == {code}
    return writers


# --- full disks ------------------------------------------------------------------------------------

@pytest.mark.parametrize("room", [0, 1, 4096, 30000])
def test_a_write_on_a_full_disk_fails_and_the_next_one_works(serve, database, disk, room):
    server = serve(database(SCHEMA), env=disk.env())
    server.expect_error(DISK_FULL)
    expect_works(server, 1)
    disk[disk.ROOM] = room
    for _ in range(3):
        expect_refused(server, 507, DISK_FULL)
    assert disk[disk.FAILED] >= 3
    disk.heal()
    expect_works(server, 2)
    assert server.column("/item?order=batch", "batch") == [0, 1, 2]


def test_a_full_disk_under_load_loses_nothing(serve, database, disk):
    db, numbers = database(SCHEMA), itertools.count(1)
    server = serve(db, env=disk.env(), threads=2)
    server.expect_error(DISK_FULL)
    everything = []
    for room in (0, 5000, 100000):
        everything.append(under_load(server, numbers, lambda room=room: disk.__setitem__(disk.ROOM, room),
                                     disk.heal, (507, DISK_FULL)))
    expect_whole(db, *everything)


def test_reads_of_a_full_disk_are_those_of_before(serve, database, disk):
    server = serve(database(SCHEMA), env=disk.env())
    server.expect_error(DISK_FULL)
    for batch in range(1, 6):
        expect_works(server, batch)
    disk[disk.ROOM] = 0
    for _ in range(5):
        expect_refused(server, 507, DISK_FULL, {"batch": 6, "place": 0})
    assert server.column("/item?order=batch", "batch") == [0, 1, 2, 3, 4, 5]


def can_mount():
    return subprocess.run(["unshare", "-rm", "mount", "-t", "tmpfs", "none", "/mnt"],
                          capture_output=True, check=False).returncode == 0


def test_a_file_system_that_is_really_full(serve, tmp_path):
    """A file system of 600 KiB of its own, seen by the daemon alone; /proc leads into it."""
    if not can_mount():
        pytest.skip("file systems of one's own are not allowed here")
    seed = Database(tmp_path / "seed.db", SCHEMA)
    small = tmp_path / "small"
    small.mkdir()
    script = ('mount -t tmpfs -o size=600k none "$1" && cp "$2" "$1/test.db" && '
              'head -c 150000 /dev/zero >"$1/ballast" && shift 2 && exec "$@"')
    server = serve("sqlite:///" + str(small / "test.db"),
                   wrap=["unshare", "-rm", "sh", "-c", script, "sh", str(small), seed.path])
    server.expect_error(DISK_FULL)
    inside = f"/proc/{server.process.pid}/root{small}"
    kept = []
    for batch in itertools.count(1):
        response = server.post("/item", {"batch": batch, "place": 0, "filler": "x" * 3000})
        if response.status != 201:
            break
        kept.append(batch)
    assert (response.status, response.json["code"]) == (507, DISK_FULL)
    assert 10 < len(kept) < 300
    os.remove(inside + "/ballast")
    expect_works(server, 1000000)
    for ending in ("", "-wal"):
        shutil.copyfile(inside + "/test.db" + ending, str(tmp_path / "copy.db") + ending)
    copy = Database(tmp_path / "copy.db")
    assert copy.rows("PRAGMA integrity_check") == [("ok",)]
    assert [row[0] for row in copy.rows("SELECT batch FROM item ORDER BY batch")] == [
        0, *kept, 1000000]


def test_files_that_may_not_grow_further(serve, database):
    """RLIMIT_FSIZE: a signal that would end the daemon comes with the error."""
    db, numbers, limit = database(SCHEMA), itertools.count(1), 400000
    log_limit = resource.RLIM_INFINITY

    def limited():
        default_signals()
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, log_limit))

    server = serve(db, preexec=limited, log_level="error")
    server.expect_error(f"{DISK_FULL}|{DISK_FAILS}")
    pid = server.process.pid
    writers = under_load(
        server, numbers, lambda: None,
        lambda: resource.prlimit(pid, resource.RLIMIT_FSIZE, (log_limit, log_limit)),
        (503, DISK_FAILS))
    expect_whole(db, writers)


# --- disks that fail -------------------------------------------------------------------------------

@pytest.mark.parametrize("what", [Disk.WRITE_ERRNO, Disk.SYNC_ERRNO])
def test_a_disk_that_fails_is_an_error_and_then_works_again(serve, database, disk, what):
    server = serve(database(SCHEMA), env=disk.env())
    server.expect_error(DISK_FAILS)
    expect_works(server, 1)
    disk[what] = errno.EIO
    response = server.post("/item", {"batch": 2, "place": 0})
    assert (response.status, response.json["code"]) == (503, DISK_FAILS)
    # After a sync that failed nobody knows; a client must not simply repeat it.
    assert (response.header("Retry-After") is None) == (what == Disk.SYNC_ERRNO)
    assert server.column("/item?batch=lt.2", "batch") == [0, 1]
    disk.heal()
    expect_works(server, 3)


@pytest.mark.parametrize("what", [Disk.WRITE_ERRNO, Disk.SYNC_ERRNO])
def test_a_disk_that_fails_under_load_loses_nothing(serve, database, disk, what):
    db, numbers = database(SCHEMA), itertools.count(1)
    server = serve(db, env=disk.env(), threads=2)
    server.expect_error(DISK_FAILS)
    everything = [under_load(server, numbers, lambda: disk.__setitem__(what, errno.EIO), disk.heal,
                             (503, DISK_FAILS)) for _ in range(3)]
    expect_whole(db, *everything)


# --- permissions -----------------------------------------------------------------------------------

def test_a_file_that_cannot_be_written_is_served_for_reading(serve, database):
    db = database(SCHEMA)
    os.chmod(db.path, 0o444)
    server = serve(db, preexec=obey_permissions)
    server.wait_log("served read-only")
    expect_refused(server, 405, READ_ONLY)
    assert db.rows("PRAGMA integrity_check") == [("ok",)]


def test_a_folder_that_cannot_be_written_is_served_for_reading(serve, tmp_path):
    folder = tmp_path / "data"
    folder.mkdir()
    db = Database(folder / "test.db", SCHEMA.replace("WAL", "DELETE"))
    os.chmod(folder, 0o555)
    try:
        server = serve(db, preexec=obey_permissions)
        expect_refused(server, 405, READ_ONLY)
    finally:
        os.chmod(folder, 0o755)


def test_a_file_that_may_be_written_again_is(serve, database):
    """Before the first write nobody holds the file open for writing. Its log is made with the
    permissions that it has then."""
    db = database(SCHEMA)
    server = serve(db, preexec=obey_permissions)
    os.chmod(db.path, 0o444)
    expect_refused(server, 405, READ_ONLY)
    os.chmod(db.path, 0o644)
    expect_refused(server, 405, READ_ONLY)
    os.chmod(db.path + "-wal", 0o644)
    expect_works(server, 1)


# --- locks -----------------------------------------------------------------------------------------

def hold_lock(db):
    other = sqlite3.connect(db.path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    return other


def test_a_lock_of_another_program_is_waited_for_and_then_an_error(serve, database):
    db = database(SCHEMA)
    server = serve(db, lock_timeout="300ms")
    other = hold_lock(db)
    begin = time.monotonic()
    expect_refused(server, 503, LOCKED)
    assert time.monotonic() - begin >= 0.3
    other.execute("ROLLBACK")
    expect_works(server, 1)


def test_a_lock_under_load_loses_nothing(serve, database):
    db, numbers = database(SCHEMA), itertools.count(1)
    server = serve(db, lock_timeout="100ms", threads=2)
    others = []
    def take_lock():
        others.append(sqlite3.connect(db.path, isolation_level=None, timeout=30,
                                      check_same_thread=False))
        others[-1].execute("BEGIN IMMEDIATE")
    everything = [under_load(server, numbers, take_lock, lambda: others[-1].execute("ROLLBACK"),
                             (503, LOCKED)) for _ in range(2)]
    expect_whole(db, *everything)


# --- replaced files --------------------------------------------------------------------------------

def test_a_file_that_is_replaced_under_load_is_written_to(serve, database):
    """What is acknowledged from the moment on that the new file stands there, is in it."""
    old, new = database(SCHEMA), database(SCHEMA, "new.db")
    new.run("PRAGMA journal_mode = DELETE; INSERT INTO item VALUES (2, 0, 1, 'the new one')")
    server, numbers = serve(old, threads=2), itertools.count(1)
    writers = Writers(server, numbers)
    wait_until(lambda: writers.count(ACCEPTED) > 50, "writes go through")
    os.replace(new.path, old.path)
    before = next(numbers)
    done = writers.count(ACCEPTED)
    wait_until(lambda: writers.count(ACCEPTED) > done + 50, "writes go on")
    writers.stop()
    late = {batch: told for batch, told in writers.told.items() if batch > before}
    writers.told = late
    expect_whole(old, writers)
    assert old.rows("SELECT filler FROM item WHERE id = 2") == [("the new one",)]
    expect_works(server, next(numbers))


def test_a_moved_file_keeps_what_was_acknowledged(serve, database, tmp_path):
    """Also what stood in its write-ahead log only, which does not move along."""
    old, new = database(SCHEMA), database(SCHEMA, "new.db")
    server = serve(old)
    for batch in range(1, 20):
        expect_works(server, batch)
    moved = Database(tmp_path / "moved.db")
    os.rename(old.path, moved.path)
    os.rename(new.path, old.path)
    expect_works(server, 20)
    assert sorted(batches_in(old)) == [0, 20]
    assert sorted(batches_in(moved)) == list(range(20))
    assert moved.rows("PRAGMA integrity_check") == [("ok",)]


def test_a_reload_after_a_replacement_does_not_mix_the_files(serve, database):
    old, new = database(SCHEMA), database(SCHEMA + "CREATE TABLE fresh (id INTEGER);", "new.db")
    server = serve(old)
    expect_works(server, 1)
    os.replace(new.path, old.path)
    server.signal(signal.SIGHUP)
    wait_until(lambda: server.get("/fresh").status == 200, "the new table")
    assert batches_in(old) == {0: 1}
    expect_works(server, 2)
    assert old.rows("PRAGMA integrity_check") == [("ok",)]


def test_a_file_that_is_gone_is_an_error_until_it_is_back(serve, database, tmp_path):
    db = database(SCHEMA)
    server = serve(db)
    server.expect_error("no such file")
    expect_works(server, 1)
    os.rename(db.path, tmp_path / "away.db")
    response = server.post("/item", {"batch": 2, "place": 0})
    assert (response.status, response.json["code"]) == (503, "PGRST000")
    os.rename(tmp_path / "away.db", db.path)
    expect_works(server, 3)
    assert sorted(batches_in(db)) == [0, 1, 3]
