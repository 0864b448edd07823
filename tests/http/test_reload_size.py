"""A reload of a large database, and documents about all of it, happen beside the requests, not between
them."""
import http.client
import threading
import time

import pytest

from harness import PATIENCE

pytestmark = [pytest.mark.postgresql("10,000 tables are made in a second or two there"),
              pytest.mark.alone("it looks for delays of some milliseconds")]

TABLES, BATCH = 10000, 500
COLUMNS = "id int, a int, b int, c float8, d timestamptz, e bool"
# No request may be late by more than this because of a reload.
STALL = 0.05


def make_tables(db):
    """In batches: a transaction has locks for so many tables only."""
    with db.connect() as connection:
        connection.execute("SET synchronous_commit = off")
        for first in range(0, TABLES, BATCH):
            connection.execute(
                f"DO $$ BEGIN FOR n IN {first}..{first + BATCH - 1} LOOP"
                f" EXECUTE format('CREATE TABLE t%s ({COLUMNS})', n); END LOOP; END $$")


class Client:
    """Asks for a row of a small table every few milliseconds, as long as it is used."""

    def __init__(self, server):
        self.server, self.times, self.wrong = server, [], []
        self.stopped = threading.Event()
        self.thread = threading.Thread(target=self._ask)

    def _ask(self):
        connection = http.client.HTTPConnection(self.server.host, self.server.port,
                                                timeout=PATIENCE)
        while not self.stopped.wait(0.003):
            begun = time.monotonic()
            response = self.server.request("GET", "/small?id=eq.3", connection=connection)
            self.times.append((begun, time.monotonic()))
            if response.status != 200 or response.json != [{"id": 3}]:
                self.wrong.append(response)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.stopped.set()
        self.thread.join()

    def slowest(self, since, until):
        """The longest that a request took which was under way in this time."""
        return max(end - begun for begun, end in list(self.times) if end > since and begun < until)


@pytest.fixture(name="large")
def make_large(serve, database):
    db = database("CREATE TABLE small (id int PRIMARY KEY);"
                  "INSERT INTO small SELECT generate_series(1, 9)")
    make_tables(db)
    return serve(db, threads=1)  # the one loop takes the new state and frees the old


def test_a_reload_of_ten_thousand_tables_delays_nobody(large):
    server = large
    most = STALL * (4 if server.sanitized() else 1)
    for number in range(1000):  # plans that go with the old state
        assert server.get(f"/t{number}?select=id,a&b=eq.1").status == 200
    with Client(server) as client:
        start = time.monotonic()
        time.sleep(1.5)
        quiet = client.slowest(start, time.monotonic())
        late = []
        while len(late) < 4 and min(late, default=1) > most:  # others may use the machine, too
            start = time.monotonic()
            response = server.admin("/-/reload", "POST")
            assert response.status == 200 and response.json["models"] == TABLES + 1, response
            time.sleep(0.2)  # the old state goes a little later
            late.append(client.slowest(start, time.monotonic()))
    print(f"slowest: {quiet * 1000:.1f} ms without a reload, with one {late}")
    assert not client.wrong
    assert min(late) < max(most, quiet), (quiet, late)


def test_documents_about_ten_thousand_tables_delay_nobody(large):
    most = STALL * (4 if large.sanitized() else 1)
    documents = ["/-/models", "/-/schema", "/-/schema?format=typescript", "/"]
    late = {}
    with Client(large) as client:
        start = time.monotonic()
        time.sleep(1)
        quiet = client.slowest(start, time.monotonic())
        for target in documents:
            late[target] = []
            while len(late[target]) < 6 and min(late[target], default=1) > most:
                assert large.admin("/-/reload", "POST").status == 200  # they are made anew
                time.sleep(0.2)
                start = time.monotonic()
                response = large.get(target)
                time.sleep(0.2)  # until those that waited have been answered
                late[target].append(client.slowest(start, time.monotonic()))
                assert response.status == 200 and len(response.body) > 1_000_000, response
    print(f"slowest: {quiet * 1000:.1f} ms without a document, with one {late}")
    assert not client.wrong
    assert max(min(each) for each in late.values()) < max(most, quiet), (quiet, late)
