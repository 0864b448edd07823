"""Writing clients that remember what they were told. Each of the threads of Writers posts requests
of its own to table `item` until it is stopped: one row, several rows (a batch), and what must be
refused; judge() compares with what is in the table afterwards."""
import collections
import http.client
import itertools
import json
import threading

from harness import PATIENCE, exchange

SCHEMA = """
    PRAGMA journal_mode = WAL;
    CREATE TABLE item (
        id INTEGER PRIMARY KEY, batch INTEGER NOT NULL, place INTEGER NOT NULL CHECK (place >= 0),
        filler TEXT, UNIQUE (batch, place));
    CREATE INDEX item_batch ON item (batch);
    INSERT INTO item VALUES (1, 0, 0, 'taken');
"""
BATCH = 7
FILLER = "x" * 300

ACCEPTED, REFUSED, FAILED, UNKNOWN = "accepted", "refused", "failed", "unknown"


def body_of(batch, kind):
    """The rows of a request; `kind` 2 and 3 break a constraint with their last row."""
    def row(place):
        return {"batch": batch, "place": place, "filler": FILLER}
    if kind == 0:
        return [row(0)]
    rows = [row(place) for place in range(BATCH)]
    if kind == 2:
        rows[-1]["place"] = -1
    if kind == 3:
        rows[-1].update(batch=0, place=0)
    return rows


class Writers:
    """Threads that write; batches are numbered across all Writers of a test by `numbers`."""

    def __init__(self, server, numbers, threads=6):
        self.server, self.numbers = server, numbers
        self.told = {}  # batch → (rows, what its client was told)
        self.wrong = []  # answers that no request of this kind may have
        self.codes = collections.Counter()  # (status, code) of everything not accepted
        self.stopping = threading.Event()
        self.threads = [threading.Thread(target=self._work, args=(i,)) for i in range(threads)]
        for thread in self.threads:
            thread.start()

    def _work(self, first):
        connection = http.client.HTTPConnection(self.server.host, self.server.port, timeout=PATIENCE)
        for turn in itertools.count(first):
            if self.stopping.is_set():
                break
            batch, kind = next(self.numbers), turn % 4
            rows = body_of(batch, kind)
            self.told[batch] = (len(rows), UNKNOWN)
            try:
                response = exchange(connection, "POST", "/item",
                                    {"Content-Type": "application/json"}, json.dumps(rows).encode())
            except (OSError, http.client.HTTPException):
                break  # the daemon is gone
            self.told[batch] = (len(rows), self._judge(response, kind))
        connection.close()

    def _judge(self, response, kind):
        if response.status == 201:
            if kind >= 2:
                self.wrong.append(f"a constraint was not kept: {response}")
            return ACCEPTED
        code = response.json["code"]
        self.codes[response.status, code] += 1
        if code in ("23505", "23514"):
            if kind < 2:
                self.wrong.append(f"a good row was refused: {response}")
            return REFUSED
        uncertain = response.status == 503 and response.header("Retry-After") is None
        return UNKNOWN if uncertain else FAILED

    def stop(self):
        self.stopping.set()
        for thread in self.threads:
            thread.join()

    def count(self, outcome):
        return sum(told == outcome for _, told in self.told.values())

    def judge(self, found):
        """What is wrong with the table: `found` is batch → rows in it."""
        faults = list(self.wrong)
        for batch, (rows, told) in sorted(self.told.items()):
            there = found.get(batch, 0)
            if told == ACCEPTED and there == 0:
                faults.append(f"batch {batch} was acknowledged and is missing")
            if told in (REFUSED, FAILED) and there > 0:
                faults.append(f"batch {batch} {told} and is there")
            if there not in (0, rows):
                faults.append(f"batch {batch} has {there} of {rows} rows")
        return faults


def batches_in(db):
    """batch → rows in the table, past the daemon."""
    return dict(db.rows("SELECT batch, count(*) FROM item GROUP BY batch"))


def expect_whole(db, *writers):
    """Nothing acknowledged is missing, nothing refused is there, no batch is torn, and the file is
    in good order."""
    found = batches_in(db)
    faults = [fault for each in writers for fault in each.judge(found)]
    assert not faults, "\n".join(faults[:20])
    assert db.rows("PRAGMA integrity_check") == [("ok",)]
