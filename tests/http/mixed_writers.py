"""Clients that write in every way there is, and remember what they were told: MixedWriters are
Writers (see there) whose requests are single rows, many, upserts, bulk bodies, bodies with
relationships, batches, transactions over several requests, updates and deletions."""
import http.client
import itertools
import json

from harness import PATIENCE, dashed, exchange
from writers import ACCEPTED, BATCH, FAILED, FILLER, REFUSED, UNKNOWN, Writers

MARKS = 16
SCHEMA = f"""
    PRAGMA journal_mode = WAL;
    CREATE TABLE pack (id INTEGER PRIMARY KEY, label TEXT);
    CREATE TABLE item (
        id INTEGER PRIMARY KEY, batch INTEGER NOT NULL, place INTEGER NOT NULL CHECK (place >= 0),
        filler TEXT, pack_id INTEGER REFERENCES pack, UNIQUE (batch, place));
    CREATE INDEX item_batch ON item (batch);
    CREATE INDEX item_pack_id ON item (pack_id);
    INSERT INTO item VALUES (1, 0, 0, 'taken', NULL);
    CREATE TABLE mark (id INTEGER PRIMARY KEY, batch INTEGER NOT NULL);
    WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {MARKS})
    INSERT INTO mark SELECT i, 0 FROM n;
"""
JSON, MERGE = "application/json", "resolution=merge-duplicates"


def rows_of(batch, bad=False):
    rows = [{"batch": batch, "place": place, "filler": FILLER} for place in range(BATCH)]
    if bad:
        rows[-1]["place"] = -1
    return rows


def post(path, body):
    return {"method": "POST", "path": path, "body": body}


class MixedWriters(Writers):
    """Each thread goes through KINDS, from a place of its own on. Requests with an idempotency key
    are remembered in `once`: batch → rows, for who wants to repeat them. `marks` is what each thread
    put into its row of `mark`: what it was told last, and what it may have got further to; at the
    beginning that is what is there."""

    def __init__(self, server, numbers, marks, threads=8):
        self.once, self.marks = {}, {place: (batch, batch) for place, batch in marks.items()}
        self.done = dict.fromkeys(KINDS, 0)
        super().__init__(server, numbers, threads)

    def _work(self, first):
        connection = http.client.HTTPConnection(self.server.host, self.server.port, timeout=PATIENCE)

        def ask(method, target, body=None, content=JSON, **headers):
            headers = dashed(headers)
            if body is not None:
                headers["Content-Type"] = content
            text = body if body is None or isinstance(body, str) else json.dumps(body)
            return exchange(connection, method, target, headers, text and text.encode())
        try:
            for turn in itertools.count(first):
                if self.stopping.is_set():
                    break
                kind = list(KINDS)[turn * 5 % len(KINDS)]
                KINDS[kind](self, ask, next(self.numbers), first + 1)
                self.done[kind] += 1
        except (OSError, http.client.HTTPException):
            pass  # the daemon is gone
        connection.close()

    def note(self, batch, response, good=(201,), bad=False, rows=BATCH):
        """What a request said that wrote so many rows, or must not."""
        if response.status in good:
            if bad:
                self.wrong.append(f"a constraint was not kept: {response}")
            self.told[batch] = (rows, ACCEPTED)
            return True
        code = response.json["code"]
        self.codes[response.status, code] += 1
        uncertain = response.status == 503 and response.header("Retry-After") is None
        self.told[batch] = (rows, REFUSED if bad and response.status < 500 else
                            UNKNOWN if uncertain else FAILED)
        if response.status < 500 and not bad:
            self.wrong.append(f"good rows were refused: {response}")
        return False

    def single(self, ask, batch, _):
        self.told[batch] = (1, UNKNOWN)
        self.note(batch, ask("POST", "/item", rows_of(batch)[0]), rows=1)

    def several(self, ask, batch, _):
        self.told[batch] = (BATCH, UNKNOWN)
        self.note(batch, ask("POST", "/item", rows_of(batch)))

    def refused(self, ask, batch, _):
        self.told[batch] = (BATCH, UNKNOWN)
        self.note(batch, ask("POST", "/item", rows_of(batch, True)), bad=True)

    def csv(self, ask, batch, _):
        self.told[batch] = (BATCH, UNKNOWN)
        lines = ["batch,place,filler"] + [f"{batch},{i},{FILLER}" for i in range(BATCH)]
        self.note(batch, ask("POST", "/item", "\n".join(lines) + "\n", "text/csv"))

    def bulk(self, ask, batch, _):
        """Longer than setting `body` of the test: kept in a file, and consumed piece by piece."""
        self.told[batch] = (10 * BATCH, UNKNOWN)
        lines = [json.dumps({"batch": batch, "place": i, "filler": FILLER}) + "\n"
                 for i in range(10 * BATCH)]
        self.note(batch, ask("POST", "/item", "".join(lines), "application/x-ndjson"),
                  rows=10 * BATCH)

    def upsert(self, ask, batch, _):
        """Some of the rows are there already, and are merged."""
        self.told[batch] = (3, UNKNOWN)
        if not self.note(batch, ask("POST", "/item", rows_of(batch)[:3]), rows=3):
            return
        # From here on there are three or all.
        del self.told[batch]
        response = ask("POST", "/item?on_conflict=batch,place", rows_of(batch), Prefer=MERGE)
        if not self.note(batch, response, (200, 201)) and self.told.pop(batch)[1] == FAILED:
            self.told[batch] = (3, ACCEPTED)

    def nested(self, ask, batch, _):
        self.told[batch] = (BATCH, UNKNOWN)
        self.note(batch, ask("POST", "/pack", {"id": batch, "label": "p", "item": rows_of(batch)}))

    def nested_refused(self, ask, batch, _):
        self.told[batch] = (BATCH, UNKNOWN)
        body = {"id": batch, "label": "p", "item": rows_of(batch, True)}
        self.note(batch, ask("POST", "/pack", body), bad=True)

    def chain(self, ask, batch, _):
        self.told[batch] = (BATCH, UNKNOWN)
        self.note(batch, ask("POST", "/-/batch", [post("/item", row) for row in rows_of(batch)]),
                  (200,))

    def chain_refused(self, ask, batch, _):
        self.told[batch] = (BATCH, UNKNOWN)
        self.note(batch, ask("POST", "/-/batch", [post("/item", row)
                                                  for row in rows_of(batch, True)]), bad=True)

    def batch_of_steps(self, ask, batch, _):
        """An operation needs the answer of the one before: a session."""
        self.told[batch] = (BATCH, UNKNOWN)
        first = {**post("/pack?select=id", {"id": batch}), "id": "p",
                 "headers": {"Prefer": "return=representation"}}
        body = [first, *(post("/item", {**row, "pack_id": {"$ref": "p.id"}}) for row in rows_of(batch))]
        self.note(batch, ask("POST", "/-/batch", body), (200,))

    def transaction(self, ask, batch, _):
        """Nothing of it may be there before its end was asked for."""
        self.told[batch] = (BATCH, REFUSED)
        mine = self._begin(ask, batch)
        if not mine:
            return
        self.told[batch] = (BATCH, UNKNOWN)
        self.note(batch, ask("POST", f"/-/transactions/{mine}/commit"), (200,))

    def _begin(self, ask, batch):
        """A transaction with all rows in it; None when it has not come so far."""
        begun = ask("POST", "/-/transactions")
        if begun.status != 201:
            self.codes[begun.status, begun.json["code"]] += 1
            return None
        mine, rows = begun.json["id"], rows_of(batch)
        for part in (rows[:3], rows[3:]):
            response = ask("POST", "/item", part, Transaction=mine)
            if response.status != 201:
                self.codes[response.status, response.json["code"]] += 1
                ask("POST", f"/-/transactions/{mine}/rollback")
                return None
        return mine

    def rolled_back(self, ask, batch, _):
        self.told[batch] = (BATCH, REFUSED)
        mine = self._begin(ask, batch)
        if mine:
            ask("POST", f"/-/transactions/{mine}/rollback")

    def with_a_key(self, ask, batch, _):
        self.told[batch] = (BATCH, UNKNOWN)
        self.once[batch] = rows_of(batch)
        self.note(batch, ask("POST", "/item", self.once[batch], Idempotency_Key=f"k{batch}"))

    def update(self, ask, batch, place):
        known, _ = self.marks[place]
        self.marks[place] = (known, batch)
        response = ask("PATCH", f"/mark?id=eq.{place}", {"batch": batch})
        if response.status == 204:
            self.marks[place] = (batch, batch)
        else:
            self.codes[response.status, response.json["code"]] += 1

    def deletion(self, ask, batch, _):
        self.told[batch] = (BATCH, UNKNOWN)
        if not self.note(batch, ask("POST", "/item", rows_of(batch))):
            return
        self.told[batch] = (BATCH, UNKNOWN)
        response = ask("DELETE", f"/item?batch=eq.{batch}")
        if response.status == 204:
            self.told[batch] = (BATCH, REFUSED)
        elif not self.note(batch, response) and self.told[batch][1] == FAILED:
            self.told[batch] = (BATCH, ACCEPTED)

    def judge_marks(self, marks):
        """What is wrong with the rows of `mark`: `marks` is id → batch."""
        return [f"mark {place} is {marks[place]}, not {want}" for place, want in self.marks.items()
                if marks[place] not in want]


KINDS = {name: getattr(MixedWriters, name) for name in (
    "single", "several", "refused", "csv", "bulk", "upsert", "nested", "nested_refused", "chain",
    "chain_refused", "batch_of_steps", "transaction", "rolled_back", "with_a_key", "update",
    "deletion")}
