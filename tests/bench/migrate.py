#!/usr/bin/env python3
"""Measures migrations of a large table and prints one table: see README.md.

Usage: migrate.py BUILD [--quick] [--only PART]... [--markdown FILE]
Parts: writer queue rebuild daemon

1,000,000 rows, with --quick 100,000. PostgreSQL is a server of its own, on a Unix socket in a
temporary folder, and stops again; a SQLite database is a file in the temporary folder.
"""
import json
import os
import pathlib
import resource
import shutil
import sqlite3
import statistics
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request

import bench

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "http"))
import busy  # noqa: E402
from engines import Database, Postgres  # noqa: E402
from migrating import Migrating  # noqa: E402

ROWS, QUICK_ROWS = 1_000_000, 100_000
LONGEST_MS, WORST_RATIO, MEMORY_KB = 1000, 1.5, 65536
HELD_S = 8  # a reader's transaction: longer than lock_timeout
# What the rebuild is held against: the same values, indexes and settings of the connection.
YARD = """
import sqlite3, sys
db = sqlite3.connect(sys.argv[1], isolation_level=None)
for setting in ("cell_size_check=ON", "mmap_size=0", "cache_size=-2000", "synchronous=EXTRA"):
    db.execute("PRAGMA " + setting)
db.execute("BEGIN IMMEDIATE")
db.execute("CREATE TABLE copy AS SELECT id, name, email, CAST(age AS TEXT) AS age, price, "
           "coalesce(note, 'none') AS note, made FROM item")
for column in ("email", "age", "made"):
    db.execute(f"CREATE INDEX copy_{column} ON copy ({column})")
db.execute("COMMIT")
db.close()
"""


def timed(run):
    """Seconds of the clock, processor seconds and the most memory (KiB) of a child process."""
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    run()
    after, wall = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic() - began
    return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


class Peak(threading.Thread):
    """The most memory that the process migrating `path` had, looked at while it lives."""

    def __init__(self, process):
        super().__init__()
        self.process, self.kb = process, 0

    def run(self):
        while self.process.poll() is None:
            try:
                text = pathlib.Path(f"/proc/{self.process.pid}/status").read_text(encoding="ascii")
            except OSError:
                return
            for line in text.splitlines():
                if line.startswith("VmHWM"):
                    self.kb = max(self.kb, int(line.split()[1]))
            time.sleep(0.02)


class Bench(bench.Bench):
    def __init__(self, options, folder):
        super().__init__(options, folder)
        self.rows = QUICK_ROWS if options.quick else ROWS
        self.server = None

    def project(self, name, database):
        folder = pathlib.Path(self.folder) / name
        folder.mkdir()
        return Migrating(database(folder), folder)

    def stop(self):
        if self.server:
            self.server.stop()

    # --- PostgreSQL --------------------------------------------------------------------------------

    def on_server(self, name):
        self.server = self.server or Postgres()
        project = self.project(name, lambda folder: self.server.database())
        busy.make_large(project, self.rows)
        project.models(busy.AFTER).make("change")
        return project

    def migrate_beside(self, work, project):
        """Migrate while others write and read, and say how long one of them was held up."""
        db = project.db
        with busy.Busy(db.url, "write", self.rows) as writer, \
                busy.Busy(db.url, "read", self.rows) as reader:
            began = time.monotonic()
            project.up()
            took = time.monotonic() - began
        for who, client in (("writer", writer.told), ("reader", reader.told)):
            self.report(f"{work}: longest statement of the {who}", f"≤ {LONGEST_MS} ms",
                        f"{client['longest_ms']} ms", client["longest_ms"] <= LONGEST_MS,
                        f"{client['statements']} statements, {len(client['errors'])} failed, "
                        f"migrated in {took:.0f} s")
        updated, made = busy.is_lost(db, writer.told)
        nulls = db.rows("SELECT count(*) FROM item WHERE note IS NULL OR state IS NULL "
                        "OR token IS NULL")[0][0]
        twice = db.rows("SELECT count(*) - count(DISTINCT token) FROM item")[0][0]
        wrong = len(updated) + len(made) + nulls + twice + len(writer.told["errors"])
        self.report(f"{work}: rows lost, null or with the token of another", "0", str(wrong),
                    wrong == 0, f"{len(writer.told['last'])} updated, {len(writer.told['made'])} new")
        db.drop()

    def writer(self):
        self.migrate_beside("PostgreSQL", self.on_server("writer"))

    def queue(self):
        project = self.on_server("queue")

        def hold():
            with project.db.connect() as connection:
                connection.execute("BEGIN; SELECT count(*) FROM item WHERE id < 5")
                held.set()
                time.sleep(HELD_S)
        held = threading.Event()
        holder = threading.Thread(target=hold)
        holder.start()
        held.wait()
        self.migrate_beside(f"PostgreSQL, a reader in a transaction of {HELD_S} s", project)
        holder.join()

    # --- SQLite ------------------------------------------------------------------------------------

    def in_file(self, name):
        project = self.project(name, lambda folder: Database(folder / "item.db"))
        busy.make_large(project, self.rows)
        project.models(busy.REBUILT).make("rebuild")
        with sqlite3.connect(project.db.path) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        connection.close()
        return project

    def migrate_copy(self, project, path):
        """The lines of progress, and the most memory."""
        database = Database(path)
        copy = Migrating(database, project.folder)
        command = [self.options.modeld, *copy.command("db", "migrate")]
        with subprocess.Popen(command, cwd=project.folder, stdout=subprocess.DEVNULL,
                              stderr=subprocess.PIPE, text=True) as process:
            peak = Peak(process)
            peak.start()
            lines = process.stderr.read().splitlines()
        peak.join()
        assert process.returncode == 0, lines
        return [line for line in lines if "rows (" in line], peak.kb

    def rebuild(self):
        project = self.in_file("rebuild")
        pairs, peaks = [], []
        for _ in range(3 if self.options.quick else 5):
            paths = [os.path.join(self.folder, name + ".db") for name in ("yard", "ours")]
            for path in paths:
                shutil.copy(project.db.path, path)
            os.sync()
            yard = timed(lambda: subprocess.run([sys.executable, "-c", YARD, paths[0]], check=True))
            lines, ours = [], None

            def run():
                lines.append(self.migrate_copy(project, paths[1]))
            ours = timed(run)
            progress, peak = lines[0]
            pairs.append((yard, ours))
            peaks.append(peak)
            print(f"    yard {yard[0]:.1f} s, {yard[1]:.1f} s CPU; ours {ours[0]:.1f} s, "
                  f"{ours[1]:.1f} s CPU, {peak} KiB, {len(progress)} lines", flush=True)
            for path in paths:
                os.remove(path)
        for at, unit in ((1, "CPU"), (0, "clock")):
            ratio = statistics.median(ours[at] / yard[at] for yard, ours in pairs)
            yard, ours = (statistics.median(pair[i][at] for pair in pairs) for i in (0, 1))
            self.report(f"SQLite, table made anew, {unit}", f"≤ {WORST_RATIO} ×", f"{ratio:.2f} ×",
                        ratio <= WORST_RATIO, f"{yard:.1f} ↔ {ours:.1f} s")
        self.report("SQLite, lines of progress", "≥ 2", str(len(progress)), len(progress) >= 2,
                    progress[len(progress) // 2] if progress else "")
        self.report("SQLite, memory", f"≤ {MEMORY_KB // 1024} MiB", f"{max(peaks) // 1024} MiB",
                    max(peaks) <= MEMORY_KB)

    # --- a daemon ----------------------------------------------------------------------------------

    def daemon(self):
        for how in ("command", "route"):
            self.beside_daemon(how)

    def beside_daemon(self, how):
        """Requests to a daemon while the table is made anew, by another program or itself."""
        project = self.in_file("daemon-" + how)
        project.models(busy.BEFORE)
        server = bench.Server([self.options.modeld, "serve", "--db", project.db.url, "--listen",
                               "127.0.0.1:0", "--models", str(project.file), "--set",
                               f"migrations={project.revisions}", "--set", "migrate=false",
                               "--set", "admin_on_public=true"], "--ready-fd")
        clients = [HttpClient(server.port, self.rows, writes) for writes in (False, True)]
        for client in clients:
            client.start()
        try:
            project.models(busy.REBUILT)
            began = time.monotonic()
            if how == "command":
                project.up()
            else:
                request = urllib.request.Request(
                    f"http://127.0.0.1:{server.port}/-/migrations/apply", b"{}", method="POST")
                with urllib.request.urlopen(request, timeout=600) as answer:
                    assert json.load(answer)["applied"]
            took = time.monotonic() - began
            time.sleep(1)
        finally:
            for client in clients:
                client.stop()
            server.stop()
        for who, client in zip(("readers", "writers"), clients):
            # A read takes no lock; a write waits for lock_timeout at most and is told so.
            most = 1000 if who == "readers" else 6000
            codes = ", ".join(f"{code}: {count}" for code, count in sorted(client.codes.items()))
            self.report(f"SQLite, daemon beside it ({how}), longest request of {who}",
                        f"≤ {most} ms", f"{client.longest * 1000:.0f} ms",
                        client.longest * 1000 <= most, f"{codes}; migrated in {took:.1f} s")
        found = dict(project.db.rows("SELECT id, age FROM item"))
        lost = sum(found.get(key) != str(age) and found.get(key) != age
                   for key, age in clients[1].told.items())
        self.report(f"SQLite, daemon beside it ({how}), writes lost", "0", str(lost), lost == 0,
                    f"{len(clients[1].told)} rows")


class HttpClient(threading.Thread):
    """Asks for rows by key, or changes them, until it is stopped."""

    def __init__(self, port, rows, writes):
        super().__init__()
        self.port, self.rows, self.writes = port, rows, writes
        self.over = threading.Event()
        self.longest, self.codes, self.told = 0.0, {}, {}

    def run(self):
        turn = 0
        while not self.over.is_set():
            turn += 1
            self.ask(turn * 7919 % self.rows + 1, turn)
            time.sleep(0.005)

    def ask(self, key, turn):
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}/{busy.TABLE}?id=eq.{key}")
        if self.writes:
            request.method, request.data = "PATCH", json.dumps({"age": turn}).encode()
            request.add_header("Content-Type", "application/json")
        began = time.monotonic()
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                code = str(answer.status)
        except urllib.error.HTTPError as failure:
            code = f"{failure.code} {json.load(failure).get('code')}"
        self.longest = max(self.longest, time.monotonic() - began)
        self.codes[code] = self.codes.get(code, 0) + 1
        if self.writes and code.startswith("2"):
            self.told[key] = turn

    def stop(self):
        self.over.set()
        self.join()


PARTS = ("writer", "queue", "rebuild", "daemon")


def main():
    options = bench.read_options(__doc__, PARTS, "100,000 rows, fewer rounds", {"modeld": "modeld"})
    os.environ["MODELD_BIN"] = options.modeld
    measured = bench.measure(Bench, PARTS, options)
    return 1 if any(line[3] == "OVER" for line in measured.lines) else 0


if __name__ == "__main__":
    sys.exit(main())
