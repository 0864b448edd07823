"""Memory that runs out while a request is served, for tests that try it on routes: Route, what is
asked, and prove(), which lets every allocation of the daemon and its libraries fail, one after the
other. The answer is the right one, or a 5xx that says so, or the connection ends; what a write did
agrees with its answer; the next request is right; and nothing is lost: not in the account of the
allocator, not a request, not a connection of the pool.

Most requests are new to the daemon each time ({n} differs), so that they are parsed, planned and
prepared. First there is no memory from an allocation on, then for one alone. The default takes
samples where a request has many; MODELD_OOM=all takes every one."""
import collections
import dataclasses
import http.client
import itertools
import json
import os
import threading
import time

import pytest

from faults import sanitized, thread_sanitized
from harness import PATIENCE, UnixConnection, encode, wait_until

EVERY = os.environ.get("MODELD_OOM") == "all"
JSON = "application/json"
FOR_GOOD, FOR_GOOD_S = 10 ** 9, 0.1  # failures in a row, or for so long if that is shorter
KEPT = 20  # blocks that caches may have more of at one time than at another
TIMES = 4  # that it may have more, in a row
NUMBERS = itertools.count(7000001)  # for {n}, which always has seven digits
IDLE_S = 0.5  # how long a transaction may be idle
CODES = ("53200", "MD503", "PGRST000", "PGRST001", "08001", "08006", "08007")  # with 503
IN_SESSION = "/-/transactions/"
BEGIN = ("POST", "/-/transactions", "Location")
# Of a daemon whose only client asks for it.
IDLE = {"modeld_connections": 1, "modeld_requests_in_flight": 0, "modeld_request_memory_bytes": 0,
        "modeld_db_waiting": 0, "modeld_db_writes_waiting": 0, "modeld_pool_in_use": 0,
        "modeld_pool_waiting": 0, "modeld_transactions_open": 0}


@dataclasses.dataclass
class Route:
    """`status` of the answer when nothing fails. For writes: `before`, a body posted to `into` that
    the write needs; `check`, where its outcome is seen, and `done`, what is seen then. `fetch`,
    method, target and header of an answer that is needed first: {v} is the header's value.
    `inside`: what is posted before is in the transaction {v}."""
    target: str
    status: int = 200
    method: str = "GET"
    headers: dict = dataclasses.field(default_factory=dict)
    body: str = None
    type: str = JSON
    into: str = "/toy"
    before: str = None
    check: str = None
    done: str = None
    admin: bool = False
    loose: bool = False  # the body differs each time
    reconnect: bool = False
    fetch: tuple = None
    inside: bool = False
    twice: bool = False  # the same request has been there before
    threads: bool = False  # new ones are started for it
    partial: bool = False  # each of the answers in the answer may be an error


def write(method, target, status, body=None, prefer="", headers=None, **more):
    headers = {**(headers or {}), **({"Prefer": prefer} if prefer else {})}
    return Route(target, status, method, headers, body, **more)


# What is a fault of its own elsewhere, not an answer to be compared.
HEADERS = ("Content-Type", "Content-Range", "Location", "Content-Location", "Preference-Applied",
           "Allow", "Retry-After", "Idempotency-Replayed")


class Client:
    """Requests on one connection that is made anew when it has ended."""

    def __init__(self, server, route):
        self.route = route
        self.public = http.client.HTTPConnection(server.host, server.port, timeout=PATIENCE)
        self.asked = UnixConnection(server.admin_path) if route.admin else self.public
        self.value = ""  # of {v}

    def exchange(self, connection, method, target, headers, body):
        """(status, headers that matter, body), or None when no whole answer came."""
        try:
            connection.request(method, encode(target), body, headers)
            response = connection.getresponse()
            headers = {name: response.headers[name] for name in HEADERS if name in response.headers}
            return response.status, headers, response.read()
        except (http.client.HTTPException, OSError):
            connection.close()
            return None

    def fill(self, text, n):
        return text.replace("{n}", str(n)).replace("{v}", self.value) if text is not None else None

    def ask(self, n):
        """The route's request, with {n} and {v} in the answer again."""
        def fill(text):
            return self.fill(text, n)
        route = self.route
        if route.reconnect:
            self.asked.close()
        body = fill(route.body)
        headers = {name: fill(value) for name, value in route.headers.items()}
        if body is not None:
            headers["Content-Type"] = route.type
        answer = self.exchange(self.asked, route.method, fill(route.target), headers, body)
        if answer is None:
            return None
        status, headers, body = answer
        if route.status == 201 and headers.get("Location", "").startswith(IN_SESSION):
            self.value = headers["Location"].removeprefix(IN_SESSION)
        if route.loose and status == route.status:
            return status, {}, b""
        return status, {name: value.replace(str(n), "{n}") for name, value in headers.items()}, \
            body.replace(str(n).encode(), b"{n}")

    def see(self, n):
        """What a write has to do with, as it is now; what is always the same for other routes."""
        target = (self.route.check or "/genre?select=id&id=eq.1").replace("{n}", str(n))
        status, _, body = self.exchange(self.public, "GET", target, {}, None)
        assert status == 200, body
        return json.loads(body)

    def fetch(self, method, target, name):
        self.public.request(method, target)
        response = self.public.getresponse()
        response.read()
        assert response.status < 300, response.status
        self.value = response.headers[name].removeprefix(IN_SESSION)

    def prepare(self, n):
        route = self.route
        self.value = ""
        if route.inside:
            self.fetch(*route.fetch)
        if route.before:
            headers = {"Content-Type": JSON, **({"Transaction": self.value} if route.inside else {})}
            answer = self.exchange(self.public, "POST", route.into, headers,
                                   route.before.replace("{n}", str(n)))
            assert answer[0] == 201, answer
        if route.fetch and not route.inside:
            self.fetch(*(text.replace("{n}", str(n)) for text in route.fetch))
        if route.twice:
            assert self.ask(n)[0] == route.status

    def finish(self):
        """End the transaction that the request may have left. One whose name was lost ends by
        itself."""
        if self.value and (self.route.fetch == BEGIN or self.route.target == BEGIN[1]):
            wait_until(lambda: self.exchange(self.public, "POST", IN_SESSION + self.value +
                                             "/rollback", {}, None)[0] in (200, 410))
        self.value = ""

    def close(self):
        self.public.close()
        self.asked.close()


def steady(client, memory):
    """Blocks in use when the caches are full of requests like these."""
    least = None
    if client.route.target == BEGIN[1]:
        time.sleep(2 * IDLE_S)
    for _ in range(3):
        for _ in range(24):
            n = next(NUMBERS)
            client.prepare(n)
            assert client.ask(n)[0] == client.route.status
            client.finish()
            client.see(n)
        blocks = memory[memory.BLOCKS]
        least = blocks if least is None else min(least, blocks)
    return least


def is_right(answer, expected):
    """The same answer. Errors may lack their details; 503 is never one that was expected."""
    if answer is None or answer[0] < 400:
        return answer == expected
    return answer[0] == expected[0] and json.loads(answer[2])["code"] == json.loads(
        expected[2])["code"]


def is_lack(answer):
    """The answer to HEAD has no body."""
    return answer[0] == 503 and (not answer[2] or json.loads(answer[2])["code"] in CODES)


def judge_parts(answer, expected, before, after, done):
    """The same for a list of answers. The first is about what there is."""
    parts, wanted = json.loads(answer[2].replace(b"{n}", b"0")), json.loads(
        expected[2].replace(b"{n}", b"0"))
    if len(parts) != len(wanted) or any(
            part != want and part["status"] != 503 for part, want in zip(parts, wanted)):
        return f"a wrong answer: {answer}, expected {expected}"
    if after != (done if parts[0]["status"] < 300 else before):
        return f"it says {parts[0]['status']}, and there is {after}"
    return None


def judge(answer, expected, before, after, done):
    """What is wrong with an answer, and with what there is after it; None: nothing."""
    if is_right(answer, expected):
        return None if after == done else f"it says {answer[0]}, and there is {after}"
    if answer and not is_lack(answer):
        return f"a wrong answer: {answer}, expected {expected}"
    if after not in (before, done):
        return f"half of it is there: {after}"
    if answer and "Retry-After" in answer[1] and after != before:
        return f"it says that nothing has happened, and there is {after}"
    return None


def expect_well(client, memory, after, times, expected, outcomes):
    """One request for which memory runs out, and then what there is."""
    n = next(NUMBERS)
    route = client.route
    client.prepare(n)
    before = client.see(n)
    failed = memory[memory.FAILED]
    memory.run_out(after, times)
    healing = threading.Timer(FOR_GOOD_S, memory.heal)
    if times == FOR_GOOD:
        healing.start()
    answer = client.ask(n)
    memory.heal()
    healing.cancel()
    hurt = memory[memory.FAILED] != failed
    done = json.loads(route.done.replace("{n}", str(n))) if route.done else before
    # What was not committed is not seen, whether the transaction is open still or not.
    parts = route.partial and answer and answer[0] == 200
    wrong = (judge_parts if parts else judge)(answer, expected, before, client.see(n), done)
    client.finish()
    assert not wrong, f"allocation {after} ({times} in a row): {wrong}"
    outcomes[answer[0] if answer else None] += 1
    return hurt


def sweep(client, memory, step, times, expected, outcomes):
    """One allocation after the other, until none is left. What failed before may have to be made
    again, so that there can be more than there were."""
    unhurt, after = 0, 0
    while unhurt < 3:
        hurt = expect_well(client, memory, after, times, expected, outcomes)
        unhurt = 0 if hurt else unhurt + 1
        after += step


def expect_idle(daemon):
    """Nothing is left of requests: not on a connection, not in the pool."""
    def left():
        metrics = daemon.metrics()
        return {name: metrics[name] for name in IDLE if metrics[name] != IDLE[name]}
    try:
        wait_until(lambda: not left(), "an idle daemon")
    except AssertionError as late:
        raise AssertionError(f"{late}: {left()}") from None


def lost_by(client, memory, work):
    """Blocks that are in use after some work and were not before it. What leaks does so each time;
    a session that began late, on a thread that was not needed before, is counted only once."""
    blocks = steady(client, memory)
    for _ in range(TIMES):
        before = blocks
        work()
        blocks = steady(client, memory)
        if blocks - before < KEPT:
            break
    return blocks - before


def prove(daemon, memory, route, name):
    """The first sweep fills what is kept for ever; after the second nothing more may be in use."""
    if route.threads and thread_sanitized():
        pytest.skip("the sanitizer cannot start a thread without memory")
    client = Client(daemon, route)
    try:
        prove_with(client, memory, name)
    finally:
        memory.heal()
        client.close()
    expect_idle(daemon)
    assert daemon.alive()


def prove_with(client, memory, name):
    outcomes = collections.Counter()
    steady(client, memory)
    n = next(NUMBERS)
    client.prepare(n)
    asked, expected = memory[memory.ASKED], client.ask(n)
    count = memory[memory.ASKED] - asked
    assert expected[0] == client.route.status, expected
    client.finish()
    failed = memory[memory.FAILED]
    step = 1 if EVERY else max(1, count // (40 if count < 1000 else 20))
    sweep(client, memory, step * (1 if EVERY else 4), FOR_GOOD, expected, outcomes)
    sweep(client, memory, step, 1, expected, outcomes)
    lost = lost_by(client, memory, lambda: sweep(client, memory, step, 1, expected, outcomes))
    assert memory[memory.FAILED] - failed > min(count, 40) / step, "no allocation has failed"
    print(f"{name}: {count} allocations, {dict(outcomes)}, {lost} more blocks")
    assert sanitized() or lost < KEPT, f"{lost} more blocks are in use"
