"""Memory runs out while a request is served: on every kind of route, at every allocation. See oom.py
for what must be true then; p{n} names a column, so that plans are new."""
import pytest

from conftest import LIBRARY, SHOP, SHOP_ROWS
from faults import Memory
from oom import BEGIN, IDLE_S, IN_SESSION, JSON, Route, prove, write

LINES = """
    CREATE TABLE line (id INTEGER PRIMARY KEY, text TEXT);
    WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 400)
    INSERT INTO line SELECT i, printf('%0200d', i) FROM n;
"""
CSV, FORM = "text/csv", "application/x-www-form-urlencoded"
SINGULAR = "application/vnd.pgrst.object+json"
BODY = 4096  # what is longer is a bulk body


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
    "reload": Route("/-/reload", method="POST", admin=True, loose=True, threads=True),
}


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


@pytest.mark.parametrize("name", list(ROUTES))
def test_memory_that_runs_out_does_no_harm(daemon, memory, name):
    prove(daemon, memory, ROUTES[name], name)
