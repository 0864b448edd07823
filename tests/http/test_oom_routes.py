"""Memory runs out while a request is served: on every kind of route, at every allocation of the
daemon and its libraries, one after the other. The answer is the right one, or a 5xx that says so, or
the connection ends; what a write did agrees with its answer; the next request is right; and nothing
is lost (in the account of the allocator, and for the leak checker of a sanitized build).

Most requests are new to the daemon each time ({n} differs, and p{n} names a column), so that they
are parsed, planned and prepared. First there is no memory from an allocation on, then for one alone.
The default takes samples where a request has many; MODELD_OOM=all takes every one."""
import collections
import dataclasses
import http.client
import itertools
import json
import os
import threading
import time

import pytest

from conftest import LIBRARY, SHOP, SHOP_ROWS
from faults import Memory, sanitized
from harness import PATIENCE, UnixConnection, encode, wait_until

EVERY = os.environ.get("MODELD_OOM") == "all"
LINES = """
    CREATE TABLE line (id INTEGER PRIMARY KEY, text TEXT);
    WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 400)
    INSERT INTO line SELECT i, printf('%0200d', i) FROM n;
"""
JSON, CSV, FORM = "application/json", "text/csv", "application/x-www-form-urlencoded"
SINGULAR = "application/vnd.pgrst.object+json"
FOR_GOOD, FOR_GOOD_S = 10 ** 9, 0.1  # failures in a row, or for so long if that is shorter
KEPT = 20  # blocks that caches may have more of at one time than at another
NUMBERS = itertools.count(7000001)  # for {n}, which always has seven digits
BODY = 4096  # what is longer is a bulk body
IDLE_S = 0.5  # how long a transaction may be idle
IN_SESSION = "/-/transactions/"
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
    partial: bool = False  # each of the answers in the answer may be an error


def write(method, target, status, body=None, prefer="", headers=None, **more):
    headers = {**(headers or {}), **({"Prefer": prefer} if prefer else {})}
    return Route(target, status, method, headers, body, **more)


def operation(method, path, body=None, **more):
    """One of a batch. The body is text, since {n} in it becomes a number."""
    members = [f'"method":"{method}","path":"{path}"'] + ([f'"body":{body}'] if body else [])
    return "{" + ",".join(members + [f'"{name}":{value}' for name, value in more.items()]) + "}"


def batch(*operations, status=200, **more):
    return write("POST", "/-/batch", status, "[" + ",".join(operations) + "]", **more)


TOY = '[{"id":{n},"name":"a toy","stock":1}]'
IS_TOY = {"check": "/toy?select=id,name,stock&id=eq.{n}", "done": TOY}
NO_TOY = {"before": TOY, "check": "/toy?select=id,name,stock&id=eq.{n}", "done": "[]"}
NEW_STOCK = {"before": TOY, "check": "/toy?select=stock&id=eq.{n}", "done": '[{"stock":9}]'}
PLAIN = "return=minimal"
FULL = "return=representation"
ETAG = ("GET", "/toy/{n}", "ETag")
BEGIN = ("POST", "/-/transactions", "Location")
IN = {"Transaction": "{v}"}
FULLY = '{"Prefer":"return=representation"}'
# The large rows are always the same, so that what the engine keeps of them does not grow.
LARGE = "toy " * 500
MERGED = "resolution=merge-duplicates,"
LINES_OF_TOYS = '{"id":{n},"name":"a toy","stock":1}\n' + "".join(
    '{"id":%d,"name":"%s","stock":2}\n' % (number, LARGE) for number in range(901, 905))
TOYS_OF_CSV = "id,name,stock\n{n},a toy,1\n" + "".join(
    f"{number},{LARGE},2\n" for number in range(901, 905))

ROUTES = {
    # Lists
    "list": Route("/book?select=p{n}:title"),
    "list, known": Route("/book?order=id"),
    "list, new connection": Route("/genre?order=id", reconnect=True),
    "list, all columns": Route("/measure?order=id&id=lt.{n}"),
    "list, filters": Route("/book?select=p{n}:title&pages=gt.100&title=like.*Harbour*&id=in.(1,2,3)"
                           "&or=(in_print.is.true,and(price.lt.10,pages.not.eq.1))"),
    "list, order and page": Route("/book?select=p{n}:id&order=published.desc.nullslast,title&limit=2"
                                  "&offset=1"),
    "list, range": Route("/book?select=p{n}:id&order=id", headers={"Range": "1-2"}),
    "list, count": Route("/book?select=p{n}:id&order=id&limit=2", 206,
                         headers={"Prefer": "count=exact"}),
    "list, casts and json": Route("/book?select=p{n}:id::text,info->tags,info->>isbn&order=id"),
    "embed to one": Route("/book?select=p{n}:title,publisher(name)&order=id"),
    "embed to many": Route("/publisher?select=p{n}:name,book(title,pages)&book.order=id&order=id"),
    "embed many to many": Route("/book?select=p{n}:title,genre(name)&order=id"),
    "embed, inner and filtered": Route("/publisher?select=p{n}:name,book!inner(title)"
                                       "&book.pages=gt.200&order=id"),
    "embed, nested": Route("/author?select=p{n}:name,book!book_writer(title,publisher(name),"
                           "genre(name))&order=id"),
    "embed, spread": Route("/book?select=p{n}:title,...publisher(press:name)&order=id"),
    "embed, spread to many": Route("/publisher?select=p{n}:name,...book(titles:title)&order=id"),
    "view": Route("/short_book?select=p{n}:title&order=id"),
    "object": Route("/book?select=p{n}:title&id=eq.1", headers={"Accept": SINGULAR}),
    "head": Route("/book?select=p{n}:title&order=id", method="HEAD"),
    "options": Route("/book?p={n}", method="OPTIONS"),
    "stream": Route("/line?select=p{n}:id,text&order=id"),
    "schema profile": Route("/book?select=p{n}:title", headers={"Accept-Profile": "public"}),
    "list, csv": Route("/book?select=p{n}:title,pages&order=id", headers={"Accept": "text/csv"}),
    "list, lines": Route("/book?select=p{n}:title&order=id",
                         headers={"Accept": "application/x-ndjson"}),
    "list, aggregates": Route("/book?select=publisher_id,p{n}:pages.sum(),count()"
                              "&order=publisher_id"),
    "query in a body": Route("/-/query/book", method="POST", type=FORM,
                             body="select=p{n}:title&order=id"),
    # Items and what is related to them
    "item": Route("/book/1?select=p{n}:title,pages"),
    "item, two keys": Route("/shelf/A,1?select=p{n}:label"),
    "item, missing": Route("/book/{n}", 404),
    "related": Route("/publisher/1/book?select=p{n}:title&order=id"),
    # Errors
    "no relation": Route("/boook?select=p{n}:id", 404),
    "no column": Route("/book?select=p{n}:titel", 400),
    "no relationship": Route("/book?select=p{n}:id,toy(id)", 400),
    "no such syntax": Route("/book?select=p{n}:id&id=qq.1", 400),
    "not a number": Route("/book?select=p{n}:id&id=eq.x", 400),
    "no media type": Route("/book?select=p{n}:id", 406, headers={"Accept": "image/png"}),
    "no one row": Route("/book?select=p{n}:id", 406, headers={"Accept": SINGULAR}),
    "behind the end": Route("/book?select=p{n}:id&offset=100", 416,
                            headers={"Prefer": "count=exact"}),
    "no path": Route("/a/b/c/d/{n}", 404),
    # Writes
    "post": write("POST", "/toy", 201, TOY, PLAIN, **IS_TOY),
    "post, representation": write("POST", "/toy?select=p{n}:name,id,maker(name)", 201, TOY, FULL,
                                  **IS_TOY),
    "post, headers only": write("POST", "/toy", 201, TOY, "return=headers-only", **IS_TOY),
    "post, several": write("POST", "/toy?columns=id,name", 201, '[{"id":{n},"name":"a toy"},'
                           '{"id":1{n},"name":"another"}]', FULL, **IS_TOY),
    "post, new connection": write("POST", "/toy", 201, TOY, PLAIN, reconnect=True, **IS_TOY),
    "post, csv": write("POST", "/toy?select=p{n}:id", 201, "id,name\n{n},a toy\n", FULL, type=CSV,
                       **IS_TOY),
    "post, form": write("POST", "/toy?select=p{n}:id", 201, "id={n}&name=a+toy", FULL, type=FORM,
                        **IS_TOY),
    "post, view": write("POST", "/cheap_toy", 201, '{"id":{n},"name":"a toy","price":1}', PLAIN,
                        **IS_TOY),
    "upsert, merge": write("POST", "/toy?select=p{n}:stock", 200, TOY.replace("1}", "9}"),
                           FULL + ",resolution=merge-duplicates", **NEW_STOCK),
    "upsert, ignore": write("POST", "/toy?select=p{n}:id", 201, TOY, FULL +
                            ",resolution=ignore-duplicates", **IS_TOY),
    "upsert, on conflict": write("POST", "/badge?on_conflict=code&select=p{n}:label", 201,
                                 '{"id":{n},"code":"c{n}","label":"new"}',
                                 FULL + ",resolution=merge-duplicates",
                                 check="/badge?select=label&id=eq.{n}", done='[{"label":"new"}]'),
    "patch": write("PATCH", "/toy?id=eq.{n}", 204, '{"stock":9}', PLAIN, **NEW_STOCK),
    "patch, representation": write("PATCH", "/toy?id=eq.{n}&select=p{n}:stock,maker(name)", 200,
                                   '{"stock":9}', FULL + ",count=exact", **NEW_STOCK),
    "patch, most": write("PATCH", "/toy?id=eq.{n}&name=neq.p{n}", 204, '{"stock":9}',
                         "handling=strict,max-affected=1", **NEW_STOCK),
    "put": write("PUT", "/toy?id=eq.{n}&select=p{n}:id", 201, TOY, FULL, **IS_TOY),
    "delete": write("DELETE", "/toy?id=eq.{n}", 204, None, PLAIN, **NO_TOY),
    "delete, representation": write("DELETE", "/toy?id=eq.{n}&select=p{n}:name", 200, None, FULL,
                                    **NO_TOY),
    "patch item": write("PATCH", "/toy/{n}?select=p{n}:stock", 200, '{"stock":9}', FULL,
                        **NEW_STOCK),
    "put item": write("PUT", "/toy/{n}?select=p{n}:id", 201, TOY[1:-1], FULL, **IS_TOY),
    "delete item": write("DELETE", "/toy/{n}", 204, None, PLAIN, **NO_TOY),
    "unique": write("POST", "/toy?select=p{n}:id", 409, TOY, FULL, before=TOY,
                    check="/toy?select=id,name,stock&id=eq.{n}", done=TOY),
    "foreign key": write("POST", "/toy?select=p{n}:id", 409,
                         '{"id":{n},"name":"a","maker_id":99}', FULL,
                         check="/toy?select=id&id=eq.{n}", done="[]"),
    "check": write("POST", "/toy?select=p{n}:id", 400, '{"id":{n},"name":"a","price":-1}', FULL,
                   check="/toy?select=id&id=eq.{n}", done="[]"),
    "no json": write("POST", "/toy?select=p{n}:id", 400, '[{"id":{n},"name":"a}]', FULL,
                     check="/toy?select=id&id=eq.{n}", done="[]"),
    "no such key": write("POST", "/toy?select=p{n}:id", 400, '[{"id":{n},"nume":"a"}]', FULL,
                         check="/toy?select=id&id=eq.{n}", done="[]"),
    # Conditions
    "item, not changed": Route("/toy/{n}", 304, headers={"If-None-Match": "{v}"}, before=TOY,
                               fetch=ETAG),
    "item, as expected": Route("/toy/{n}?select=p{n}:id", 412, headers={"If-Match": '"0123456789abcdef"'},
                               before=TOY),
    "patch item, as expected": write("PATCH", "/toy/{n}?select=id,name,stock", 200, '{"stock":9}',
                                     FULL, {"If-Match": "*"}, **NEW_STOCK),
    "patch item, etag": write("PATCH", "/toy/{n}", 204, '{"stock":9}', PLAIN, {"If-Match": "{v}"},
                              fetch=ETAG, **NEW_STOCK),
    "patch item, other etag": write("PATCH", "/toy/{n}?select=p{n}:id", 412, '{"stock":9}', FULL,
                                    {"If-Match": '"0123456789abcdef"'}, before=TOY,
                                    check="/toy?select=stock&id=eq.{n}", done='[{"stock":1}]'),
    "delete item, etag": write("DELETE", "/toy/{n}", 204, None, PLAIN, {"If-Match": "{v}"},
                               fetch=ETAG, **NO_TOY),
    # Transactions
    "begin": Route("/-/transactions", 201, "POST", loose=True),
    "commit": write("POST", IN_SESSION + "{v}/commit", 200, before=TOY, inside=True, fetch=BEGIN,
                    check=IS_TOY["check"], done=TOY),
    "rollback": write("POST", IN_SESSION + "{v}/rollback", 200, before=TOY, inside=True,
                      fetch=BEGIN, check=IS_TOY["check"], done="[]"),
    "transaction, read": Route("/book?select=p{n}:title&order=id", headers=IN, fetch=BEGIN),
    "transaction, item": Route("/toy/{n}?select=p{n}:name", headers=IN, before=TOY, inside=True,
                               fetch=BEGIN),
    "transaction, write": write("POST", "/toy?select=p{n}:id", 201, TOY, FULL, IN, fetch=BEGIN,
                                check=IS_TOY["check"], done="[]"),
    "transaction, conflict": write("POST", "/toy?select=p{n}:id", 409, TOY, FULL, IN, before=TOY,
                                   inside=True, fetch=BEGIN, check=IS_TOY["check"], done="[]"),
    "transaction, none": Route("/book?select=p{n}:title", 410, headers={"Transaction": "0" * 32}),
    # Batches
    "batch, chain": batch(operation("POST", "/toy?select=p{n}:id", TOY, headers=FULLY),
                          operation("POST", "/badge", '{"id":{n},"code":"c{n}","label":"x"}'),
                          operation("PATCH", "/toy?id=eq.{n}", '{"stock":2}'),
                          check="/toy?select=id,name,stock&id=eq.{n}",
                          done=TOY.replace("1}", "2}")),
    "batch, session": batch(operation("POST", "/toy?select=id", TOY, headers=FULLY, id='"t"'),
                            operation("PATCH", "/toy/${t.id}", '{"stock":3}'),
                            operation("GET", "/toy?select=p{n}:stock&id=eq.${t.id}"),
                            check="/toy?select=id,name,stock&id=eq.{n}",
                            done=TOY.replace("1}", "3}")),
    "batch, refused": batch(operation("POST", "/toy", TOY),
                            operation("POST", "/toy", '{"id":1{n},"name":"a","price":-1}'),
                            status=400, check=IS_TOY["check"], done="[]"),
    "batch, each alone": write("POST", "/-/batch", 200, '{"continue_on_error":true,"operations":['
                               + operation("POST", "/toy", TOY) + ","
                               + operation("POST", "/toy", '{"id":1{n},"name":"a","price":-1}')
                               + "]}", partial=True, **IS_TOY),
    "batch, no such operation": batch(operation("PATCH", "/toy/${x.id}", '{"stock":3}'),
                                      status=400, check=IS_TOY["check"], done="[]"),
    # What is done once
    "once": write("POST", "/toy?select=id,name", 201, TOY, FULL, {"Idempotency-Key": "k{n}"},
                  **IS_TOY),
    "once, told again": write("POST", "/toy?select=id,name", 201, TOY, FULL,
                              {"Idempotency-Key": "k{n}"}, twice=True, **IS_TOY),
    "once, batch": batch(operation("POST", "/toy", TOY), headers={"Idempotency-Key": "b{n}"},
                         **IS_TOY),
    "once, in conflict": write("POST", "/toy", 400, '{"id":{n},"name":"a","price":-1}', PLAIN,
                               {"Idempotency-Key": "k{n}"}, check=IS_TOY["check"], done="[]"),
    # Large bodies
    "bulk, lines": write("POST", "/toy?select=p{n}:id", 201, LINES_OF_TOYS, MERGED + FULL,
                         type="application/x-ndjson", **IS_TOY),
    "bulk, csv": write("POST", "/toy", 201, TOYS_OF_CSV, MERGED + PLAIN, type=CSV, **IS_TOY),
    "bulk, refused": write("POST", "/toy", 400, LINES_OF_TOYS + '{"id":60{n},"name":"a"', PLAIN,
                           type="application/x-ndjson", check=IS_TOY["check"], done="[]"),
    # Documents and administration
    "root": Route("/?p={n}"),
    "root, page": Route("/?p={n}", headers={"Accept": "text/html"}),
    "models": Route("/-/models"),
    "models, abstract ones too": Route("/-/models?include_empty=true"),
    "model": Route("/-/models/book"),
    "schema": Route("/-/schema"),
    "schema, openapi": Route("/-/schema?format=openapi"),
    "schema, typescript": Route("/-/schema?format=typescript"),
    "schema, sql": Route("/-/schema?format=sql&p={n}"),
    "schema, unknown format": Route("/-/schema?format=x{n}", 400),
    "live": Route("/-/live"),
    "ready": Route("/-/ready"),
    "metrics": Route("/-/metrics", admin=True, loose=True),
    "pool": Route("/-/pool", admin=True, loose=True),
    "admin models": Route("/-/models", admin=True, loose=True),
    "change the pool": Route("/-/pool", method="PATCH", admin=True, loose=True,
                             body='{"pool_size":2,"max_overflow":0}'),
    "change the log": Route("/-/log", method="PATCH", admin=True, body='{"echo":false}'),
    "reload": Route("/-/reload", method="POST", admin=True, loose=True),
}
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


@pytest.fixture(scope="module")
def memory(tmp_path_factory):
    return Memory(tmp_path_factory.mktemp("memory"))


@pytest.fixture(scope="module")
def daemon(engine, tmp_path_factory, memory):
    """One for all routes, with small caches, so that what they keep is soon the same."""
    from harness import Modeld
    folder = tmp_path_factory.mktemp("oom")
    db = engine.database(folder, LIBRARY + SHOP + LINES, "oom.db")
    db.run(SHOP_ROWS)
    server = Modeld(db.url, folder=folder, env=memory.env(), settings={
        "threads": 1, "body": str(BODY), "bulk-folder": str(folder), "plan-cache": 16, "statement-cache": 4, "stream-threshold": "16KiB",
        "stream-piece": "4KiB", "transactions": 1000,
        "transaction-idle": f"{IDLE_S * 1000:.0f}ms", "log-level": "error", "max-overflow": 0,
        # Readers of SQLite are started when they are needed, and keep what they have.
        "pool-size": 1 if engine.name == "sqlite" else 2,
        "db-aggregates-enabled": "true"})
    server.expect_error(".")
    yield server
    server.stop()


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


def judge_parts(answer, expected, before, after, done):
    """The same for a list of answers. The first is about what there is."""
    parts, wanted = json.loads(answer[2].replace(b"{n}", b"0")), json.loads(
        expected[2].replace(b"{n}", b"0"))
    if len(parts) != len(wanted) or any(
            part != want and part["status"] < 500 for part, want in zip(parts, wanted)):
        return f"a wrong answer: {answer}, expected {expected}"
    if after != (done if parts[0]["status"] < 300 else before):
        return f"it says {parts[0]['status']}, and there is {after}"
    return None


def judge(answer, expected, before, after, done):
    """What is wrong with an answer, and with what there is after it; None: nothing."""
    if is_right(answer, expected):
        return None if after == done else f"it says {answer[0]}, and there is {after}"
    if answer and answer[0] < 500:
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


@pytest.mark.parametrize("name", list(ROUTES))
def test_memory_that_runs_out_does_no_harm(daemon, memory, name):
    """The first sweep fills what is kept for ever; after the second nothing more may be in use."""
    client, outcomes = Client(daemon, ROUTES[name]), collections.Counter()
    steady(client, memory)
    n = next(NUMBERS)
    client.prepare(n)
    asked, expected = memory[memory.ASKED], client.ask(n)
    count = memory[memory.ASKED] - asked
    assert expected[0] == client.route.status, expected
    client.finish()
    step = 1 if EVERY else max(1, count // (40 if count < 1000 else 20))
    sweep(client, memory, step * (1 if EVERY else 4), FOR_GOOD, expected, outcomes)
    sweep(client, memory, step, 1, expected, outcomes)
    blocks = steady(client, memory)
    sweep(client, memory, step, 1, expected, outcomes)
    lost = steady(client, memory) - blocks
    client.close()
    expect_idle(daemon)
    print(f"{name}: {count} allocations, {dict(outcomes)}, {lost} more blocks")
    assert sanitized() or lost < KEPT, f"{lost} more blocks are in use"
    assert daemon.alive()
