"""A large table that others use while it is migrated: the models before and after, its rows, and
clients in processes of their own that write or read by key in short transactions and remember how
long each statement took.

    with Busy(db.url, "write", rows) as writer:
        project.up()
    writer.told["longest_ms"]

As a program: busy.py URL write|read ROWS [MS]; works until its input ends, then prints JSON. With MS
a statement that waits for a lock longer than that fails, which is told under "errors"."""
import json
import os
import random
import subprocess
import sys
import time

from engines import Connection

TABLE = "item"
INDEXES = [{"fields": ["email"], "name": "item_email"}, {"fields": ["age"], "name": "item_age"}]
FIELDS = {"id": {"type": "bigint", "primary_key": True},
          "name": {"type": "string", "max_length": 80},
          "email": {"type": "string", "max_length": 120},
          "age": {"type": "integer", "nullable": True},
          "price": {"type": "float", "nullable": True},
          "note": {"type": "text", "nullable": True},
          "made": {"type": "datetime", "nullable": True}}
BEFORE = {"Item": {"table": TABLE, "fields": FIELDS, "indexes": INDEXES}}
# A column with a default, an index, NOT NULL on a column that has nulls, and a column whose default
# is another one for each row.
AFTER = {"Item": {"table": TABLE, "indexes": [*INDEXES, {"fields": ["made"], "name": "item_made"}],
                  "fields": {**FIELDS, "note": {"type": "text", "default": "", "backfill": "none"},
                             "state": {"type": "string", "max_length": 20, "default": "new"},
                             "token": {"type": "uuid", "default": {"fn": "uuid"}}}}}
# What SQLite has to make a table anew for.
REBUILT = {"Item": {"table": TABLE, "fields": {**FIELDS, "age": {"type": "text", "nullable": True},
                                             "note": {"type": "text", "backfill": "none"}},
                    "indexes": [*INDEXES, {"fields": ["made"], "name": "item_made"}]}}
# Every third note is null.
FILL = {
    "postgresql": """INSERT INTO item (id, name, email, age, price, note, made)
        SELECT n, 'Quick Green ' || n, 'user' || n || '@example.com', n % 72, n % 1000 / 10.0,
            CASE WHEN n % 3 > 0 THEN 'says ' || n END,
            timestamptz '2024-01-01 00:00+00' + n * interval '1 min' FROM generate_series(1, {0}) n""",
    "sqlite": """INSERT INTO item (id, name, email, age, price, note, made)
        WITH RECURSIVE c (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < {0})
        SELECT n, 'Quick Green ' || n, 'user' || n || '@example.com', n % 72, n % 1000 / 10.0,
            CASE WHEN n % 3 > 0 THEN 'says ' || n END,
            strftime('%Y-%m-%dT%H:%M:%SZ', 1704067200 + n * 60, 'unixepoch') FROM c""",
}


def make_large(project, rows):
    """The table of BEFORE with its rows, as the project's first revision."""
    project.models(BEFORE).make("items")
    project.up()
    project.db.run(FILL[project.db.engine].format(rows))
    if project.db.engine == "postgresql":
        project.db.rows("VACUUM ANALYZE item")


class Busy:
    """A client in a process of its own, from the `with` on until its end; `told` after that."""

    def __init__(self, url, what, rows, lock_ms=0):
        self.command = [sys.executable, os.path.abspath(__file__), url, what, str(rows),
                        str(lock_ms)]
        self.process = self.told = None

    def __enter__(self):
        self.process = subprocess.Popen(self.command, stdin=subprocess.PIPE, text=True,
                                        stdout=subprocess.PIPE)
        assert self.process.stdout.readline() == "ready\n"
        return self

    def __exit__(self, *_):
        out, _ = self.process.communicate("", timeout=60)
        self.told = json.loads(out)


class Client:
    def __init__(self, url, rows, lock_ms):
        self.connection, self.rows = Connection(url), rows
        self.random = random.Random(1)
        self.longest, self.slow, self.count, self.errors = 0.0, [], 0, []
        self.last, self.made = {}, []
        if lock_ms:
            self.connection.execute(f"SET lock_timeout = {lock_ms}")

    def run(self, sql):
        began = time.monotonic()
        try:
            self.connection.execute(sql)
        except AssertionError as failure:
            self.errors.append(str(failure))
            self.connection.execute("ROLLBACK")
            return False
        finally:
            took = (time.monotonic() - began) * 1000
            self.count += 1
            self.longest = max(self.longest, took)
            if took > 200:
                self.slow.append([round(took), sql[:60]])
        return True

    def write(self, turn):
        key = self.random.randint(1, self.rows)
        new = self.rows + turn
        if turn % 3:
            ok = self.run("BEGIN") and self.run(f"UPDATE item SET age = {turn} WHERE id = {key}") \
                and self.run("COMMIT")
            if ok:
                self.last[key] = turn
        elif self.run("INSERT INTO item (id, name, email, age) VALUES "
                      f"({new}, 'New {new}', 'new{new}@example.com', {turn})"):
            self.made.append(new)

    def read(self, _turn):
        self.run(f"SELECT id, name, age FROM item WHERE id = {self.random.randint(1, self.rows)}")

    def told(self):
        return {"statements": self.count, "longest_ms": round(self.longest), "slow": self.slow[:20],
                "errors": self.errors[:5], "last": self.last, "made": self.made}


def is_lost(db, told):
    """What the writer was told is written, and is not there: (updated rows, new rows)."""
    found = dict(db.rows("SELECT id, age FROM item"))
    return ([key for key, age in told["last"].items() if found.get(int(key)) != age],
            [key for key in told["made"] if key not in found])


def main(url, what, rows, lock_ms="0"):
    client = Client(url, int(rows), int(lock_ms))
    os.set_blocking(0, False)
    print("ready", flush=True)
    turn = 0
    while sys.stdin.buffer.raw.read(1) is None:
        turn += 1
        getattr(client, what)(turn)
        time.sleep(0.002)
    print(json.dumps(client.told()))


if __name__ == "__main__":
    main(*sys.argv[1:])
