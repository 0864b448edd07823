#!/usr/bin/env python3
"""Measures modeld against other programs that serve a database as JSON: see README.md.

Usage: peers.py BUILD FOLDER [--quick] [--engine sqlite|postgresql] [--peer NAME]...
       [--markdown FILE]

FOLDER keeps what is installed from PyPI and npm (a virtual environment and node_modules); the first
run needs the network, later ones do not. CPU time is that of the server and of the database.
"""
import argparse
import json
import os
import re
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from urllib.parse import quote

import bench
import postgres

HERE = os.path.dirname(os.path.abspath(__file__))
PYPI = ["fastapi", "sqlmodel", "uvicorn[standard]", "psycopg2-binary"]
NPM = ["@platformatic/db@2"]
EVENT = {"name": "event", "size": 7, "at": "2024-02-29T12:00:00Z"}
# peer: engine: ratio of CPU per request for point, list, insert
LIMITS = {
    "fastapi": {"sqlite": (20, 25, 10), "postgresql": (15, 25, 8)},
    "platformatic": {"sqlite": (6, 5, 4), "postgresql": (5, 4, 2)},
}
# Few enough for the peers: with more than its 40 threads FastAPI locks itself out.
CONNECTIONS = 16
WORKS = ("one row by key", "100 rows", "POST one row")
PATHS = {
    "modeld": ("/items/%d", "/items?id=gte.%d&order=id&limit=100", "/event"),
    "fastapi": ("/items/%d", "/items?start=%d&limit=100", "/event"),
    "platformatic": ("/items/%d", "/items?where.id.gte=%d&orderby.id=asc&limit=100", "/event/"),
}


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


class Peer(bench.Server):
    """A server that is told its port, and is up when it answers."""

    def __init__(self, args, port, path, env=None, cwd=None):
        self.process = subprocess.Popen(args, preexec_fn=bench.pinned(bench.SERVER_CPU), cwd=cwd,
                                        env={**os.environ, **(env or {})},
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.port, self.pid = port, self.process.pid
        self.url = f"http://127.0.0.1:{port}"
        for _ in range(300):
            try:
                urllib.request.urlopen(self.url + path).close()
                return
            except OSError:
                time.sleep(0.1)
                if self.process.poll() is not None:
                    break
        self.stop()
        sys.exit("bench: this does not start: " + " ".join(args))


class Peers(bench.Bench):
    def __init__(self, options, folder, engine):
        super().__init__(options, folder)
        self.engine = engine
        self.pg = None
        self.body = os.path.join(folder, "event.json")
        with open(self.body, "w", encoding="ascii") as file:
            json.dump(EVENT, file)
        if engine == "postgresql":
            self.pg = postgres.Database(folder)
            self.url = self.pg.url
        else:
            path = self.database("main")
            subprocess.run([sys.executable, "-c", f"""
import sqlite3
db = sqlite3.connect({path!r})
db.execute("CREATE TABLE event (id INTEGER PRIMARY KEY, name TEXT NOT NULL, size INTEGER,"
           " at TIMESTAMP NOT NULL)")
# What FastAPI reads as a time: no zone, blank instead of T.
db.execute("UPDATE items SET created_at = replace(replace(created_at, 'T', ' '), 'Z', '')")
db.commit()
"""], check=True)
            self.url = "sqlite:///" + path

    def start_modeld(self):
        return bench.Server([self.options.modeld, "serve", "--db", self.url, "--listen",
                             "127.0.0.1:0", "--set", "threads=1", "--set", "admin_listen=none"],
                            "--ready-fd")

    def start_fastapi(self):
        port = free_port()
        url = self.url
        if self.pg:
            url = f"postgresql+psycopg2://test@/postgres?host={self.pg.folder}"
        return Peer([os.path.join(self.options.folder, "venv/bin/uvicorn"), "--port", str(port),
                     "--no-access-log", "fastapi_app:app"], port, "/items/1", {"DB_URL": url},
                    os.path.join(HERE, "peers"))

    def start_platformatic(self):
        port = free_port()
        url = self.url
        if self.pg:
            url = "postgresql://test@localhost/postgres?host=" + quote(self.pg.folder, safe="")
        else:
            url = "sqlite://" + self.url[len("sqlite:///"):]
        return Peer(["node", os.path.join(HERE, "peers/platformatic.mjs"), url, str(port)], port,
                    "/items/1", cwd=os.path.join(self.options.folder, "node"))

    def about(self):
        versions = installed(self.options.folder, self.options.peer or list(LIMITS))
        return [*super().about(), *versions]

    def check_same(self, peer, theirs, ours):
        """Both give the same rows, in their own spelling of names, times and decimals."""
        for path in (0, 1):
            pairs = [(PATHS[peer][path] % 7, theirs), (PATHS["modeld"][path] % 7, ours)]
            rows = [json.loads(server.get(place)) for place, server in pairs]
            rows = [plain(row if isinstance(row, list) else [row]) for row in rows]
            if rows[0] != rows[1] or len(rows[0]) != (1, 100)[path]:
                sys.exit(f"bench: {peer} and modeld do not give the same: {rows[0][:2]} {rows[1][:2]}")

    def whole(self, server):
        return postgres.Both(server, self.pg) if self.pg else server

    def measure(self, server, paths, work, requests):
        if work == 2:
            return bench.load(self.options.load, self.whole(server), requests, paths[2],
                              body=self.body, connections=CONNECTIONS)["cpu_ns"]
        return bench.load(self.options.load, self.whole(server), requests, paths[work],
                          connections=CONNECTIONS)["cpu_ns"]

    def against(self, peer):
        theirs, ours = getattr(self, "start_" + peer)(), self.start_modeld()
        self.check_same(peer, theirs, ours)
        for work, limit in enumerate(LIMITS[peer][self.engine]):
            few, many = ((100, 1_000) if work == 1 else (1_000, 10_000))
            pairs = []
            for _ in range(4 if self.options.quick else 6):
                pairs.append((self.measure(theirs, PATHS[peer], work, few),
                              self.measure(ours, PATHS["modeld"], work, many)))
            pairs = pairs[1:]
            ratios = [a / b for a, b in pairs]
            ratio = statistics.median(ratios)
            a, b = (statistics.median(pair[i] for pair in pairs) for i in (0, 1))
            self.report(f"{peer}, {self.engine}, {WORKS[work]}", f"≥ {limit} ×", f"{ratio:.1f} ×",
                        ratio >= limit, f"{a / 1000:.0f} ↔ {b / 1000:.1f} µs CPU, rounds "
                        f"{min(ratios):.1f}–{max(ratios):.1f}")
        theirs.stop()
        ours.stop()


def plain(rows):
    """Rows in one spelling: names in lower case without _, times without zone, numbers as numbers."""
    def value(name, given):
        if name == "createdat":
            return re.sub(r"(\.0+)?(Z|\+00:00)?$", "", given.replace("T", " "))
        if name in ("price", "score") and given is not None:
            return float(given)
        return given in (True, 1, "1", "true") if name == "active" else given
    return [{name: value(name, given) for name, given in
             ((name.replace("_", "").lower(), given) for name, given in row.items())}
            for row in rows]


def installed(folder, peers):
    """Names and versions of what is measured against."""
    found = []
    if "fastapi" in peers:
        lines = subprocess.run([os.path.join(folder, "venv/bin/python"), "-c", """
import importlib.metadata as m, platform
for name in ("fastapi", "sqlmodel", "uvicorn", "pydantic"):
    print(name, m.version(name))
print("Python", platform.python_version())"""], check=True, text=True, stdout=subprocess.PIPE).stdout
        found += lines.splitlines()
    if "platformatic" in peers:
        with open(os.path.join(folder, "node/node_modules/@platformatic/db/package.json"),
                  encoding="utf-8") as file:
            found.append("@platformatic/db " + json.load(file)["version"])
        found.append("Node " + subprocess.run(["node", "--version"], check=True, text=True,
                                              stdout=subprocess.PIPE).stdout.strip())
    return found


def install(folder, peers):
    venv, node = os.path.join(folder, "venv"), os.path.join(folder, "node")
    if "fastapi" in peers and not os.path.exists(os.path.join(venv, "bin/uvicorn")):
        subprocess.run([sys.executable, "-m", "venv", venv], check=True)
        subprocess.run([os.path.join(venv, "bin/pip"), "-q", "install", *PYPI], check=True)
    if "platformatic" in peers and not os.path.exists(os.path.join(node, "node_modules")):
        os.makedirs(node, exist_ok=True)
        subprocess.run(["npm", "install", "--silent", "--no-audit", "--no-fund", "--prefix", node,
                        *NPM], check=True, cwd=node)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("build", help="where modeld and the bench's programs were built")
    parser.add_argument("folder", help="where the peers are installed")
    parser.add_argument("--quick", action="store_true", help="fewer rounds")
    parser.add_argument("--engine", action="append", choices=("sqlite", "postgresql"))
    parser.add_argument("--peer", action="append", choices=LIMITS)
    bench.add_markdown(parser)
    options = parser.parse_args()
    options.folder = os.path.abspath(options.folder)
    options.modeld = os.path.join(os.path.abspath(options.build), "modeld")
    options.load = os.path.join(os.path.abspath(options.build), "tests/bench/load")
    os.makedirs(options.folder, exist_ok=True)
    install(options.folder, options.peer or list(LIMITS))
    failed = False
    for engine in options.engine or ("sqlite", "postgresql"):
        with tempfile.TemporaryDirectory(prefix="modeld-bench-") as folder:
            peers = Peers(options, folder, engine)
            try:
                for peer in options.peer or LIMITS:
                    print(peer, engine, flush=True)
                    peers.against(peer)
            finally:
                if peers.pg:
                    peers.pg.stop()
            peers.print_table()
            failed |= peers.failed
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
