"""Bodies too large to be kept in memory: NDJSON and CSV, read in parts, all of it or nothing."""
import http.client
import json
import os
import time

import pytest

from harness import PATIENCE, Modeld, read_all, status_of, wait_until

NDJSON = "application/x-ndjson"
MIB = 1024 * 1024
SQL = """CREATE TABLE item (id INTEGER PRIMARY KEY, name TEXT DEFAULT 'unnamed', price NUMERIC
             CONSTRAINT fair CHECK (price >= 0), facts JSON, up BOOLEAN);
         CREATE TABLE part (id INTEGER PRIMARY KEY, item_id INTEGER REFERENCES item (id)
             DEFERRABLE INITIALLY DEFERRED);"""


@pytest.fixture(scope="module")
def daemon(engine, tmp_path_factory):
    """Every body beyond 4 KiB is a large one."""
    folder = tmp_path_factory.mktemp("bulk")
    db = engine.database(folder, SQL)
    server = Modeld(db.url, folder=folder,
                    settings={"threads": 1, "body": "4KiB", "bulk-body": "64MiB",
                              "bulk-folder": str(folder), "db-tx-end": "commit-allow-override"})
    server.db = db
    yield server
    server.stop()
    db.drop()


@pytest.fixture
def bulk(daemon):
    daemon.db.run("DELETE FROM part; DELETE FROM item;")
    return daemon


def ndjson(rows):
    return "".join(json.dumps(row) + "\n" for row in rows)


def items(count, start=1):
    return [{"id": n, "name": f"name of {n} " + "é" * 40, "price": n / 4,
             "facts": {"n": [n, None]}, "up": n % 2 == 0} for n in range(start, start + count)]


def send(server, target, body, kind=NDJSON, **headers):
    body = body if isinstance(body, str) else ndjson(body)
    assert len(body.encode()) > 4096
    return server.post(target, body, Content_Type=kind, **headers)


def test_all_rows_of_a_large_body_are_written(bulk):
    rows = items(5000)
    response = send(bulk, "/item", rows)
    assert (response.status, response.body) == (201, b"")
    assert bulk.rows("/item?order=id") == rows


def test_csv_can_be_large_too(bulk):
    lines = ["id,name,price"] + [f'{n},"a ""b"",\nc {n}",{n}.5' for n in range(1, 20001)]
    assert send(bulk, "/item", "\n".join(lines), "text/csv").status == 201
    assert bulk.rows("/item?select=id,name,price&id=in.(1,9999,20000)&order=id") == [
        {"id": n, "name": f'a "b",\nc {n}', "price": n + 0.5} for n in (1, 9999, 20000)]
    assert bulk.get("/item?limit=1", Prefer="count=exact").header("Content-Range") == "0-0/20000"


def test_what_the_rows_became_can_be_had(bulk):
    rows = items(3000)
    response = send(bulk, "/item?select=id,price", rows, Prefer="return=representation,count=exact")
    assert response.status == 201
    assert response.json == [{"id": row["id"], "price": row["price"]} for row in rows]
    assert response.header("Content-Range") == "*/3000"
    lines = send(bulk, "/item?select=id", items(3000, 5001), Accept=NDJSON,
                 Prefer="return=representation")
    assert [json.loads(line)["id"] for line in lines.body.splitlines()] == list(range(5001, 8001))
    table = send(bulk, "/item?select=id", items(3000, 10001), Accept="text/csv",
                 Prefer="return=representation")
    assert table.text.split("\n") == ["id"] + [str(n) for n in range(10001, 13001)]


def test_embeds_of_the_rows_can_be_had(bulk):
    bulk.post("/item", [{"id": 1, "name": "one"}])
    rows = [{"id": n, "item_id": 1} for n in range(1, 20001)]
    response = send(bulk, "/part?select=id,item(name)&order=id", rows,
                    Prefer="return=representation")
    assert response.status == 201
    assert response.json == [{"id": n, "item": {"name": "one"}} for n in range(1, 20001)]


def test_headers_only_and_minimal_send_nothing(bulk):
    response = send(bulk, "/item", items(3000), Prefer="return=headers-only")
    assert (response.status, response.body) == (201, b"")
    assert response.header("Location") is None
    one = send(bulk, "/item", "\n" * 5000 + ndjson([{"id": 9001}]), Prefer="return=headers-only")
    assert one.header("Location") == "/item?id=eq.9001"


def test_one_row_larger_than_a_part_is_a_part(serve, database):
    server = serve(database(SQL), body="1MiB")
    rows = [{"id": n, "name": str(n) * 900000} for n in range(1, 4)]
    assert send(server, "/item", rows).status == 201
    assert server.rows("/item?select=id,name&order=id") == rows
    response = send(server, "/item", [{"id": 8, "name": "a"}, {"id": 9, "name": "b" * 2 * MIB}])
    assert (response.status, response.json["code"]) == (413, "MD413")
    assert "line 2" in response.json["message"]
    assert server.rows("/item?id=gt.3") == []


@pytest.mark.parametrize("at", [3, 2000, 4999])
@pytest.mark.parametrize("line, status, code, words", [
    ('{"id":', 400, "PGRST102", "Line {0} is not a JSON object."),
    ('{"id":1}', 400, "PGRST102", "The keys of line {0} are not those of the first."),
])
def test_a_mistake_anywhere_undoes_everything(bulk, at, line, status, code, words):
    lines = ndjson(items(5000)).splitlines()
    lines[at - 1] = line
    response = send(bulk, "/item", "\n".join(lines))
    assert (response.status, response.json["code"]) == (status, code), response
    assert response.json["details"] == words.format(at)
    assert bulk.rows("/item") == []


def test_a_refused_row_undoes_everything_and_tells_about_where(bulk):
    rows = items(5000)
    rows[4321]["price"] = -1
    response = send(bulk, "/item", rows)
    assert (response.status, response.json["code"]) == (400, "23514")
    first, last = [int(word) for word in response.json["hint"].rstrip(".").split()[-3::2]]
    assert first <= 4322 <= last and last - first < 4000
    assert bulk.rows("/item") == []


def test_a_key_twice_undoes_everything(bulk):
    response = send(bulk, "/item", items(3000) + items(1))
    assert (response.status, response.json["code"]) == (409, "23505")
    assert bulk.rows("/item") == []


def test_a_foreign_key_that_is_checked_at_the_end_undoes_everything(bulk):
    bulk.post("/item", [{"id": 1, "name": "one"}])
    rows = [{"id": n, "item_id": 1} for n in range(1, 30001)]
    rows[7]["item_id"] = 99
    response = send(bulk, "/part", rows)
    assert (response.status, response.json["code"]) == (409, "23503"), response
    assert bulk.rows("/part") == []


def test_rows_may_come_in_any_order_of_their_keys(bulk):
    rows = [{"name": "x" * 50, "id": n} if n % 2 else {"id": n, "name": "y" * 50}
            for n in range(1, 8001)]
    assert send(bulk, "/item", rows).status == 201
    assert bulk.column("/item?id=in.(7999,8000)&order=id", "name") == ["x" * 50, "y" * 50]


def test_missing_keys_can_mean_the_default_and_turn_up_late(bulk):
    rows = [{"id": n, "name": "n" * 60, "price": 1} for n in range(1, 6001)]
    rows += [{"id": 6001, "price": 2}, {"id": 6002}, {"id": 6003, "name": None}]
    response = send(bulk, "/item?columns=id,name,price", rows, Prefer="missing=default")
    assert response.status == 201, response
    assert bulk.rows("/item?id=gt.6000&select=id,name,price&order=id") == [
        {"id": 6001, "name": "unnamed", "price": 2}, {"id": 6002, "name": "unnamed", "price": None},
        {"id": 6003, "name": None, "price": None}]


@pytest.mark.parametrize("resolution, name", [("merge", "new"), ("ignore", "old")])
def test_large_bodies_can_be_merged_or_ignored(bulk, resolution, name):
    bulk.post("/item", [{"id": 2500, "name": "old"}])
    rows = [{"id": n, "name": "new"} for n in range(1, 5001)]
    response = send(bulk, "/item", rows, Prefer=f"resolution={resolution}-duplicates")
    assert response.status == 201
    assert bulk.column("/item?id=in.(2499,2500)&order=id", "name") == ["new", name]
    again = send(bulk, "/item", rows, Prefer="resolution=merge-duplicates")
    assert again.status == 200


def test_a_rehearsal_keeps_nothing(bulk):
    response = send(bulk, "/item", items(3000), Prefer="tx=rollback,return=representation")
    assert response.status == 201 and len(response.json) == 3000
    assert bulk.rows("/item") == []


def test_a_large_body_can_be_part_of_a_transaction(bulk):
    number = bulk.post("/-/transactions").json["id"]
    assert send(bulk, "/item", items(5000), Transaction=number).status == 201
    refused = send(bulk, "/item", items(5000, 4000), Transaction=number)
    assert (refused.status, refused.json["code"]) == (409, "23505")
    assert len(bulk.rows("/item?select=id", Transaction=number)) == 5000
    assert bulk.post(f"/-/transactions/{number}/rollback").status == 200
    assert bulk.rows("/item") == []


def test_a_singular_type_is_a_promise(bulk):
    response = send(bulk, "/item", items(3000), Accept="application/vnd.pgrst.object+json")
    assert (response.status, response.json["code"]) == (406, "PGRST116")
    assert bulk.rows("/item") == []


@pytest.mark.parametrize("target, headers, status, code", [
    ("/nothing", {}, 404, "PGRST205"),
    ("/item", {"Accept": "image/png"}, 406, "PGRST107"),
    ("/item", {"Authorization": "Bearer x"}, 500, "PGRST300"),
    ("/item", {"Content-Type": "application/json"}, 413, "MD413"),
    ("/item", {"Content-Type": "image/png"}, 413, "MD413"),
    ("/item", {"Content-Length": str(65 * MIB)}, 413, "MD413"),
])
def test_what_is_not_wanted_is_refused_before_it_is_sent(bulk, target, headers, status, code):
    head = {"Host": "localhost", "Content-Type": NDJSON, "Content-Length": "1000000", **headers}
    with bulk.connect() as sock:
        sock.sendall((f"POST {target} HTTP/1.1\r\n" + "".join(
            f"{name}: {value}\r\n" for name, value in head.items()) + "\r\n").encode())
        data = read_all(sock)
    assert status_of(data) == status, data
    assert code.encode() in data and b"Connection: close" in data


def test_a_column_that_is_not_there_is_told(bulk):
    response = send(bulk, "/item", [{"id": n, "nothing": "x" * 50} for n in range(3000)])
    assert (response.status, response.json["code"]) == (400, "PGRST204")


def test_a_body_that_breaks_off_writes_nothing(bulk):
    with bulk.connect() as sock:
        sock.sendall(b"POST /item HTTP/1.1\r\nHost: localhost\r\nContent-Type: " + NDJSON.encode()
                     + b"\r\nContent-Length: 1000000\r\n\r\n" + ndjson(items(300)).encode())
    assert bulk.post("/item", {"id": 7}).status == 201
    assert bulk.column("/item") == [7]


def test_only_so_many_large_bodies_come_at_a_time(serve, database):
    server = serve(database(SQL), body="4KiB", bulk_requests=2, body_deadline="2s")
    head = ("POST /item HTTP/1.1\r\nHost: localhost\r\nContent-Type: " + NDJSON
            + "\r\nContent-Length: 10000\r\n\r\n").encode()
    first, second = server.connect(), server.connect()
    for sock in (first, second):
        sock.sendall(head + b"{")
    time.sleep(0.5)
    with server.connect() as sock:
        sock.sendall(head)
        assert status_of(read_all(sock)) == 503
    assert server.post("/item", {"id": 1}).status == 201
    first.close()
    second.close()
    wait_until(lambda: send(server, "/item", items(100, 10)).status == 201, "room for another")


def test_nothing_is_left_in_the_folder(bulk, tmp_path):
    send(bulk, "/item", items(1000))
    names = set(os.listdir(bulk.folder))
    assert not [name for name in names if name.startswith("modeld-")], names


def test_a_folder_that_cannot_be_used_is_told_before_the_body(serve, database):
    server = serve(database(SQL), body="4KiB", bulk_folder="/nowhere/at/all")
    server.expect_error("58030")
    with server.connect() as sock:
        sock.sendall(("POST /item HTTP/1.1\r\nHost: localhost\r\nContent-Type: " + NDJSON
                      + "\r\nContent-Length: 10000\r\n\r\n").encode())
        data = read_all(sock)
    assert status_of(data) == 503 and b"58030" in data
    assert server.post("/item", {"id": 1}).status == 201


def test_other_writes_go_on_while_a_large_body_arrives(bulk):
    body = ndjson(items(3000)).encode()
    with bulk.connect() as sock:
        sock.sendall(b"POST /item HTTP/1.1\r\nHost: localhost\r\nContent-Type: " + NDJSON.encode()
                     + f"\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body[:300000])
        for number in range(20):
            assert bulk.post("/item", {"id": 100000 + number}).status == 201
        sock.sendall(body[300000:])
        assert status_of(sock.recv(1000)) == 201
    assert len(bulk.column("/item")) == 3020


def stream(server, target, pieces, length, **headers):
    connection = http.client.HTTPConnection(server.host, server.port, timeout=3 * PATIENCE)
    connection.request("POST", target, body=pieces, headers={
        "Content-Type": NDJSON, "Content-Length": str(length), **headers})
    response = connection.getresponse()
    body = response.read()
    connection.close()
    return response.status, body


def test_a_million_rows_take_no_memory(serve, database):
    server = serve(database("CREATE TABLE line (id INTEGER PRIMARY KEY, text TEXT)"), threads=1)
    count, line = 1000000, '{"id":%07d,"text":"%030d"}\n'
    assert server.post("/line", {"id": 5000000}).status == 201
    before = server.memory("VmHWM")
    pieces = ("".join(line % (n + count, n) for n in range(start, start + 1000)).encode()
              for start in range(0, count, 1000))
    status, body = stream(server, "/line", pieces, count * len(line % (0, 0)))
    assert (status, body) == (201, b"")
    got = server.get("/line?limit=1&order=id", Prefer="count=exact")
    assert got.header("Content-Range") == f"0-0/{count + 1}"
    assert got.json == [{"id": 1000000, "text": "0" * 30}]
    if not server.sanitized():
        assert server.memory("VmHWM") - before < 24 * MIB
