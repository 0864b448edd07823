"""What the HTTP tests drive a real daemon with: Modeld (one process), requests over http.client, raw
bytes over a socket, and waiting with a deadline; databases come from engines.py. Standard library
only."""
import contextlib
import fcntl
import http.client
import json
import os
import pathlib
import re
import select
import signal
import socket
import subprocess
import tempfile
import time
import urllib.parse

from engines import Database

ROOT = pathlib.Path(__file__).resolve().parents[2]
DATA = ROOT / "tests" / "data"
# Longest wait for anything that should happen at once; generous, because machines are busy.
PATIENCE = 30.0
SANITIZER = re.compile(r"(AddressSanitizer|LeakSanitizer|ThreadSanitizer|runtime error:)")


def find_modeld():
    """The daemon under test: MODELD_BIN, or one built here or in build/."""
    named = os.environ.get("MODELD_BIN")
    for path in [named] if named else ["modeld", ROOT / "build" / "modeld"]:
        path = pathlib.Path(path).resolve()
        if os.access(path, os.X_OK):
            return str(path)
    raise FileNotFoundError("no modeld: build it, or name it in MODELD_BIN")


@contextlib.contextmanager
def locked(path, shared=False):
    """Among the processes of a run this one has `path` for itself, or with others that share it."""
    fd = os.open(path, os.O_RDONLY)
    try:
        fcntl.flock(fd, fcntl.LOCK_SH if shared else fcntl.LOCK_EX)
        yield
    finally:
        os.close(fd)


@contextlib.contextmanager
def build_folder():
    """The folder of the daemon under test, for whoever makes something there."""
    folder = pathlib.Path(find_modeld()).parent
    with locked(folder):
        yield folder


def wait_until(condition, what="the condition", patience=PATIENCE):
    """The first true value of condition(); fails when it stays false for `patience` seconds."""
    end = time.monotonic() + patience
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < end, f"{what} did not come about within {patience} s"
        time.sleep(0.02)


def encode(target):
    """A target as a client would send it: spaces, quotes and letters beyond ASCII are encoded,
    everything else stays as it is written in the test."""
    return urllib.parse.quote(target, safe="/?#[]@!$&'()*+,;=:%{}|~-._")


class Response:
    """One answer: status, headers (any case), body; json parses the body."""

    def __init__(self, status, headers, body):
        self.status = status
        self.headers = headers
        self.body = body

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def text(self):
        return self.body.decode()

    def header(self, name):
        return self.headers.get(name)

    def __repr__(self):
        return f"<{self.status} {dict(self.headers)} {self.body[:400]!r}>"


class UnixConnection(http.client.HTTPConnection):
    """An HTTP connection over a Unix socket."""

    def __init__(self, path, timeout=PATIENCE):
        super().__init__("localhost", timeout=timeout)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


class StartFailed(Exception):
    """modeld ended before it was ready: `code` and `log` say why."""

    def __init__(self, code, log):
        super().__init__(f"modeld ended with {code}:\n{log}")
        self.code = code
        self.log = log


class Modeld:
    """One daemon. Ready when the constructor returns; stop() checks that it leaves in good order:
    exit code 0 on SIGTERM, no sanitizer report, no error in its log that expect_error() has not
    announced. `preexec` runs in the child before the daemon; `wrap` is a command that executes
    the rest of its command line."""

    def __init__(self, db_url, *args, folder=None, settings=None, listen="127.0.0.1:0", env=None,
                 preexec=None, wrap=()):
        self.scratch = tempfile.TemporaryDirectory(prefix="modeld-test-") if not folder else None
        self.folder = pathlib.Path(folder or self.scratch.name)
        self.admin_path = str(self.folder / "admin.sock")
        self.log_path = self.folder / "log"
        self.expected_errors = []
        self.connection = None
        self.engine = "postgresql" if (db_url or "").startswith("postgres") else "sqlite"
        settings = {"admin-listen": "unix:" + self.admin_path, **(settings or {})}
        command = [*wrap, find_modeld(), "serve"]
        command += ["--db", db_url] if db_url else []
        command += ["--listen", listen] if listen else []
        reader, writer = os.pipe()
        command += ["--ready-fd", str(writer)]
        for key, value in settings.items():
            command += ["--set", f"{key}={value}"]
        command += [str(arg) for arg in args]
        with open(self.log_path, "wb") as log:
            self.process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, pass_fds=[writer],
                env={**clean_environment(), **(env or {})}, cwd=self.folder, preexec_fn=preexec)
        os.close(writer)
        try:
            self.urls = self._wait_ready(reader)
        finally:
            os.close(reader)
        first = next((url for url in self.urls if url.startswith("http://")), None)
        parts = urllib.parse.urlsplit(first) if first else None
        self.url = first
        self.host = parts.hostname if parts else None
        self.port = parts.port if parts else None

    def _wait_ready(self, reader):
        text = b""
        end = time.monotonic() + PATIENCE
        while True:
            ready, _, _ = select.select([reader], [], [], max(0, end - time.monotonic()))
            piece = os.read(reader, 4096) if ready else None
            if piece:
                text += piece
                continue
            if piece == b"" and text:
                return text.decode().split()
            # Nothing in time, or the pipe was closed without a word: the daemon has failed.
            if piece is None:
                self.process.kill()
            code = self.process.wait(PATIENCE)
            raise StartFailed(code, self.log())

    # --- requests ---------------------------------------------------------------------------

    def request(self, method, target, headers=None, body=None, connection=None):
        """One request on a kept connection (or `connection`)."""
        if connection is None:
            if self.connection is None:
                self.connection = http.client.HTTPConnection(self.host, self.port, timeout=PATIENCE)
            connection = self.connection
        try:
            return exchange(connection, method, target, headers, body)
        except (http.client.RemoteDisconnected, ConnectionError, BrokenPipeError):
            # The daemon may close a kept connection at any time between two requests.
            connection.close()
            return exchange(connection, method, target, headers, body)

    def get(self, target, **headers):
        return self.request("GET", target, dashed(headers))

    def head(self, target, **headers):
        return self.request("HEAD", target, dashed(headers))

    def options(self, target, **headers):
        return self.request("OPTIONS", target, dashed(headers))

    def write(self, method, target, body=None, **headers):
        """POST, PATCH, PUT or DELETE; a body that is no text is sent as JSON."""
        headers = dashed(headers)
        if body is not None and not isinstance(body, (str, bytes)):
            body = json.dumps(body)
        if body is not None:
            headers.setdefault("Content-Type", "application/json")
        return self.request(method, target, headers, body.encode() if isinstance(body, str) else body)

    def post(self, target, body=None, **headers):
        return self.write("POST", target, body, **headers)

    def patch(self, target, body=None, **headers):
        return self.write("PATCH", target, body, **headers)

    def put(self, target, body=None, **headers):
        return self.write("PUT", target, body, **headers)

    def delete(self, target, **headers):
        return self.write("DELETE", target, **headers)

    def rows(self, target, **headers):
        """The rows of an answer that must be a success."""
        response = self.get(target, **headers)
        assert response.status in (200, 206), response
        return response.json

    def column(self, target, name="id"):
        """One column of every row."""
        return [row[name] for row in self.rows(target)]

    def error(self, target, status, code, **headers):
        """The error object of an answer that must fail like this."""
        response = self.get(target, **headers)
        assert response.status == status, response
        error = response.json
        assert set(error) >= {"code", "message", "details", "hint"}, error
        assert error["code"] == code, error
        return error

    def admin(self, target, method="GET", headers=None):
        """A request to the administration socket."""
        connection = UnixConnection(self.admin_path)
        try:
            return exchange(connection, method, target, headers)
        finally:
            connection.close()

    def metrics(self):
        """All counters: name with labels → number."""
        response = self.admin("/-/metrics")
        assert response.status == 200, response
        values = {}
        for line in response.text.splitlines():
            if line and not line.startswith("#"):
                name, value = line.rsplit(" ", 1)
                values[name] = float(value)
        return values

    def metric(self, name):
        """A counter summed over its labels."""
        found = [value for key, value in self.metrics().items() if key.split("{")[0] == name]
        assert found, f"no metric {name}"
        return sum(found)

    def connect(self, timeout=PATIENCE):
        """A bare socket to the daemon."""
        sock = socket.create_connection((self.host, self.port), timeout=timeout)
        return sock

    def raw(self, data, patience=PATIENCE):
        """Send bytes as they are; all that comes back until the end. The sending side is closed,
        unless the request asks for the connection to be closed after the answer: the HTTP library
        gives no answer to a client that went silent while its request waited for the database."""
        with self.connect(patience) as sock:
            try:
                sock.sendall(data)
                if b"Connection: close" not in data and b" HTTP/1.0\r\n" not in data:
                    sock.shutdown(socket.SHUT_WR)
            except OSError:
                pass  # the daemon has closed already
            return read_all(sock)

    # --- the process --------------------------------------------------------------------------

    def log(self):
        return self.log_path.read_text(errors="replace")

    def log_contains(self, text):
        return text in self.log()

    def wait_log(self, text):
        wait_until(lambda: self.log_contains(text), f"log line {text!r}")

    def expect_error(self, pattern):
        """Announce that log lines of level error matching `pattern` are part of the test."""
        self.expected_errors.append(re.compile(pattern))

    def signal(self, number):
        self.process.send_signal(number)

    def alive(self):
        return self.process.poll() is None

    def memory(self, field="VmRSS"):
        """Bytes of memory, from /proc."""
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(rf"{field}:\s+(\d+) kB", status).group(1)) * 1024

    def sanitized(self):
        """Is this a build whose memory use says nothing?"""
        maps = pathlib.Path(f"/proc/{self.process.pid}/maps").read_text()
        return "asan" in maps or "tsan" in maps

    def stop(self):
        """SIGTERM, then everything that must be true of a daemon that served without a fault."""
        if self.connection:
            self.connection.close()
        try:
            if self.alive():
                self.process.terminate()
            try:
                code = self.process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
                code = "no end"
            log = self.log()
        finally:
            if self.scratch:
                self.scratch.cleanup()
        assert not SANITIZER.search(log), log
        assert code == 0, f"modeld ended with {code}:\n{log}"
        errors = [line for line in log.splitlines() if is_error(line)
                  and not any(pattern.search(line) for pattern in self.expected_errors)]
        assert not errors, "\n".join(errors)


def is_error(line):
    """Is this log line of level error or worse?"""
    return re.match(r"(\S+ )?(<[0-3]>|error\b|crit\b|(\S+ )?level=(error|crit))", line) is not None


def exchange(connection, method, target, headers=None, body=None):
    connection.request(method, encode(target), body=body, headers=headers or {})
    response = connection.getresponse()
    return Response(response.status, response.headers, response.read())


def dashed(keywords):
    """Accept_Profile="x" → Accept-Profile: x; pool_size=5 → pool-size=5."""
    return {name.replace("_", "-"): value for name, value in keywords.items()}


@contextlib.contextmanager
def daemons_of(server, *expected, **defaults):
    """Start daemons on the database of a server: start(url=None, **settings); `_` in a setting's name
    stands for `-`. They may log errors with `expected` in them, and are stopped and checked at the
    end."""
    with contextlib.ExitStack() as started:
        def start(url=None, **settings):
            daemon = Modeld(url or server.url, settings=dashed({**defaults, **settings}))
            started.callback(daemon.stop)
            for pattern in expected:
                daemon.expect_error(pattern)
            return daemon
        yield start


def read_all(sock):
    """Everything until the other side closes; a reset counts as the end."""
    data = b""
    try:
        while True:
            piece = sock.recv(65536)
            if not piece:
                return data
            data += piece
    except ConnectionError:
        return data


def status_of(data):
    """The status of the first answer in raw bytes; None when there is none."""
    match = re.match(rb"HTTP/1\.[01] (\d{3})", data)
    return int(match.group(1)) if match else None


def statuses_of(data):
    """The status of every answer in raw bytes."""
    return [int(status) for status in re.findall(rb"HTTP/1\.[01] (\d{3})", data)]


def body_of(data):
    """The body of the only answer in raw bytes."""
    return data.split(b"\r\n\r\n", 1)[1] if b"\r\n\r\n" in data else b""


def clean_environment():
    """Ours, without settings of modeld that somebody may have in theirs; reports of sanitizers end
    the daemon."""
    env = {key: value for key, value in os.environ.items()
           if not key.startswith(("MODELD_", "PGRST_", "PG"))}
    env.setdefault("ASAN_OPTIONS", "exitcode=99:detect_leaks=1")
    env.setdefault("UBSAN_OPTIONS", "print_stacktrace=1:halt_on_error=1")
    return env


def run(*args, env=None, stdin=None, patience=PATIENCE):
    """A command of modeld that ends by itself: CompletedProcess with text output."""
    done = subprocess.run([find_modeld(), *map(str, args)], capture_output=True, text=True,
                          timeout=patience, env={**clean_environment(), **(env or {})},
                          input=stdin or "")
    assert not SANITIZER.search(done.stderr), done.stderr
    return done


__all__ = ["DATA", "Database", "Modeld", "PATIENCE", "ROOT", "StartFailed", "body_of",
           "build_folder", "encode", "exchange", "locked", "read_all", "run", "signal", "status_of",
           "statuses_of", "wait_until"]
