"""PostgreSQL restarts, ends sessions, refuses, falls silent, stops, is full or busy: what clients
are told meanwhile, how soon it is over, and that no write happens twice."""
import contextlib
import http.client
import json
import os
import threading
import time

import pytest

from harness import PATIENCE, Modeld, StartFailed, daemons_of, exchange, wait_until
from pg_load import (JSON, SCHEMA, SESSION, Load, Proxy, Session, Watch, is_documented, is_ready,
                     processes_of, signal, signal_all, take_connection)
from postgres import Postgres

pytestmark = pytest.mark.postgresql("a server that has faults")

RESTARTS = 20
# What needs no database is answered within that. A machine that tests share with others may keep
# a process waiting, so one in twenty may take longer; an event loop that is held up is, each time.
AT_ONCE, HELD_UP = 0.1, 1.5
SOON = 1.0


@pytest.fixture(scope="module", name="server")
def make_server():
    with contextlib.closing(Postgres("max_connections = 40\n",
                                     "local all careful scram-sha-256\n")) as server:
        yield server


@pytest.fixture(name="start")
def make_start(server):
    server.sql(SCHEMA)
    with daemons_of(server, "cannot connect", threads=2) as start:
        yield start


@pytest.fixture(name="watched")
def make_watched():
    """Start to watch a daemon."""
    watches = []

    def watched(daemon):
        watches.append(Watch(daemon))
        return watches[-1]

    yield watched
    for each in watches:
        each.close()


@pytest.fixture(name="proxy")
def make_proxy(server):
    with contextlib.closing(Proxy(server.folder)) as proxy:
        yield proxy


def patience_for(daemon, seconds=SOON):
    """Longer where more than two programs want each processor: then all take their turns."""
    waiting = os.getloadavg()[0] / (2 * os.cpu_count())
    return seconds * max(1, waiting) * (4 if daemon.sanitized() else 1)


def expect_prompt(daemon, watch):
    """What needs no database was answered throughout, and at once."""
    times, wrong = watch.stop()
    assert not wrong, wrong[:5]
    assert len(times) > 20
    assert times[len(times) * 19 // 20] < patience_for(daemon, AT_ONCE), times[-20:]
    assert times[-1] < patience_for(daemon, HELD_UP), times[-20:]


def expect_back(daemon, load, begin):
    """Reads and writes succeed within a second."""
    for kind in ("read", "write"):
        seconds = wait_until(lambda kind=kind: load.first_after(begin, kind), f"a {kind}")
        assert seconds < patience_for(daemon), (kind, seconds)


def expect_truth(daemon, server, load):
    wait_until(lambda: len(load.good["write"]) > 10, "writes")
    load.stop()
    faults = load.faults(server)
    assert not faults, "\n".join(map(str, faults[:10]))


def wait_ready(server):
    """When pg_isready said yes first."""
    wait_until(lambda: is_ready(server), "the server")
    return time.monotonic()


def ask(daemon, method, target, headers=None, body=None):
    """One request on a connection of its own, and its seconds."""
    connection = http.client.HTTPConnection(daemon.host, daemon.port, timeout=PATIENCE)
    begin = time.monotonic()
    try:
        return exchange(connection, method, target, headers, body), time.monotonic() - begin
    finally:
        connection.close()


def insert(daemon, token, headers=None):
    body = json.dumps([{"token": token, "place": 0}]).encode()
    return ask(daemon, "POST", "/token", {**JSON, **(headers or {})}, body)[0]


def rows_of(server, token):
    return int(server.sql(f"SELECT count(*) FROM token WHERE token = {token}"))


def in_background(work, *args):
    """Run it in a thread; a list that will hold what it returns."""
    result = []
    thread = threading.Thread(target=lambda: result.append(work(*args)))
    thread.start()
    result_of = lambda: (thread.join(), result[0])[1]
    return result_of


# --- the server goes and comes back -----------------------------------------------------------


def test_twenty_restarts_under_load_lose_nothing_and_leave_nothing(start, server, watched):
    daemon = start()
    watch = watched(daemon)
    sizes = []
    with Load(daemon) as load:
        for turn in range(4 if daemon.sanitized() else RESTARTS):
            wait_until(lambda: load.first_after(0, "write"), "a write")
            time.sleep(0.05)
            server.control("-m", ["fast", "immediate"][turn % 2], "stop")
            server.control("-W", "start")
            expect_back(daemon, load, wait_ready(server))
            sizes.append((daemon.memory(), len(os.listdir(f"/proc/{daemon.process.pid}/fd"))))
        expect_truth(daemon, server, load)
        assert load.codes, "no request met a restart"
    expect_prompt(daemon, watch)
    memory, fds = zip(*sizes)
    if not daemon.sanitized():
        # What leaks stays; sessions come and go with the load of the moment.
        assert min(memory[-3:]) < max(memory[2:6]) + (2 << 20), memory
        assert min(fds[-3:]) <= max(fds[2:6]) + 4, fds


def test_ended_sessions_under_load_lose_nothing(start, server, watched):
    daemon = start()
    watch = watched(daemon)
    with Load(daemon) as load:
        end = time.monotonic() + 2
        while time.monotonic() < end:
            server.kill_sessions()
            time.sleep(0.05)
        expect_back(daemon, load, time.monotonic())
        expect_truth(daemon, server, load)
    failed = sum(count for what, count in load.codes.items() if what[0] == "read")
    assert failed * 20 < len(load.good["read"]), load.codes  # twice ended, on two connections
    expect_prompt(daemon, watch)


def test_a_server_that_is_down_is_503_at_once_and_is_found_again(start, server, watched):
    daemon = start()
    watch = watched(daemon)
    server.control("-m", "fast", "stop")
    try:
        with Load(daemon) as load:
            time.sleep(1.5)
            assert load.codes["read", 503, "PGRST000"] > 0
            assert load.codes["write", 503, "PGRST000"] > 0
            assert load.slowest < patience_for(daemon, SOON)
            server.control("-W", "start")
            expect_back(daemon, load, wait_ready(server))
            expect_truth(daemon, server, load)
    finally:
        wait_ready(server)
    expect_prompt(daemon, watch)


def test_a_server_that_is_down_stops_the_start(server):
    server.control("-m", "fast", "stop")
    try:
        with pytest.raises(StartFailed) as failed:
            Modeld(server.url)
    finally:
        server.control("start")
    assert failed.value.code == 69


# --- passwords ----------------------------------------------------------------------------------


def careful(server, password):
    return server.url.replace("test@", f"careful:{password}@")


def test_a_wrong_password_stops_the_start_and_is_not_told(server):
    server.sql("DROP ROLE IF EXISTS careful; CREATE ROLE careful LOGIN PASSWORD 'right'")
    with pytest.raises(StartFailed) as failed:
        Modeld(careful(server, "hopeless-secret"))
    assert failed.value.code == 69
    assert "password authentication failed" in failed.value.log
    assert "hopeless-secret" not in failed.value.log


def test_a_password_that_is_changed_under_way_is_503_until_it_is_back(start, server):
    server.sql("DROP ROLE IF EXISTS careful; CREATE ROLE careful LOGIN PASSWORD 'right-secret';"
               "GRANT ALL ON ALL TABLES IN SCHEMA public TO careful;"
               "GRANT ALL ON ALL SEQUENCES IN SCHEMA public TO careful;"
               "GRANT USAGE ON SCHEMA public TO careful")
    try:
        daemon = start(careful(server, "right-secret"))
        assert insert(daemon, 1).status == 201
        server.sql("ALTER ROLE careful PASSWORD 'another'")
        server.kill_sessions()
        wait_until(lambda: ask(daemon, "GET", "/item?id=eq.1")[0].status == 503, "503")
        for response in [ask(daemon, "GET", "/item?id=eq.1")[0], insert(daemon, 2)]:
            assert (response.status, response.json["code"]) == (503, "PGRST000"), response
            assert response.header("Retry-After") == "1"
            assert "secret" not in response.text
        daemon.wait_log("28P01")
        assert not daemon.log_contains("right-secret")
        begin = time.monotonic()
        server.sql("ALTER ROLE careful PASSWORD 'right-secret'")
        wait_until(lambda: insert(daemon, 3).status == 201, "a write")
        assert time.monotonic() - begin < patience_for(daemon, 1.2)
        assert rows_of(server, 2) == 0 and rows_of(server, 3) == 1
    finally:
        server.sql("DROP OWNED BY careful; DROP ROLE careful")


# --- the network --------------------------------------------------------------------------------


def test_a_silent_network_ends_in_503_and_holds_up_nothing_else(start, server, proxy, watched):
    url = proxy.url + "?connect_timeout=2"
    daemon = start(url, request_deadline="12s", statement_timeout="3s", threads=1)
    writer = start(url, request_deadline="3s", statement_timeout="2s", threads=1)
    assert insert(writer, 1).status == 201
    assert ask(daemon, "GET", "/item?id=eq.1")[0].status == 200
    watch = watched(daemon)
    proxy.silent = True
    write = in_background(insert, writer, 2)
    answer, seconds = ask(daemon, "GET", "/item?id=eq.1")
    assert (answer.status, answer.json["code"]) == (503, "PGRST000"), answer
    assert answer.header("Retry-After") == "1" and seconds < 11
    assert ask(daemon, "GET", "/-/ready")[0].status == 503
    answer = write()
    assert (answer.status, answer.json["code"]) == (503, "08007"), answer
    assert answer.header("Retry-After") is None
    expect_prompt(daemon, watch)
    proxy.silent = False
    for each in (daemon, writer):
        begin = time.monotonic()
        wait_until(lambda each=each: ask(each, "GET", "/item?id=eq.1")[0].status == 200, "a read")
        assert time.monotonic() - begin < patience_for(daemon, 3)  # connecting began in silence
    wait_until(lambda: insert(writer, 3).status == 201, "a write")
    assert rows_of(server, 2) <= 1 and rows_of(server, 3) == 1


def test_silence_amid_the_start_of_a_connection_ends_in_503(start, server, proxy):
    daemon = start(proxy.url + "?connect_timeout=2", threads=1)

    def fall_silent(data):
        proxy.silent = b"Z\0\0\0\5I" in data  # it stands, its settings are not answered
        return data, False

    proxy.on_answer = fall_silent
    server.kill_sessions()
    answer, seconds = ask(daemon, "GET", "/item?id=eq.1")
    assert (answer.status, answer.json["code"]) == (503, "PGRST000"), answer
    assert 1 < seconds < patience_for(daemon, 3.5)
    proxy.on_answer, proxy.silent = None, False
    wait_until(lambda: ask(daemon, "GET", "/item?id=eq.1")[0].status == 200, "a read")


def test_a_short_silence_is_only_a_delay(start, server, proxy):
    daemon = start(proxy.url)
    with Load(daemon) as load:
        wait_until(lambda: load.first_after(0, "write"), "a write")
        proxy.silent = True
        time.sleep(1)
        proxy.silent = False
        expect_back(daemon, load, time.monotonic())
        expect_truth(daemon, server, load)
    assert not load.codes


def test_a_read_whose_answer_breaks_off_runs_again(start, proxy):
    daemon = start(proxy.url)
    assert daemon.get("/item").status == 200
    broken = []

    def cut_once(data):
        if broken or len(data) < 2000:
            return data, False
        broken.append(len(data))
        return data[:1500], True

    proxy.on_answer = cut_once
    answer = daemon.get("/item")
    assert broken and answer.status == 200 and len(answer.json) == 200


def test_a_long_answer_that_breaks_off_is_not_taken_for_complete(start, proxy):
    daemon = start(proxy.url)
    daemon.expect_error("08006|PGRST001|connection")
    seen = [0]

    def cut_late(data):
        seen[0] += len(data)
        return (data, False) if seen[0] < 8 << 20 else (data[:100], True)

    proxy.on_answer = cut_late
    with pytest.raises((http.client.IncompleteRead, ConnectionError)):
        ask(daemon, "GET", "/big?limit=20000")
    proxy.on_answer = None
    assert daemon.get("/item?id=eq.1").status == 200


def before(mark):
    """Pass on what stands before the message that begins with `mark`, and cut there, once."""
    done = []

    def look(data):
        at = data.find(mark)
        if done or at < 0 or b"token" not in data + look.seen:
            look.seen += data
            return data, False
        done.append(True)
        return data[:at], True

    look.seen = b""
    return look


SYNC = b"S\0\0\0\4"


def test_a_write_that_breaks_off_before_its_sync_is_uncertain_and_not_there(start, server, proxy):
    daemon = start(proxy.url)
    assert insert(daemon, 1).status == 201
    proxy.on_request = before(SYNC)
    answer = insert(daemon, 2)
    proxy.on_request = None
    assert (answer.status, answer.json["code"]) == (503, "08007"), answer
    assert answer.header("Retry-After") is None
    assert insert(daemon, 3).status == 201
    assert (rows_of(server, 2), rows_of(server, 3)) == (0, 1)


def test_a_write_whose_answer_is_lost_is_uncertain_and_happens_once(start, server, proxy):
    daemon = start(proxy.url)
    assert insert(daemon, 1).status == 201
    sent = []

    def note(data):
        if b"INSERT" in data or sent:
            sent.append(True)
        return data, False

    proxy.on_request = note
    proxy.on_answer = lambda data: (b"", True) if sent else (data, False)
    wait = in_background(insert, daemon, 2)
    answer = wait()
    proxy.on_request = proxy.on_answer = None
    assert (answer.status, answer.json["code"]) == (503, "08007"), answer
    assert answer.header("Retry-After") is None
    wait_until(lambda: rows_of(server, 2) == 1, "the row")
    assert insert(daemon, 3).status == 201
    assert (rows_of(server, 2), rows_of(server, 3)) == (1, 1)


def test_a_transaction_whose_commit_does_not_arrive_is_uncertain_and_not_there(start, server, proxy):
    daemon = start(proxy.url)
    assert insert(daemon, 1, SESSION).status == 201
    proxy.on_request = before(b"COMMIT\0")
    answer = insert(daemon, 2, SESSION)
    proxy.on_request = None
    assert (answer.status, answer.json["code"]) == (503, "08007"), answer
    assert rows_of(server, 2) == 0
    assert insert(daemon, 3, SESSION).status == 201


def test_a_transaction_that_loses_its_rows_has_not_happened(start, server, proxy):
    daemon = start(proxy.url)
    assert insert(daemon, 1, SESSION).status == 201
    armed = []
    proxy.on_request = lambda data: (armed.append(True) if b"INSERT" in data else None,
                                     (data, False))[1]
    proxy.on_answer = lambda data: (data[:10], True) if armed else (data, False)
    answer = insert(daemon, 2, SESSION)
    proxy.on_request = proxy.on_answer = None
    assert (answer.status, answer.json["code"]) == (503, "PGRST001"), answer
    assert answer.header("Retry-After") == "1"
    assert insert(daemon, 3, SESSION).status == 201
    assert (rows_of(server, 2), rows_of(server, 3)) == (0, 1)


# --- the server does not answer -----------------------------------------------------------------


def test_a_stopped_server_is_waited_for(start, server, watched):
    daemon = start()
    watch = watched(daemon)
    with Load(daemon) as load:
        wait_until(lambda: load.first_after(0, "write"), "a write")
        pids = processes_of(server)
        signal_all(pids, signal.SIGSTOP)
        try:
            time.sleep(2)
        finally:
            signal_all(pids, signal.SIGCONT)
        expect_back(daemon, load, time.monotonic())
        expect_truth(daemon, server, load)
    expect_prompt(daemon, watch)


@pytest.mark.parametrize("end, statuses", [("commit", [503, 504]), ("rollback", [504])])
def test_the_end_of_a_transaction_is_not_waited_for_beyond_the_deadline(start, server, end, statuses):
    daemon = start(request_deadline="1s", threads=1, pool_size=1, max_overflow=0)
    daemon.expect_error("08007|MD504|PGRST001")
    transaction = daemon.post("/-/transactions").json["id"]
    assert daemon.patch("/item?id=eq.9", {"n": 1}, Transaction=transaction).status == 204
    pids = processes_of(server)
    signal_all(pids, signal.SIGSTOP)
    try:  # nobody lets it go on before there is an answer
        response = daemon.post(f"/-/transactions/{transaction}/{end}")
    finally:
        signal_all(pids, signal.SIGCONT)
    assert response.status in statuses, response
    assert response.json["code"] in ("08007", "MD504")
    wait_until(lambda: daemon.get("/item?id=eq.1").status == 200, "connections")
    transaction = daemon.post("/-/transactions").json["id"]
    assert daemon.patch("/item?id=eq.9", {"n": 2}, Transaction=transaction).status == 204
    assert daemon.post(f"/-/transactions/{transaction}/{end}").status == 200


# --- locks, definitions -------------------------------------------------------------------------


def test_writes_wait_lock_timeout_for_a_row_and_reads_do_not(start, server):
    daemon = start(lock_timeout="700ms")
    daemon.expect_error("55P03")
    patch = ("PATCH", "/item?id=eq.1", JSON, b'{"n": 1}')
    with Session(server) as session:
        session.run("BEGIN")
        session.run("UPDATE item SET n = n + 1 WHERE id = 1")
        blocked = [in_background(ask, daemon, *patch) for _ in range(3)]
        time.sleep(0.1)
        times = sorted(ask(daemon, "GET", "/item?id=eq.1")[1] for _ in range(20))
        assert times[18] < patience_for(daemon, AT_ONCE), times
        other, seconds = ask(daemon, "PATCH", "/item?id=eq.2", JSON, b'{"n": 1}')
        assert other.status == 204 and seconds < patience_for(daemon, 0.5)
        for result in blocked:
            answer, seconds = result()
            assert (answer.status, answer.json["code"]) == (503, "55P03"), answer
            assert answer.header("Retry-After")
            assert 0.6 < seconds < patience_for(daemon, 2)
        waiting = in_background(ask, daemon, *patch)
        time.sleep(0.2)
        session.run("COMMIT")
        assert waiting()[0].status == 204
    assert server.sql("SELECT n FROM item WHERE id = 1") == "1"


def test_definitions_change_under_cached_statements(start, server):
    daemon = start()
    with Load(daemon, readers=4) as load:
        for turn in range(3):
            for change in ["ALTER COLUMN name TYPE varchar(99)", "ADD COLUMN extra int DEFAULT 1",
                           "ALTER COLUMN n TYPE bigint", "DROP COLUMN extra",
                           "ALTER COLUMN name TYPE text", "ALTER COLUMN n TYPE int"]:
                time.sleep(0.05)
                server.sql(f"ALTER TABLE item {change}")
                server.sql(f"ALTER TABLE token ADD COLUMN more_{turn} int; "
                           f"ALTER TABLE token DROP COLUMN more_{turn}")
        expect_back(daemon, load, time.monotonic())
        expect_truth(daemon, server, load)
    assert not load.codes, load.codes


# --- no room ------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [1, 2, 3])
def test_a_small_pool_serves_all_and_says_when_it_cannot(start, server, size):
    daemon = start(pool_size=size, max_overflow=0, pool_timeout="300ms")
    with Load(daemon) as load:
        wait_until(lambda: len(load.good["read"]) > 30 and len(load.good["write"]) > 30, "load")
        expect_truth(daemon, server, load)
    assert not load.codes, load.codes
    slow = [in_background(ask, daemon, "GET", "/slow") for _ in range(size + 4)]
    answers = [result() for result in slow]
    late = [(answer, seconds) for answer, seconds in answers if answer.status != 200]
    assert late and len(late) < len(answers), answers
    for answer, seconds in late:
        assert (answer.status, answer.json["code"]) == (504, "PGRST003"), answer
        assert answer.header("Retry-After") == "1"
        assert seconds < patience_for(daemon, 2)
    assert ask(daemon, "GET", "/item?id=eq.1")[0].status == 200


def test_a_server_without_room_is_503_until_there_is_some(start, server, watched):
    daemon = start(pool_size=3, max_overflow=0)
    watch = watched(daemon)
    assert insert(daemon, 1).status == 201
    taken = []
    server.kill_sessions()
    try:
        wait_until(lambda: fill(server, taken), "a full server")
        answers = []
        end = time.monotonic() + 1
        while time.monotonic() < end:
            answers += [ask(daemon, "GET", "/item?id=eq.1")[0], ask(daemon, "GET", "/slow")[0],
                        insert(daemon, 2)]
        bad = [answer for answer in answers if answer.status >= 400]
        assert bad and all(is_documented(answer) for answer in bad), bad[:3]
        daemon.wait_log("53300")
    finally:
        for sock in taken:
            sock.close()
    begin = time.monotonic()
    for work in (lambda: ask(daemon, "GET", "/item?id=eq.1")[0].status == 200,
                 lambda: insert(daemon, 3).status == 201):
        wait_until(work, "room")
    assert time.monotonic() - begin < patience_for(daemon, 1.5)
    assert rows_of(server, 3) == 1
    expect_prompt(daemon, watch)


def fill(server, taken):
    """Take all connections of the server; True when it has no more."""
    while sock := take_connection(server):
        taken.append(sock)
    return len(taken) > 20
