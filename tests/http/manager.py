"""A stand-in for systemd: it holds the listening sockets, starts the daemon with them and with a
socket to be notified on, restarts it, and keeps what it was told. Standard library only."""
import os
import pathlib
import signal
import socket
import subprocess
import sys
import time

from harness import PATIENCE, SANITIZER, UnixConnection, clean_environment, exchange, find_modeld

# Puts the sockets where the protocol wants them, and names this process, which becomes the daemon.
LAUNCHER = """
import os, sys
fds = [int(fd) for fd in sys.argv[1].split(",") if fd]
kept = [os.dup(fd) for fd in fds]
for i, fd in enumerate(kept):
    os.dup2(fd, 100 + i)
os.closerange(3, 100)
for i in range(len(kept)):
    os.dup2(100 + i, 3 + i)
    os.close(100 + i)
os.environ["WATCHDOG_PID"] = str(os.getpid())
if fds:
    os.environ["LISTEN_PID"] = str(os.getpid())
os.execv(sys.argv[2], sys.argv[2:])
"""


class Manager:
    """One service. `sockets`: name → listening socket, kept open across restarts."""

    def __init__(self, folder, db_url, sockets=None, settings=None, env=None, args=()):
        self.folder = pathlib.Path(folder)
        self.db_url = db_url
        self.sockets = sockets or {}
        self.settings = settings or {}
        self.env = env or {}
        self.args = args
        self.process = None
        self.messages = []
        self.log_path = self.folder / "service.log"
        notify = str(self.folder / "notify.sock")
        self.notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.notify.bind(notify)
        self.environment = {**clean_environment(), "NOTIFY_SOCKET": notify,
                            "RUNTIME_DIRECTORY": str(self.folder)}

    def start(self):
        """Start it, and wait until it is ready."""
        self.begin()
        self.wait_for("READY=1")
        return self

    def begin(self):
        """Start it, and do not wait."""
        names = ":".join(self.sockets)
        fds = [sock.fileno() for sock in self.sockets.values()]
        command = [sys.executable, "-c", LAUNCHER, ",".join(map(str, fds)), find_modeld(), "serve"]
        command += ["--db", self.db_url] if self.db_url else []
        for key, value in self.settings.items():
            command += ["--set", f"{key}={value}"]
        listening = {"LISTEN_FDS": str(len(fds)), "LISTEN_FDNAMES": names} if fds else {}
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(
                [*command, *self.args], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                pass_fds=fds, cwd=self.folder, env={**self.environment, **listening, **self.env})
        return self

    def receive(self, patience):
        """The next message, as a dictionary; None when none came in time."""
        self.notify.settimeout(patience)
        try:
            text = self.notify.recv(4096).decode()
        except (TimeoutError, BlockingIOError):
            return None
        message = dict(line.split("=", 1) for line in text.splitlines())
        self.messages.append(message)
        return message

    def wait_for(self, line):
        """Read messages until one has `line`, or a key of that name; that message."""
        key, _, value = line.partition("=")
        end = time.monotonic() + PATIENCE
        while True:
            message = self.receive(0.2)
            if message and key in message and value in ("", message[key]):
                return message
            assert self.process.poll() is None, f"the daemon has ended:\n{self.log()}"
            assert time.monotonic() < end, f"no {line}, only {self.messages}"

    def signal(self, number):
        self.process.send_signal(number)

    def wait(self):
        """The exit code."""
        code = self.process.wait(PATIENCE)
        assert not SANITIZER.search(self.log()), self.log()
        return code

    def stop(self):
        if self.process and self.process.poll() is None:
            self.signal(signal.SIGTERM)
            return self.wait()
        return None

    def restart(self):
        """As `systemctl restart`: the old one ends before the new one begins."""
        assert self.stop() == 0, self.log()
        self.start()

    def close(self):
        code = self.stop()
        self.notify.close()
        for sock in self.sockets.values():
            sock.close()
        assert code in (None, 0), self.log()

    def admin(self, target, path=None):
        connection = UnixConnection(str(path or self.folder / "admin.sock"))
        try:
            return exchange(connection, "GET", target)
        finally:
            connection.close()

    def log(self):
        return self.log_path.read_text(errors="replace")


def listening(backlog=4096):
    """A TCP socket on loopback, as systemd would bind it."""
    sock = socket.socket()
    sock.bind(("127.0.0.1", 0))
    sock.listen(backlog)
    return sock


def listening_unix(path):
    """The same, in the file system."""
    sock = socket.socket(socket.AF_UNIX)
    sock.bind(str(path))
    sock.listen(64)
    return sock


def threads_of(pid):
    """Name of each thread → its id."""
    tasks = pathlib.Path(f"/proc/{pid}/task")
    return {(tasks / tid / "comm").read_text().strip(): int(tid) for tid in os.listdir(tasks)}
