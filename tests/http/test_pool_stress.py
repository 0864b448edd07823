"""Wake-ups that get lost show when much happens at once on a machine that has no time: several
event loops at a pool that is too small, clients that pipeline and clients that leave, statements of
all lengths, sessions that are ended, a daemon that stands still for moments. Whatever is asked is
answered within TEN seconds, and nothing is left behind."""
import collections
import json
import multiprocessing
import random
import signal
import socket
import subprocess
import threading
import time

import pytest

from harness import Modeld, wait_until
from injections import Wire, request
from pg_load import JSON, SCHEMA
from postgres import Postgres

pytestmark = pytest.mark.postgresql("a pool of several loops")

NAPS = SCHEMA + "CREATE VIEW nap AS SELECT 1 AS id FROM pg_sleep(random() * 0.01);"
TEN = 10.0
SECONDS = 6
OBJECT = [("Accept", "application/vnd.pgrst.object+json"), ("Prefer", "return=representation")]
# What a session that is ended may do to a request.
FAULTS = {(503, "PGRST000"), (503, "PGRST001"), (503, "57P01"), (503, "08007")}


def post(target, body, headers=()):
    return request("POST", target, [*JSON.items(), *headers], json.dumps(body))


def one_of(rng):
    """Reads and writes of either lane, and what begins on one and ends on the other."""
    number = rng.randrange(1, 200)
    return rng.choice([
        lambda: request("GET", f"/item?id=eq.{number}"), lambda: request("GET", f"/item?id=eq.{number}"),
        lambda: request("GET", "/item"), lambda: request("GET", "/nap"),
        lambda: request("GET", f"/big?limit={number}"),
        lambda: post("/token", {"token": number, "place": 0}),
        lambda: post("/token", {"token": number, "place": 0}, OBJECT),
        lambda: request("PATCH", f"/item?id=eq.{number % 5 + 1}", JSON.items(), '{"n": 1}'),
        lambda: post("/item", {"id": 1}),  # undoes the writes it shares a commit with
        lambda: request("GET", "/item?select=x:name::nonsense"),  # as if a type had gone
    ])()


class Client(threading.Thread):
    def __init__(self, where, seed, end, patience):
        super().__init__()
        self.where, self.end, self.rng = where, end, random.Random(seed)
        self.patience = patience
        self.codes, self.late, self.answers = collections.Counter(), [], 0
        self.start()

    def run(self):
        wire = Wire(*self.where)
        wire.patience = self.patience
        while time.monotonic() < self.end:
            requests = [one_of(self.rng) for _ in range(self.rng.choice([1, 1, 1, 4, 20]))]
            if self.rng.random() < 0.15:
                self.leave(requests)
                continue
            begin = time.monotonic()
            try:
                for each in wire.many(requests):
                    self.answers += 1
                    if each.status >= 500:
                        self.codes[each.status, json.loads(each.body)["code"]] += 1
            except TimeoutError:
                self.late.append((time.monotonic() - begin, requests[:3]))
        wire.close()

    def leave(self, requests):
        with socket.create_connection(self.where, timeout=self.patience) as sock:
            sock.sendall(b"".join(requests))
            time.sleep(self.rng.choice([0, 0.01, 0.3]))


def work(where, seed, end, patience, pipe):
    clients = [Client(where, seed * 100 + i, end, patience) for i in range(5)]
    for client in clients:
        client.join()
    codes = sum((client.codes for client in clients), collections.Counter())
    pipe.send((codes, sum((client.late for client in clients), []),
               sum(client.answers for client in clients)))


@pytest.mark.parametrize("size, loops", [(1, 3), (3, 3), (10, 2)])
def test_every_request_is_answered_in_time(size, loops):
    server = Postgres()
    busy = [subprocess.Popen(["nice", "-n", "5", "sh", "-c", "while :; do :; done"]) for _ in range(3)]
    try:
        server.sql(NAPS)
        daemon = Modeld(server.url, settings={
            "threads": loops, "pool-size": size, "max-overflow": 0})
        daemon.expect_error("cannot connect|reload failed")
        patience = TEN * (3 if daemon.sanitized() else 1)
        end = time.monotonic() + SECONDS
        pipes = []
        for seed in range(3):
            mine, theirs = multiprocessing.Pipe()
            multiprocessing.get_context("fork").Process(
                target=work, args=((daemon.host, daemon.port), seed, end, patience, theirs)).start()
            pipes.append(mine)
        rng = random.Random(size)
        while time.monotonic() < end:
            time.sleep(rng.random())
            if rng.random() < 0.4:
                server.kill_sessions()
                continue
            daemon.signal(signal.SIGSTOP)
            time.sleep(rng.random() / 3)
            daemon.signal(signal.SIGCONT)
        codes, late, answers = collections.Counter(), [], 0
        for pipe in pipes:
            some = pipe.recv()
            codes, late, answers = codes + some[0], late + some[1], answers + some[2]
        assert not late, late[:3]
        assert answers > 100 and set(codes) <= FAULTS, codes
        wait_until(lambda: daemon.admin("/-/pool").json["in_use"] == 0, "the end of all")
        assert daemon.admin("/-/pool").json["waiting"] == 0
        daemon.stop()
    finally:
        for process in busy:
            process.kill()
            process.wait()
        server.close()
