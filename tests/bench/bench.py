#!/usr/bin/env python3
"""Measures modeld against the yardsticks and prints one table: see README.md beside this file.

Usage: bench.py BUILD [--quick] [--only PART]... [--markdown FILE]
Parts: point list embed memory growth start burst sync group bulk
"""
import argparse
import json
import os
import platform
import re
import selectors
import shutil
import signal
import socket
import statistics
import struct
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

    def __init__(self, args, ready=None, env=None):
        reader, writer = os.pipe()
        self.started = time.perf_counter()
        if ready:
            args = args + [ready, str(writer)]
        self.process = subprocess.Popen(args, preexec_fn=pinned(SERVER_CPU), pass_fds=[writer],
                                        stdout=subprocess.DEVNULL if ready else writer,
                                        stderr=subprocess.DEVNULL, env={**os.environ, **(env or {})})
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

    def metric(self, name):
        """A counter; the server has admin_on_public."""
        return float(re.search(rf"^{name} (\S+)$", self.get("/-/metrics").decode(), re.M).group(1))

    def stop(self):
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def load(binary, server, requests, path, highest=RANGE, body=None, connections=CONNECTIONS):
    """CPU nanoseconds per request and what the load generator reports."""
    before = server.cpu_ns()
    result = subprocess.run([binary, "-c", str(connections), "-n", str(requests), "-r", str(highest),
                             *(["-b", body] if body else []), server.url, path],
                            preexec_fn=pinned(CLIENT_CPU), check=True, stdout=subprocess.PIPE)
    report = json.loads(result.stdout)
    report["cpu_ns"] = (server.cpu_ns() - before) / requests
    return report


class Bench:
    def __init__(self, options, folder):
        self.options, self.folder = options, folder
        self.failed = False
        self.lines = []

    def stop(self):
        """End what the parts share; here they share nothing that goes on."""

    def database(self, name):
        path = os.path.join(self.folder, name + ".db")
        if not os.path.exists(path):
            subprocess.run([sys.executable, os.path.join(HERE, "data.py"), self.folder, name],
                           check=True)
        return path

    def modeld(self, database, *settings, env=None):
        args = [self.options.modeld, "serve", "--db", "sqlite:///" + self.database(database),
                "--listen", "127.0.0.1:0"]
        for setting in ("threads=1", "admin_listen=none", *settings):
            args += ["--set", setting]
        return Server(args, "--ready-fd", env)

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

    # --- writes ------------------------------------------------------------------------------------

    def fresh(self, name):
        """An empty database to write to, on the disk that the temporary folder is on."""
        source, target = self.database("write"), os.path.join(self.folder, name + ".db")
        for ending in ("", "-wal", "-shm"):
            if os.path.exists(target + ending):
                os.remove(target + ending)
        shutil.copyfile(source, target)
        return name

    def body(self, name):
        return os.path.join(self.folder, name + ".json")

    def write_yard(self, database, transactions, *how, env=None):
        """What yard_write reports, on the processor that the server has otherwise."""
        result = subprocess.run(
            [self.options.yard_write, self.database(database), self.body("rows"),
             str(transactions), *how], preexec_fn=pinned(SERVER_CPU), check=True,
            stdout=subprocess.PIPE, env={**os.environ, **(env or {})})
        return json.loads(result.stdout)

    def slow_disk(self):
        """The environment in which every sync takes 1 ms more: see preload_disk.c."""
        path = os.path.join(self.folder, "disk")
        with open(path, "wb") as file:
            file.write(struct.pack("<8q", -1, 0, 0, 1000, 0, 0, 0, 0))
        return {"LD_PRELOAD": self.options.preload_disk, "DISK_FAULTS": path}

    def sync(self):
        """Rows per second when a sync is slow: everybody who waits shares one."""
        env = self.slow_disk()
        server = self.modeld(self.fresh("sync"), env=env)
        self.fresh("yard")
        pairs = []
        for _ in range(4 if self.options.quick else 10):
            yard = self.write_yard("yard", 300, "rows", env=env)
            pairs.append((yard["rows"] / yard["seconds"],
                          load(self.options.load, server, 6_000, "/made", body=self.body("row"))))
        pairs = pairs[1:]
        server.stop()
        ratios = [ours["rps"] / base for base, ours in pairs]
        ratio = statistics.median(ratios)
        self.report("POST one row, syncs of 1 ms more, against a commit each", "≥ 20 ×",
                    f"{ratio:.1f} ×", ratio >= 20,
                    f"{statistics.median(base for base, _ in pairs):.0f} → "
                    f"{statistics.median(ours['rps'] for _, ours in pairs):.0f} rows/s, rounds "
                    f"{min(ratios):.1f}–{max(ratios):.1f}; "
                    f"p99 {statistics.median(ours['p99_us'] for _, ours in pairs) / 1000:.1f} ms")

    def group(self):
        """On the real disk: how many rows share a commit, and what being durable costs."""
        durable = self.modeld(self.fresh("durable"), "admin_on_public=true")
        normal = self.modeld(self.fresh("normal"), env={"LD_PRELOAD": self.options.preload_normal})
        pairs, requests, commits = [], 6_000, 0
        for number in range(4 if self.options.quick else 10):
            if number == 1:
                commits = -durable.metric("modeld_db_commits_total")
            pairs.append([load(self.options.load, server, requests, "/made", body=self.body("row"))
                          for server in (normal, durable)])
        commits += durable.metric("modeld_db_commits_total")
        pairs = pairs[1:]
        durable.stop()
        normal.stop()
        rows = requests * len(pairs) / commits
        self.report("POST one row: rows per commit", "≥ 8", f"{rows:.1f}", rows >= 8,
                    f"{statistics.median(pair[1]['rps'] for pair in pairs):.0f} rows/s")
        ratios = [b["cpu_ns"] / a["cpu_ns"] for a, b in pairs]
        ratio = statistics.median(ratios)
        base, ours = (statistics.median(pair[i]["cpu_ns"] for pair in pairs) for i in (0, 1))
        self.report("POST one row: durable against synchronous=NORMAL", "≤ 1.2 ×",
                    f"{ratio:.2f} ×", ratio <= 1.2,
                    f"{base / 1000:.1f} → {ours / 1000:.1f} µs CPU, rounds {min(ratios):.2f}–"
                    f"{max(ratios):.2f}")

    def bulk(self):
        """Many rows in one body, against inserting them without a server."""
        server, pairs, requests = self.modeld(self.fresh("bulk")), [], 30
        self.fresh("yard")
        for _ in range(4 if self.options.quick else 10):
            pairs.append((self.write_yard("yard", requests)["cpu_ns"],
                          load(self.options.load, server, requests, "/made", connections=1,
                               body=self.body("rows"))["cpu_ns"] / 1000))
        pairs = pairs[1:]
        server.stop()
        ratios = [ours / base for base, ours in pairs]
        ratio = statistics.median(ratios)
        base, ours = (statistics.median(pair[i] for pair in pairs) for i in (0, 1))
        self.report("POST of 1,000 rows, per row", "≤ 2.5 ×", f"{ratio:.2f} ×", ratio <= 2.5,
                    f"{base / 1000:.2f} → {ours / 1000:.2f} µs CPU, rounds {min(ratios):.2f}–"
                    f"{max(ratios):.2f}")

    def batch(self):
        """Many inserts as one batch, against one request for each."""
        self.fresh("batch")
        with open(self.body("row"), encoding="utf-8") as file:
            row = json.load(file)
        with open(self.body("batch"), "w", encoding="utf-8") as file:
            json.dump([{"method": "POST", "path": "/made", "body": row}] * 1000, file)
        server, rounds, batches = self.modeld(self.fresh("batch"), "admin_on_public=true"), [], 10
        commits = 0
        for _ in range(4 if self.options.quick else 10):
            single = {"body": self.body("row")}
            before = server.metric("modeld_db_commits_total")
            ours = load(self.options.load, server, batches, "/-/batch", connections=1,
                        body=self.body("batch"))["cpu_ns"] / 1000
            commits = (server.metric("modeld_db_commits_total") - before) / batches
            many = load(self.options.load, server, 6_000, "/made", **single)["cpu_ns"]
            alone = load(self.options.load, server, 1_000, "/made", connections=1,
                         **single)["cpu_ns"]
            rounds.append((ours, many, alone))
        rounds = rounds[1:]
        server.stop()
        for name, target, other in (("64 clients", 1 / 3, 1), ("one after another", 1 / 10, 2)):
            ratios = [one[0] / one[other] for one in rounds]
            ratio = statistics.median(ratios)
            base, ours = (statistics.median(one[i] for one in rounds) for i in (other, 0))
            self.report(f"batch of 1,000 POSTs, against {name}", f"≤ {target:.2f} ×",
                        f"{ratio:.3f} ×", ratio <= target,
                        f"{base / 1000:.1f} → {ours / 1000:.1f} µs CPU each, rounds "
                        f"{min(ratios):.3f}–{max(ratios):.3f}")
        self.report("batch of 1,000 POSTs: commits", "1", f"{commits:.0f}", commits == 1, "")

    def print_table(self):
        widths = [max(len(line[i]) for line in self.lines) for i in range(4)]
        print()
        for line in self.lines:
            cells = "  ".join(cell.ljust(width) for cell, width in zip(line, widths))
            print(f"{cells}  {line[4]}".rstrip())
        if self.options.markdown:
            self.append_markdown(self.options.markdown)

    def about(self):
        """What the numbers were measured with, a line each."""
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            model = re.search(r"^model name\s*:\s*(.+)$", file.read(), re.M)
        version = subprocess.run([self.options.modeld, "--version"], check=True, text=True,
                                 stdout=subprocess.PIPE).stdout.splitlines()[0]
        return [time.strftime("%Y-%m-%d", time.gmtime()) + (", quick" if self.options.quick else ""),
                f"{len(CPUS)} processors, {model[1] if model else platform.machine()}", version]

    def append_markdown(self, path):
        """The same table for docs/performance.md, behind what the file has."""
        with open(path, "a", encoding="utf-8") as file:
            print("; ".join(self.about()) + "\n", file=file)
            print("| work | target | measured | | |\n|---|---|---|---|---|", file=file)
            for line in self.lines:
                print("| " + " | ".join(line) + " |", file=file)
            print(file=file)


def add_markdown(parser):
    parser.add_argument("--markdown", metavar="FILE", help="append the table to this file, too")


def read_options(doc, parts, quick, programs):
    """The options that every bench has; each of `programs` is one with its path below the build."""
    parser = argparse.ArgumentParser(description=doc.splitlines()[0])
    parser.add_argument("build", help="the folder in which make has built")
    parser.add_argument("--quick", action="store_true", help=quick)
    parser.add_argument("--only", action="append", choices=parts, help="this part (repeatable)")
    add_markdown(parser)
    options = parser.parse_args()
    for name, path in programs.items():
        setattr(options, name, os.path.join(os.path.abspath(options.build), path))
    return options


def measure(kind, parts, options):
    """Run the parts that are wanted of a bench, and print its table."""
    with tempfile.TemporaryDirectory(prefix="modeld-bench-") as folder:
        measured = kind(options, folder)
        try:
            for part in options.only or parts:
                print(part, flush=True)
                getattr(measured, part)()
        finally:
            measured.stop()
        measured.print_table()
    return measured


PARTS = ("point", "list", "embed", "memory", "growth", "start", "burst", "sync", "group", "bulk",
         "batch")
PROGRAMS = {"modeld": "modeld", "load": "tests/bench/load", "yard": "tests/bench/yard_mhd",
            "yard_write": "tests/bench/yard_write",
            "preload_normal": "tests/bench/preload_normal.so",
            "preload_disk": "tests/support/preload_disk.so"}


def main():
    options = read_options(__doc__, PARTS, "fewer rounds, fewer requests", PROGRAMS)
    if len(CPUS) < 2:
        print("bench: one processor only: client and server share it", file=sys.stderr)
    return 1 if measure(Bench, PARTS, options).failed else 0


if __name__ == "__main__":
    sys.exit(main())
