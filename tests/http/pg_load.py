"""Load and faults for a daemon in front of PostgreSQL: Load (clients that read and write, and
remember what they were told), Watch (a process that asks for what needs no database), Proxy (a
network between the daemon and the server that can fall silent or break)."""
import collections
import http.client
import itertools
import json
import multiprocessing
import os
import pathlib
import select
import signal
import socket
import struct
import subprocess
import threading
import time

from harness import PATIENCE, exchange
from postgres import tool

SCHEMA = """
DROP SCHEMA public CASCADE; CREATE SCHEMA public;
CREATE TABLE item (id int PRIMARY KEY, name text, n int DEFAULT 0);
INSERT INTO item SELECT i, 'item ' || i FROM generate_series(1, 200) i;
CREATE TABLE token (id bigserial PRIMARY KEY, token bigint NOT NULL, place int NOT NULL);
CREATE TABLE big (id int PRIMARY KEY, filler text);
INSERT INTO big SELECT i, repeat('x', 1000) FROM generate_series(1, 20000) i;
CREATE VIEW slow AS SELECT 1 AS id FROM pg_sleep(1);
"""
JSON = {"Content-Type": "application/json"}
# With that a write is a transaction on a session.
SESSION = {"Accept": "application/vnd.pgrst.object+json", "Prefer": "return=representation"}
READS = ["/item?id=eq.7", "/item?select=id&order=id&limit=5", "/item"]
MAY_RETRY = {(503, "PGRST000"), (503, "PGRST001"), (503, "57P01"), (504, "PGRST003")}


def is_documented(response):
    """Is this failure one that a fault of the server may have?"""
    what = (response.status, response.json["code"])
    if what == (503, "08007"):
        return response.header("Retry-After") is None
    return what in MAY_RETRY and response.header("Retry-After") is not None


class Load:
    """Threads that read, and threads that write tokens: every request has a number of its own, for
    one row or three, on the fast lane or as a transaction on a session. Table `token` has no key
    over them, so a request that was executed twice shows."""

    def __init__(self, server, readers=3, writers=3, numbers=None):
        self.server, self.numbers = server, numbers or itertools.count(1)
        self.told = {}  # token → (rows, response or None)
        self.good = {"read": [], "write": []}  # when answers were a success
        self.codes = collections.Counter()
        self.wrong, self.slowest = [], 0.0
        self.stopping = threading.Event()
        works = [self._read] * readers + [self._write] * writers
        self.threads = [threading.Thread(target=self._work, args=(i, work))
                        for i, work in enumerate(works)]
        for thread in self.threads:
            thread.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def _ask(self, connection, kind, method, target, headers, body=None):
        begin = time.monotonic()
        response = exchange(connection, method, target, headers, body)
        now = time.monotonic()
        self.slowest = max(self.slowest, now - begin)
        if response.status in (200, 201):
            self.good[kind].append(now)
            return response
        self.codes[kind, response.status, response.json["code"]] += 1
        if not is_documented(response):
            self.wrong.append(f"{method} {target}: {response}")
        return response

    def _work(self, first, work):
        connection = http.client.HTTPConnection(self.server.host, self.server.port, timeout=PATIENCE)
        for turn in itertools.count(first):
            if self.stopping.is_set():
                break
            try:
                work(connection, turn)
            except (OSError, http.client.HTTPException) as error:
                self.wrong.append(f"no answer: {error!r}")
                connection.close()
        connection.close()

    def _read(self, connection, turn):
        self._ask(connection, "read", "GET", READS[turn % len(READS)], {})

    def _write(self, connection, turn):
        token, rows = next(self.numbers), 1 if turn % 3 else 3
        body = [{"token": token, "place": place} for place in range(rows)]
        headers = {**JSON, **SESSION} if rows == 1 and turn % 2 else JSON
        self.told[token] = (rows, None)
        response = self._ask(connection, "write", "POST", "/token", headers,
                             json.dumps(body).encode())
        code = None if response.status == 201 else response.json["code"]
        self.told[token] = (rows, (response.status, code))

    def stop(self):
        self.stopping.set()
        for thread in self.threads:
            thread.join()

    def first_after(self, begin, kind):
        """Seconds from `begin` to the first success after it; None while there is none."""
        times = [when for when in self.good[kind][-200:] if when > begin]
        return times[0] - begin if times else None

    def faults(self, server):
        """What is wrong with the answers and with the table, past the daemon."""
        lines = server.sql("SELECT token, count(*) FROM token GROUP BY token").split()
        there = {int(token): int(count) for token, count in (line.split("|") for line in lines)}
        faults = list(self.wrong)
        for token, (rows, told) in self.told.items():
            found = there.get(token, 0)
            uncertain = told is None or told[1] == "08007"
            if found not in (0, rows) or (not uncertain and (found > 0) != (told[0] == 201)):
                faults.append(f"token {token}: {found} of {rows} rows, told {told}")
        return faults


class Watch:
    """A process that asks for what needs no database, again and again; it is a process because the
    threads of a Load hold each other up."""
    TARGETS = [("GET", "/-/live", 200), ("GET", "/-/models", 200), ("GET", "/no_such_table", 404),
               ("OPTIONS", "/item", 200)]

    def __init__(self, server):
        self.pipe, other = multiprocessing.Pipe()
        self.process = multiprocessing.get_context("fork").Process(
            target=self._work, args=(server.host, server.port, other), daemon=True)
        self.process.start()
        other.close()

    def _work(self, host, port, pipe):
        connection = http.client.HTTPConnection(host, port, timeout=PATIENCE)
        times, wrong = [], []
        for method, target, status in itertools.cycle(self.TARGETS):
            if pipe.poll(0.01):
                break
            begin = time.monotonic()
            try:
                response = exchange(connection, method, target)
                if response.status != status:
                    wrong.append(f"{method} {target}: {response}")
            except (OSError, http.client.HTTPException) as error:
                wrong.append(f"{method} {target}: {error!r}")
                connection.close()
            times.append(time.monotonic() - begin)
        pipe.send((times, wrong))

    def stop(self):
        """(sorted seconds of all requests, what was wrong)"""
        self.pipe.send(None)
        times, wrong = self.pipe.recv()
        self.close()
        return sorted(times), wrong

    def close(self):
        self.process.kill()
        self.process.join()


class Proxy:
    """Listens on a port of the loopback and passes on to the server's socket. `silent`: nothing is
    passed on, nothing is closed. `on_request` and `on_answer`, if set, see what is passed on and
    return what of it is to be sent, and whether the connection is to be cut then."""

    def __init__(self, folder):
        self.target = f"{folder}/.s.PGSQL.5432"
        self.silent, self.on_request, self.on_answer = False, None, None
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port = self.listener.getsockname()[1]
        self.url = f"postgresql://test@127.0.0.1:{self.port}/postgres"
        self.pairs = {}
        self.ending = False
        self.thread = threading.Thread(target=self._work)
        self.thread.start()

    def _accept(self):
        near, _ = self.listener.accept()
        far = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            far.connect(self.target)
        except OSError:
            near.close()
            return
        self.pairs[near], self.pairs[far] = (far, True), (near, False)

    def _cut(self, sock):
        for each in (sock, self.pairs[sock][0]):
            del self.pairs[each]
            each.close()

    def _pass(self, sock):
        other, is_request = self.pairs[sock]
        try:
            data = sock.recv(65536)
            look = self.on_request if is_request else self.on_answer
            rest, cut = look(data) if look and data else (data, not data)
            other.sendall(rest)
        except OSError:
            cut = True
        if cut:
            self._cut(sock)

    def _work(self):
        while not self.ending:
            if self.silent:
                time.sleep(0.01)
                continue
            ready, _, _ = select.select([self.listener, *self.pairs], [], [], 0.02)
            for sock in ready:
                if self.silent:
                    break
                if sock is self.listener:
                    self._accept()
                elif sock in self.pairs:
                    self._pass(sock)

    def close(self):
        self.ending = True
        self.thread.join()
        for sock in [self.listener, *self.pairs]:
            sock.close()


class Session:
    """Another program's session, for as long as the with statement lasts."""

    def __init__(self, server):
        self.process = subprocess.Popen([tool("psql"), "-XAtq", server.url], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True)

    def __enter__(self):
        return self

    def run(self, sql):
        """Execute it; returns when it has been."""
        self.process.stdin.write(sql + ";\n\\echo done\n")
        self.process.stdin.flush()
        while self.process.stdout.readline().strip() != "done":
            assert self.process.poll() is None

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.stdout.close()
        self.process.wait(PATIENCE)


def take_connection(server):
    """A bare connection to the server; None when it has no room for one."""
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    sock.settimeout(PATIENCE)
    sock.connect(f"{server.folder}/.s.PGSQL.5432")
    words = b"user\0test\0database\0postgres\0\0"
    sock.sendall(struct.pack("!II", len(words) + 8, 196608) + words)
    if sock.recv(1) == b"R":
        return sock
    sock.close()
    return None


def processes_of(server):
    """The postmaster's process id and those of its children, the postmaster first."""
    main = pathlib.Path(server.folder, "data", "postmaster.pid").read_text().split()[0]
    children = pathlib.Path(f"/proc/{main}/task/{main}/children").read_text().split()
    return [int(main), *map(int, children)]


def signal_all(pids, number):
    for pid in pids:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            pass


def is_ready(server):
    """pg_isready"""
    return subprocess.run([tool("pg_isready"), "-q", "-h", server.folder], check=False,
                          timeout=PATIENCE).returncode == 0


__all__ = ["JSON", "Load", "Proxy", "SCHEMA", "SESSION", "Session", "Watch", "is_documented", "is_ready",
           "processes_of", "signal", "signal_all", "take_connection"]
