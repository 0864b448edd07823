"""Under a service manager: ready, reload, stop, watchdog, inherited sockets, credentials, journal. A
stand-in for systemd (manager.py) does what systemd does."""
import ctypes
import http.client
import os
import re
import signal
import socket
import sqlite3
import threading
import time

import pytest

from harness import PATIENCE, UnixConnection, dashed, exchange, wait_until
from manager import Manager, listening, listening_unix, threads_of
from migrating import Migrating

pytestmark = pytest.mark.sqlite("the engine is not what matters to a service manager")


@pytest.fixture
def service(tmp_path, database):
    """Make services: service(sockets=…, settings=…, env=…); the library's rows unless db_url says
    otherwise."""
    made = []

    def make(db_url=..., **kwargs):
        folder = tmp_path / f"service-{len(made)}"
        folder.mkdir()
        made.append(Manager(folder, database().url if db_url is ... else db_url, **kwargs))
        return made[-1]
    yield make
    for manager in made:
        manager.close()


def get(port, target="/genre?id=eq.1", **headers):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    try:
        return exchange(connection, "GET", target, dashed(headers))
    finally:
        connection.close()


# --- what it tells ------------------------------------------------------------------------------

def test_it_says_when_it_is_ready_and_when_it_stops(service):
    public = listening()
    manager = service(sockets={"public": public}).start()
    assert manager.messages[-1]["STATUS"] == "serving"
    assert get(public.getsockname()[1]).status == 200
    manager.signal(signal.SIGTERM)
    stopping = manager.wait_for("STOPPING=1")
    # 30 s of drain_timeout, and some for the rest: systemd must not lose its patience before.
    assert int(stopping["EXTEND_TIMEOUT_USEC"]) >= 35_000_000
    assert manager.wait() == 0


def test_a_reload_is_told_from_its_beginning_to_its_end(service):
    manager = service(sockets={"public": listening()}).start()
    before = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
    manager.signal(signal.SIGHUP)
    reloading = manager.wait_for("RELOADING=1")
    assert int(reloading["MONOTONIC_USEC"]) >= before
    manager.wait_for("READY=1")
    assert manager.admin("/-/ready").status == 200


def test_a_reload_that_fails_ends_as_well(service, tmp_path):
    config = tmp_path / "modeld.conf"
    config.write_text("db_max_rows = 10\n")
    public = listening()
    manager = service(sockets={"public": public}, args=["--config", str(config)]).start()
    config.write_text("db_max_rows = many\n")
    manager.signal(signal.SIGHUP)
    manager.wait_for("RELOADING=1")
    manager.wait_for("READY=1")
    assert get(public.getsockname()[1]).status == 200
    wait_until(lambda: "db_max_rows" in manager.log(), "the reason in the log")


@pytest.fixture
def waiting(service, database, tmp_path):
    """A service whose start waits: it has a revision to apply, and somebody else writes."""
    models = {"Note": {"table": "note", "fields": {"text": "string(80)"}}}
    project = Migrating(database("CREATE TABLE other (id INTEGER PRIMARY KEY)"), tmp_path)
    project.models(models).make("notes")
    manager = service(project.db.url, sockets={"public": listening()},
                      settings={"models": project.file, "migrations": project.revisions,
                                "lock_timeout": "300ms"})
    writer = sqlite3.connect(project.db.path, isolation_level=None)
    writer.execute("BEGIN IMMEDIATE")
    yield manager.begin(), writer
    writer.close()


def test_a_start_that_migrates_asks_for_more_time(waiting):
    manager, writer = waiting
    asked = manager.wait_for("EXTEND_TIMEOUT_USEC")
    assert int(asked["EXTEND_TIMEOUT_USEC"]) >= 30_000_000
    assert asked["STATUS"] == "migrating"
    writer.execute("ROLLBACK")
    manager.wait_for("READY=1")
    assert get(manager.sockets["public"].getsockname()[1], "/note").status == 200
    assert not [message for message in manager.messages[-1:] if "EXTEND_TIMEOUT_USEC" in message]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_start_need_not_come_to_its_end(waiting, number):
    manager, writer = waiting
    manager.wait_for("EXTEND_TIMEOUT_USEC")
    begin = time.monotonic()
    manager.signal(number)
    assert manager.wait() == -number
    assert time.monotonic() - begin < 3
    assert "stopping before the start is over" in manager.log()
    writer.execute("ROLLBACK")
    manager.start()
    assert get(manager.sockets["public"].getsockname()[1], "/note").status == 200


@pytest.fixture
def migrating(service, database, tmp_path):
    """A service that is asked for a migration, which waits: somebody else writes."""
    fields = {"id": {"type": "bigint", "primary_key": True}, "text": "string(80)"}
    first = {"Note": {"table": "note", "fields": fields}}
    project = Migrating(database("CREATE TABLE other (id INTEGER PRIMARY KEY)"), tmp_path)
    project.models(first).make("notes")
    project.up()
    project.models({"Note": {"table": "note", "fields": {**fields, "tag": "string(9)?"}}}).make("tags")
    project.models(first)
    manager = service(project.db.url, sockets={"public": listening()},
                      settings={"models": project.file, "migrations": project.revisions,
                                "migrate": "false", "lock_timeout": "300ms"}).start()
    writer = sqlite3.connect(project.db.path, isolation_level=None)
    writer.execute("BEGIN IMMEDIATE")
    answers = []

    def ask():
        connection = UnixConnection(str(manager.folder / "admin.sock"))
        try:
            answers.append(exchange(connection, "POST", "/-/migrations/apply", {}, b"{}"))
        except (OSError, http.client.HTTPException) as failure:
            answers.append(failure)
        connection.close()
    asker = threading.Thread(target=ask)
    asker.start()
    wait_until(lambda: b"modeld_requests_in_flight 1\n" in manager.admin("/-/metrics").body, "it")
    yield manager, writer, project, asker, answers
    writer.close()
    asker.join()


def test_a_migration_comes_to_its_end_before_the_service_stops(migrating):
    manager, writer, project, asker, answers = migrating
    manager.signal(signal.SIGTERM)
    asked = manager.wait_for("EXTEND_TIMEOUT_USEC")
    assert asked["STATUS"] == "waiting for a migration" and asked["STOPPING"] == "1"
    assert get(manager.sockets["public"].getsockname()[1], "/note").status == 200
    writer.execute("ROLLBACK")
    assert manager.wait() == 0
    asker.join()
    assert answers[0].status == 200, answers
    assert not project.status()["pending"]


def test_a_second_signal_does_not_wait_for_a_migration(migrating):
    manager, writer, project, asker, answers = migrating
    manager.signal(signal.SIGTERM)
    manager.wait_for("EXTEND_TIMEOUT_USEC")
    begin = time.monotonic()
    manager.signal(signal.SIGTERM)
    assert manager.wait() == 75
    assert time.monotonic() - begin < 3
    writer.execute("ROLLBACK")
    asker.join()
    manager.process = None
    project.up()
    assert not project.status()["pending"]


# --- the watchdog -------------------------------------------------------------------------------

class Ptrace:
    """Stop one thread of another process, which no signal can do."""
    SEIZE, INTERRUPT, DETACH = 0x4206, 0x4207, 17

    def __init__(self, tid):
        self.tid = tid
        self.libc = ctypes.CDLL(None, use_errno=True)
        self.libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
        self.libc.ptrace.restype = ctypes.c_long

    def call(self, request):
        if self.libc.ptrace(request, self.tid, None, None) != 0:
            raise OSError(ctypes.get_errno(), "ptrace")

    def __enter__(self):
        self.call(self.SEIZE)
        self.call(self.INTERRUPT)
        os.waitpid(self.tid, 0x40000000)  # __WALL
        return self

    def __exit__(self, *exception):
        self.call(self.DETACH)


def watchdog_messages(manager, seconds):
    """How often all was well within so many seconds."""
    end = time.monotonic() + seconds
    count = 0
    while time.monotonic() < end:
        message = manager.receive(max(0.01, end - time.monotonic()))
        count += bool(message and "WATCHDOG" in message)
    return count


def test_the_watchdog_hears_that_all_is_well(service):
    manager = service(sockets={"public": listening()}, env={"WATCHDOG_USEC": "400000"}).start()
    assert watchdog_messages(manager, 2) >= 5


@pytest.mark.parametrize("thread", ["modeld-loop-1", "modeld-admin"])
def test_the_watchdog_hears_nothing_while_a_loop_hangs(service, thread):
    manager = service(sockets={"public": listening()}, settings={"threads": 2},
                      env={"WATCHDOG_USEC": "400000"}).start()
    assert watchdog_messages(manager, 1) > 0
    with Ptrace(threads_of(manager.process.pid)[thread]):
        watchdog_messages(manager, 0.5)  # those on their way
        assert watchdog_messages(manager, 1) == 0
        assert "1 of 3 event loops do not answer" in manager.log()
    assert watchdog_messages(manager, 1) > 0


def test_nobody_is_told_when_nobody_asked(service):
    manager = service(sockets={"public": listening()}).start()
    assert watchdog_messages(manager, 0.5) == 0


# --- inherited sockets --------------------------------------------------------------------------

def test_sockets_are_told_apart_by_their_names(service, tmp_path):
    public, admin = listening(), tmp_path / "named.sock"
    manager = service(sockets={"public": public, "admin": listening_unix(admin)}).start()
    port = public.getsockname()[1]
    assert get(port).status == 200
    assert get(port, "/-/metrics").status == 404
    assert manager.admin("/-/metrics", admin).status == 200
    assert not (manager.folder / "admin.sock").exists()


def test_a_unix_socket_is_inherited_and_stays(service, tmp_path):
    path = tmp_path / "public.sock"
    manager = service(sockets={"public": listening_unix(path)}).start()
    assert manager.admin("/genre?id=eq.1", path).status == 200
    manager.restart()
    assert manager.admin("/genre?id=eq.1", path).status == 200
    manager.stop()
    assert path.exists()


def test_clients_of_a_socket_for_both_families_have_their_own_addresses(service):
    """systemd's ListenStream=8080 is one: all of IPv4 is not one network of IPv6 there."""
    public = socket.create_server(("::", 0), family=socket.AF_INET6, dualstack_ipv6=True)
    manager = service(sockets={"public": public},
                      settings={"allow_unauthenticated": "true", "connections_per_ip": "2"}).start()
    port = public.getsockname()[1]
    kept = [socket.create_connection(("127.0.0.1", port)) for _ in range(5)]
    assert get(port).status == 200
    for sock in kept:
        sock.close()
    manager.stop()
    assert "client=127.0.0.1 " in manager.log()


def test_inherited_sockets_replace_those_of_the_settings(service):
    other = listening()
    taken = other.getsockname()[1]
    manager = service(sockets={"public": listening()},
                      settings={"listen": f"127.0.0.1:{taken}"}).start()
    assert re.search(r"warning: .*listen\b.*no effect", manager.log())
    other.close()


def test_sockets_for_another_process_are_left_alone(service):
    manager = service(settings={"listen": "127.0.0.1:0"},
                      env={"LISTEN_FDS": "1", "LISTEN_FDNAMES": "public", "LISTEN_PID": "1"}).start()
    port = int(re.search(r"listening url=http://127.0.0.1:(\d+)", manager.log()).group(1))
    assert get(port).status == 200


def test_a_descriptor_that_is_no_socket_stops_the_start(service):
    with open(os.devnull, encoding="ascii") as file:
        manager = service(sockets={"public": file})
        with pytest.raises(AssertionError, match="the daemon has ended"):
            manager.start()
    wait_until(lambda: "inherited file descriptor 3 is no listening socket" in manager.log(),
               "the reason in the log")
    assert manager.process.wait() == 78
    manager.process = None


class Client(threading.Thread):
    """Asks and asks; `keep`: over one connection as long as the daemon lets it."""

    def __init__(self, port, keep, pause):
        super().__init__()
        self.port, self.keep, self.pause = port, keep, pause
        self.done, self.closed = 0, 0
        self.failures = []
        self.over = threading.Event()
        self.start()

    def run(self):
        connection = None
        while not self.over.is_set():
            connection = connection or http.client.HTTPConnection("127.0.0.1", self.port,
                                                                  timeout=PATIENCE)
            try:
                response = exchange(connection, "GET", "/book?select=id,genre(name)&id=eq.1")
                if response.status != 200:
                    self.failures.append(response)
                self.closed += response.header("Connection") == "close"
            except (OSError, http.client.HTTPException) as failure:
                self.failures.append(failure)
                connection.close()
            self.done += 1
            if not self.keep:
                connection.close()
                connection = None
            if self.pause:
                time.sleep(self.pause)
        if connection:
            connection.close()


@pytest.mark.sqlite("once more below, with PostgreSQL")
def test_a_restart_under_load_loses_no_request(service):
    restart_under_load(service())


@pytest.mark.postgresql("once more above, with SQLite")
def test_a_restart_under_load_loses_no_request_with_postgresql(service):
    restart_under_load(service())


def restart_under_load(manager):
    public = listening()
    manager.sockets["public"] = public
    manager.settings["threads"] = 2
    manager.start()
    port = public.getsockname()[1]
    clients = [Client(port, keep, pause) for keep in (True, False) for pause in (0, 0, 0.05, 0.3)]
    try:
        for _ in range(5):
            time.sleep(0.5)
            manager.restart()
        time.sleep(0.5)
    finally:
        for client in clients:
            client.over.set()
        for client in clients:
            client.join()
    failures = [failure for client in clients for failure in client.failures]
    assert not failures, failures[:5]
    assert all(client.done > 5 for client in clients), [client.done for client in clients]
    kept = [client for client in clients if client.keep]
    # Each kept connection was told to go at each restart, not cut.
    assert all(client.closed == 5 for client in kept), [client.closed for client in kept]


def test_who_connects_while_nothing_runs_is_answered_afterwards(service):
    public = listening()
    manager = service(sockets={"public": public}).start()
    manager.stop()
    connection = http.client.HTTPConnection(*public.getsockname(), timeout=PATIENCE)
    connection.request("GET", "/genre?id=eq.1")
    manager.start()
    assert connection.getresponse().status == 200
    connection.close()


# --- credentials --------------------------------------------------------------------------------

def test_secrets_come_from_credentials(service, database, tmp_path):
    folder = tmp_path / "credentials"
    folder.mkdir()
    (folder / "db_url").write_text(database().url + "\n")
    (folder / "other").write_text("not ours")
    public = listening()
    service(None, sockets={"public": public}, env={"CREDENTIALS_DIRECTORY": str(folder)}).start()
    assert get(public.getsockname()[1]).status == 200


# --- the journal --------------------------------------------------------------------------------

def test_lines_for_the_journal_have_a_priority_and_an_id(service):
    public = listening()
    manager = service(sockets={"public": public},
                      settings={"server_trace_header": "X-Request-Id", "threads": 1})
    manager.log_path.touch()
    journal = manager.log_path.stat()
    manager.env["JOURNAL_STREAM"] = f"{journal.st_dev}:{journal.st_ino}"
    manager.start()
    port = public.getsockname()[1]
    answer = get(port, X_Request_Id="from-the-proxy.1")
    assert answer.header("X-Request-Id") == "from-the-proxy.1"
    get(port, X_Request_Id="with spaces = and more")
    wait_until(lambda: manager.log().count("request method=") == 2, "the access lines")
    manager.stop()
    lines = manager.log().splitlines()
    assert lines and all(re.match(r"<[3467]>", line) for line in lines), lines
    ids = [re.search(r" id=(\S+)", line).group(1) for line in lines if "request method=" in line]
    assert ids[0] == "from-the-proxy.1"
    assert re.fullmatch(r"[0-9a-f]{16}", ids[1])


def test_lines_that_do_not_go_to_the_journal_are_for_people(service):
    """Shells of a service have the variable, too."""
    manager = service(sockets={"public": listening()}, env={"JOURNAL_STREAM": "1:2"}).start()
    manager.stop()
    assert "<" not in manager.log() and "listening url=" in manager.log()
