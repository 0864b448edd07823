#!/usr/bin/env python3
"""Measures modeld against the yardsticks and prints one table: see README.md beside this file.

Usage: bench.py MODELD LOAD YARD [--quick] [--only PART]...
Parts: point list embed memory growth start burst
"""
import argparse
import json
import os
import re
import selectors
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request

HERE = os.path.dirname(os.path.abspath(__file__))
KIB, MIB = 1024, 1024 * 1024
CPUS = sorted(os.sched_getaffinity(0))
SERVER_CPU, CLIENT_CPU = CPUS[0], CPUS[-1]
CONNECTIONS = 64
RANGE = 9_000  # ids that every table of the bench has
EMBED = "select=id,name,country(id,name),book(id,title,price)"


def pinned(cpu):
    return lambda: os.sched_setaffinity(0, {cpu})


class Server:
    """A server process on its own processor, that has said where it listens."""

    def __init__(self, args, ready=None):
        reader, writer = os.pipe()
        self.started = time.perf_counter()
        if ready:
            args = args + [ready, str(writer)]
        self.process = subprocess.Popen(args, preexec_fn=pinned(SERVER_CPU), pass_fds=[writer],
                                        stdout=subprocess.DEVNULL if ready else writer,
                                        stderr=subprocess.DEVNULL)
        os.close(writer)
        with os.fdopen(reader) as lines:
            self.url = lines.readline().strip()
        if not self.url:
            sys.exit("bench: this does not start: " + " ".join(args))
        self.port = int(self.url.rsplit(":", 1)[1])
        self.pid = self.process.pid

    def cpu_ns(self):
        """User and system time of all threads, as the scheduler counts it."""
        total = 0
        for task in os.listdir(f"/proc/{self.pid}/task"):
            with open(f"/proc/{self.pid}/task/{task}/schedstat", encoding="ascii") as file:
                total += int(file.read().split()[0])
        return total

    def memory(self, name):
        """VmRSS or VmHWM in bytes."""
        with open(f"/proc/{self.pid}/status", encoding="ascii") as file:
            return int(re.search(rf"^{name}:\s*(\d+) kB", file.read(), re.M).group(1)) * KIB

    def forget_peak(self):
        with open(f"/proc/{self.pid}/clear_refs", "w", encoding="ascii") as file:
            file.write("5")

    def get(self, path):
        with urllib.request.urlopen(self.url + path) as answer:
            return answer.read()

    def stop(self):
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def load(binary, server, requests, path, highest=RANGE):
    """CPU nanoseconds per request and what the load generator reports."""
    before = server.cpu_ns()
    result = subprocess.run([binary, "-c", str(CONNECTIONS), "-n", str(requests), "-r",
                             str(highest), server.url, path], preexec_fn=pinned(CLIENT_CPU), check=True,
                            stdout=subprocess.PIPE)
    report = json.loads(result.stdout)
    report["cpu_ns"] = (server.cpu_ns() - before) / requests
    return report


class Bench:
    def __init__(self, options, folder):
        self.options, self.folder = options, folder
        self.failed = False
        self.lines = []

    def database(self, name):
        path = os.path.join(self.folder, name + ".db")
        if not os.path.exists(path):
            subprocess.run([sys.executable, os.path.join(HERE, "data.py"), self.folder, name],
                           check=True)
        return path

    def modeld(self, database, *settings):
        args = [self.options.modeld, "serve", "--db", "sqlite:///" + self.database(database),
                "--listen", "127.0.0.1:0"]
        for setting in ("threads=1", "admin_listen=none", *settings):
            args += ["--set", setting]
        return Server(args, "--ready-fd")

    def yard(self):
        return Server([self.options.yard, self.database("main")])

    def report(self, work, target, measured, ok, detail=""):
        self.lines.append((work, target, measured, "ok" if ok else "OVER", detail))
        print(f"  {work}: {measured} ({target}) {detail}", flush=True)

    # --- CPU per request ---------------------------------------------------------------------------

    def compare(self, work, limit, requests, yard_path, path):
        """Interleaved rounds; the median of their ratios counts, since the machine's speed drifts."""
        yard, modeld = self.yard(), self.modeld("main")
        rounds = 3 if self.options.quick else 9
        pairs = []
        for _ in range(rounds + 1):
            pairs.append((load(self.options.load, yard, requests, yard_path),
                          load(self.options.load, modeld, requests, path)))
        pairs = pairs[1:]  # the first one warms up
        yard.stop()
        modeld.stop()
        base, ours = (statistics.median(pair[i]["cpu_ns"] for pair in pairs) for i in (0, 1))
        ratios = [b["cpu_ns"] / a["cpu_ns"] for a, b in pairs]
        rps = [statistics.median(pair[i]["rps"] for pair in pairs) for i in (0, 1)]
        p99 = statistics.median(pair[1]["p99_us"] for pair in pairs)
        ratio = statistics.median(ratios)
        self.report(work, f"≤ {limit} ×", f"{ratio:.2f} ×", ratio <= limit,
                    f"{base / 1000:.1f} → {ours / 1000:.1f} µs CPU, rounds {min(ratios):.2f}–"
                    f"{max(ratios):.2f}; {rps[0]:.0f} → {rps[1]:.0f} req/s, p99 {p99 / 1000:.1f} ms")

    def expect_same(self, yard_path, path):
        """Both servers say the same, or the comparison means nothing."""
        yard, modeld = self.yard(), self.modeld("main")
        for number in (1, 10, RANGE):
            a = json.loads(yard.get(yard_path.replace("%d", str(number))))
            b = json.loads(modeld.get(path.replace("%d", str(number))))
            if a != b:
                self.failed = True
                print(f"bench: {path} and {yard_path} differ at {number}", file=sys.stderr)
        yard.stop()
        modeld.stop()

    def point(self):
        self.compare("one row by key", 2.0, 20_000, "/constant", "/items/%d")

    def list(self):
        paths = "/list?from=%d", "/items?id=gte.%d&order=id&limit=100"
        self.expect_same(*paths)
        self.compare("100 rows", 1.6, 3_000, *paths)

    def embed(self):
        paths = "/embed?from=%d", f"/author?{EMBED}&id=gte.%d&order=id&limit=20"
        self.expect_same(*paths)
        self.compare("20 parents, to-one and to-many", 2.0, 3_000, *paths)

    # --- memory ------------------------------------------------------------------------------------

    def open(self, server, count, path="/items/1"):
        """Connections that have had one answer and stay open."""
        sockets = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(count)]
        for one in sockets:
            one.sendall(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())
        for one in sockets:
            assert one.recv(65536).startswith(b"HTTP/1.1 200"), "no answer"
        return sockets

    def memory(self):
        server = self.modeld("main")
        few = self.open(server, 5)
        rest = server.memory("VmRSS")
        self.report("memory at rest, 5 connections", "≤ 14 MiB", f"{rest / MIB:.1f} MiB",
                    rest <= 14 * MIB)
        many = self.open(server, 500)
        each = (server.memory("VmRSS") - rest) / 500
        self.report("memory per idle connection", "≤ 28 KiB", f"{each / KIB:.1f} KiB",
                    each <= 28 * KIB)
        for one in few + many:
            one.close()
        server.stop()
        server = self.modeld("large")
        server.forget_peak()
        rows = 0
        with urllib.request.urlopen(server.url + "/large") as answer:
            for piece in iter(lambda: answer.read(MIB), b""):
                rows += piece.count(b"{")
        peak = server.memory("VmHWM")
        server.stop()
        self.failed |= rows != 1_000_000
        self.report("peak while sending 1,000,000 rows", "≤ 64 MiB", f"{peak / MIB:.1f} MiB",
                    peak <= 64 * MIB, f"{rows} rows received")

    def growth(self):
        """Few rows, and all on the loop, so that the page caches are full before it counts. What
        the allocator gives back at the end of a slice varies, hence the highest of several."""
        slices, requests = 12, 12_000 if self.options.quick else 120_000
        server = self.modeld("main", "inline_budget=1s")
        paths = ("/items/%d", "/items?id=gte.%d&order=id&limit=3",
                 f"/author?{EMBED}&id=gte.%d&order=id&limit=1")
        sizes = []
        for number in range(slices * len(paths)):
            load(self.options.load, server, requests // len(paths), paths[number % len(paths)], 200)
            sizes.append(server.memory("VmRSS"))
        server.stop()
        third = len(sizes) // 3
        grown = max(sizes[2 * third:]) - max(sizes[third:2 * third])
        self.report(f"growth over {slices * requests:,} requests", "none",
                    f"{max(grown, 0) / KIB:.0f} KiB", grown <= 256 * KIB,
                    f"{min(sizes) / MIB:.1f}–{max(sizes) / MIB:.1f} MiB; the last third against "
                    "the second")

    # --- start, burst ------------------------------------------------------------------------------

    def start(self):
        self.database("wide")
        times = []
        for _ in range(9):
            server = self.modeld("wide")
            server.get("/table_1?id=eq.1")
            times.append((time.perf_counter() - server.started) * 1000)
            server.stop()
        median = statistics.median(times)
        self.report("exec to first 200, 50 tables", "≤ 50 ms", f"{median:.0f} ms", median <= 50,
                    f"{min(times):.0f}–{max(times):.0f} ms, with fork and client")

    def burst(self):
        """All requests are ready before the server runs again: it is stopped while they are sent."""
        server = self.modeld("main")
        answered, slowest = [], 0.0
        counts = (127, 128, 129, 256, 1000)
        for count in counts:
            sockets = self.open(server, count)
            os.kill(server.pid, signal.SIGSTOP)
            for one in sockets:
                one.sendall(b"GET /items/2 HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
            begin = time.perf_counter()
            os.kill(server.pid, signal.SIGCONT)
            answered.append(self.collect(sockets, 2.0))
            slowest = max(slowest, time.perf_counter() - begin)
            for one in sockets:
                one.close()
        server.stop()
        self.report("burst of " + ", ".join(map(str, counts)), "all answered",
                    ", ".join(map(str, answered)), answered == list(counts),
                    f"the slowest burst took {slowest * 1000:.0f} ms")

    @staticmethod
    def collect(sockets, seconds):
        """How many of the sockets get an answer in time."""
        selector = selectors.DefaultSelector()
        for one in sockets:
            selector.register(one, selectors.EVENT_READ)
        answered, deadline = 0, time.perf_counter() + seconds
        while answered < len(sockets) and time.perf_counter() < deadline:
            for key, _ in selector.select(0.1):
                answered += key.fileobj.recv(65536).startswith(b"HTTP/1.1 200")
                selector.unregister(key.fileobj)
        selector.close()
        return answered

    def print_table(self):
        widths = [max(len(line[i]) for line in self.lines) for i in range(4)]
        print()
        for line in self.lines:
            cells = "  ".join(cell.ljust(width) for cell, width in zip(line, widths))
            print(f"{cells}  {line[4]}".rstrip())


PARTS = ("point", "list", "embed", "memory", "growth", "start", "burst")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("modeld")
    parser.add_argument("load")
    parser.add_argument("yard")
    parser.add_argument("--quick", action="store_true", help="fewer rounds, fewer requests")
    parser.add_argument("--only", action="append", choices=PARTS, help="this part (repeatable)")
    options = parser.parse_args()
    for name in ("modeld", "load", "yard"):
        setattr(options, name, os.path.abspath(getattr(options, name)))
    if len(CPUS) < 2:
        print("bench: one processor only: client and server share it", file=sys.stderr)
    with tempfile.TemporaryDirectory(prefix="modeld-bench-") as folder:
        bench = Bench(options, folder)
        for part in options.only or PARTS:
            print(part, flush=True)
            getattr(bench, part)()
        bench.print_table()
    return 1 if bench.failed else 0


if __name__ == "__main__":
    sys.exit(main())
