"""ETag of items, and requests that depend on it: If-None-Match, If-Match, 304 and 412; above all, that
no update is lost."""
import http.client
import json
import re
import threading

import pytest

from harness import PATIENCE, exchange

FULL = "return=representation"
OTHER = '"0123456789abcdef"'


def etag_of(server, target, **headers):
    response = server.get(target, **headers)
    assert response.status == 200, response
    etag = response.header("ETag")
    assert re.fullmatch(r'"[0-9a-f]{16}"', etag), etag
    return etag


def refused(response, status=412, code="MD412"):
    assert (response.status, response.json["code"]) == (status, code), response
    return response.json


# --- reading --------------------------------------------------------------------------------------

def test_an_item_has_an_etag_and_a_list_has_none(library):
    etag = etag_of(library, "/book/1")
    assert library.head("/book/1").header("ETag") == etag
    assert etag_of(library, "/book/1") == etag
    for target in ("/book", "/book?id=eq.1", "/publisher/1/book", "/book/99", "/"):
        assert library.get(target).header("ETag") is None


def test_every_row_and_representation_has_its_own(library):
    targets = ["/book/1", "/book/2", "/book/1?select=id", "/book/1?select=id,title", "/shelf/A,1",
               "/book/1?select=id,publisher(name)", "/publisher/1?depth=1", "/publisher/1?depth=0"]
    assert len({etag_of(library, target) for target in targets}) == len(targets)
    stripped = "application/vnd.pgrst.object+json;nulls=stripped"
    assert etag_of(library, "/book/4") != etag_of(library, "/book/4", Accept=stripped)


def test_an_etag_outlives_the_daemon(serve, database):
    db = database()
    first, second = serve(db), serve(db)
    assert etag_of(first, "/book/1") == etag_of(second, "/book/1")


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("form", ["{}", "W/{}", '"x", {}', '"x" ,W/"y",,\t{} , "z"', "*", "  {}  "])
def test_what_the_client_has_is_not_sent_again(library, method, form):
    etag = etag_of(library, "/book/1")
    response = library.request(method, "/book/1", {"If-None-Match": form.format(etag)})
    assert (response.status, response.body) == (304, b"")
    assert response.header("ETag") == etag
    assert response.header("Content-Type") is None
    assert response.header("Vary") == "Accept, Prefer, Range"


@pytest.mark.parametrize("value", [OTHER, 'W/"0123456789abcdef"', '"", "x"', '"a,b"'])
def test_what_has_changed_is_sent(library, value):
    response = library.get("/book/1", If_None_Match=value)
    assert (response.status, response.json["id"]) == (200, 1)


def test_a_304_keeps_the_connection_in_step(library):
    etag = etag_of(library, "/book/1")
    for _ in range(3):
        assert library.get("/book/1", If_None_Match=etag).status == 304
        assert library.get("/genre?id=eq.1").json == [{"id": 1, "name": "novel"}]


def test_if_match_of_a_read(library):
    etag = etag_of(library, "/book/1")
    assert library.get("/book/1", If_Match=etag).status == 200
    assert library.get("/book/1", If_Match="*").status == 200
    refused(library.get("/book/1", If_Match=OTHER))
    refused(library.get("/book/1", If_Match="W/" + etag))
    assert library.get("/book/99", If_Match="*").status == 404


@pytest.mark.parametrize("value", ["", "x", '"x', 'x"', '"x" "y"', '"x"y', "w/\"x\"", "W/", '"a b"',
                                   '*, "x"', ",", "**"])
@pytest.mark.parametrize("name", ["If-Match", "If-None-Match"])
def test_what_is_no_list_of_etags_is_400(library, name, value):
    response = library.request("GET", "/book/1", {name: value})
    refused(response, 400, "MD400")


def test_a_header_given_twice_is_400(library):
    data = library.raw(b"GET /book/1 HTTP/1.1\r\nHost: localhost\r\nIf-Match: *\r\nIf-Match: *\r\n"
                       b"Connection: close\r\n\r\n")
    assert b"HTTP/1.1 400" in data


def test_lists_do_not_look_at_conditions_of_reads(library):
    assert library.get("/book?id=eq.1", If_None_Match="*").status == 200
    assert library.get("/book?id=eq.1", If_None_Match="nonsense").status == 200


# --- writing --------------------------------------------------------------------------------------

def write(server, method, target, headers, **more):
    """PATCH, PUT or DELETE of maker 1, or of the row that `more` says."""
    body = {"PATCH": {"country": "x"}, "PUT": {"id": 1, "name": "Z", "country": "x"},
            "DELETE": None}[method]
    return server.write(method, target, more.get("body", body), **headers)


@pytest.fixture
def yard(shop):
    """The shop, with nothing that would keep makers from being deleted."""
    shop.db.run("DELETE FROM toy_tag; DELETE FROM toy;")
    return shop


METHODS = pytest.mark.parametrize("method", ["PATCH", "PUT", "DELETE"])


@METHODS
@pytest.mark.parametrize("form", ["{}", '"x", {}', "*"])
def test_a_row_that_is_as_expected_is_written(yard, method, form):
    etag = etag_of(yard, "/maker/1")
    response = write(yard, method, "/maker/1", {"If_Match": form.format(etag)})
    assert response.status == 204
    if method == "DELETE":
        assert yard.get("/maker/1").status == 404
    else:
        assert yard.get("/maker/1").json["country"] == "x"
        assert etag_of(yard, "/maker/1") != etag


@METHODS
@pytest.mark.parametrize("headers", [{"If_Match": OTHER}, {"If_Match": 'W/{}'}, {"If_None_Match": "{}"},
                                     {"If_None_Match": "*"}, {"If_None_Match": "W/{}"},
                                     {"If_Match": "{}", "If_None_Match": "{}"}])
def test_a_row_that_is_not_as_expected_is_left_alone(yard, method, headers):
    etag, before = etag_of(yard, "/maker/1"), yard.rows("/maker?order=id")
    headers = {name: value.format(etag) for name, value in headers.items()}
    error = refused(write(yard, method, "/maker/1", headers))
    assert error["hint"]
    assert yard.rows("/maker?order=id") == before


@METHODS
def test_an_etag_of_the_past_is_refused(yard, method):
    etag = etag_of(yard, "/maker/1")
    assert yard.patch("/maker/1", {"country": "between"}).status == 204
    refused(write(yard, method, "/maker/1", {"If_Match": etag}))
    assert yard.get("/maker/1").json["country"] == "between"


@METHODS
def test_if_none_match_lets_through_what_differs(yard, method):
    assert write(yard, method, "/maker/1", {"If_None_Match": OTHER}).status == 204


def test_a_representation_brings_the_next_etag(yard):
    etag = etag_of(yard, "/maker/1")
    for country in ("a", "b", "c"):
        response = yard.patch("/maker/1", {"country": country}, If_Match=etag, Prefer=FULL)
        assert (response.status, response.json["country"]) == (200, country)
        assert response.header("ETag") != etag
        etag = response.header("ETag")
    assert etag_of(yard, "/maker/1") == etag


def test_the_etag_is_that_of_the_same_target(shop):
    """Embeds and selected columns belong to it, and so what they show may not have changed."""
    for number, target in enumerate(["/toy/1?select=id,name", "/toy/1?select=*,maker(name)",
                                     "/maker/1?depth=1"]):
        etag = etag_of(shop, target)
        refused(shop.patch(target.split("?")[0], {"name": f"new {number}"}, If_Match=etag))
        assert shop.patch(target, {"name": f"new {number}"}, If_Match=etag).status == 204
        refused(shop.patch(target, {"name": "newer"}, If_Match=etag))
    etag = etag_of(shop, "/toy/1?select=*,maker(name)")
    maker = shop.get("/toy/1").json["maker_id"]
    assert shop.patch(f"/maker/{maker}", {"name": "Renamed"}).status == 204
    refused(shop.patch("/toy/1?select=*,maker(name)", {"name": "x"}, If_Match=etag))


def test_a_composite_key(shop):
    shop.put("/seat/A,1", {"room": "A", "number": 1, "owner": "ann"})
    etag = etag_of(shop, "/seat/A,1")
    assert shop.patch("/seat/A,1", {"owner": "bo"}, If_Match=etag).status == 204
    refused(shop.patch("/seat/A,1", {"owner": "cy"}, If_Match=etag))
    refused(shop.delete("/seat/A,1", If_Match=etag))


def test_a_view_can_be_written_on_a_condition(shop):
    shop.post("/toy", {"id": 50, "name": "kite", "price": 1})
    etag = etag_of(shop, "/cheap_toy/50")
    assert shop.patch("/cheap_toy/50", {"price": 2}, If_Match=etag).status == 204
    refused(shop.patch("/cheap_toy/50", {"price": 3}, If_Match=etag))
    refused(shop.delete("/cheap_toy/50", If_Match=etag))
    assert shop.delete("/cheap_toy/50", If_Match=etag_of(shop, "/cheap_toy/50")).status == 204


@METHODS
@pytest.mark.parametrize("value", ["*", OTHER])
def test_what_is_not_there_matches_nothing(yard, method, value):
    body = {"id": 77, "name": "new"} if method == "PUT" else {"name": "new"}
    response = write(yard, method, "/maker/77", {"If_Match": value},
                     body=body if method != "DELETE" else None)
    refused(response, *((412, "MD412") if method == "PUT" else (404, "MD404")))
    assert yard.get("/maker/77").status == 404


@pytest.mark.parametrize("target", ["/maker/77", "/maker?id=eq.77"])
def test_put_creates_when_nothing_is_there(yard, target):
    response = yard.put(target, {"id": 77, "name": "new"}, If_None_Match="*", Prefer=FULL)
    assert response.status == 201
    refused(yard.put(target, {"id": 77, "name": "newer"}, If_None_Match="*", Prefer=FULL))
    assert yard.get("/maker/77").json["name"] == "new"


def test_an_item_can_be_filtered_too(yard):
    """Its filters have values of their own, besides the key."""
    target = "/maker/1?name=neq.nobody&id=in.(1,2,3)"
    etag = etag_of(yard, target)
    assert yard.patch(target, {"country": "x"}, If_Match=etag).status == 204
    refused(yard.patch(target, {"country": "y"}, If_Match=etag))


def test_put_by_its_filter_takes_the_etag_of_the_item(yard):
    etag = etag_of(yard, "/maker/1")
    body = {"id": 1, "name": "Z"}
    assert yard.put("/maker?id=eq.1", body, If_Match=etag).status == 204
    refused(yard.put("/maker?id=eq.1", body, If_Match=etag))


def test_a_violated_constraint_is_told_as_ever(yard):
    response = yard.put("/maker/77", {"id": 77, "name": yard.get("/maker/1").json["name"]},
                        If_None_Match="*")
    assert (response.status, response.json["code"]) == (409, "23505")
    response = yard.patch("/maker/1", {"name": None}, If_Match=etag_of(yard, "/maker/1"))
    assert (response.status, response.json["code"]) == (400, "23502")


@pytest.mark.parametrize("method, body", [("PATCH", {"country": "x"}), ("DELETE", None),
                                          ("POST", {"name": "new"})])
def test_a_condition_on_a_list_is_refused(yard, method, body):
    """It has no ETag; to ignore the condition would lose somebody's update."""
    before = yard.rows("/maker?order=id")
    refused(yard.write(method, "/maker?id=eq.1" if method != "POST" else "/maker", body,
                       If_Match=etag_of(yard, "/maker/1")))
    assert yard.rows("/maker?order=id") == before


def test_a_dry_run_looks_at_conditions_too(yard):
    etag = etag_of(yard, "/maker/1")
    for value, status in ((etag, 204), (OTHER, 412), (etag, 204)):
        assert yard.patch("/maker/1", {"country": "x"}, If_Match=value,
                          Prefer="tx=rollback").status == status


def test_a_malformed_condition_of_a_write_is_400(yard):
    refused(yard.patch("/maker/1", {"country": "x"}, If_Match="x"), 400, "MD400")


def test_depth_has_its_limits_here_too(yard):
    response = yard.patch("/maker/1?depth=99", {"country": "x"}, If_Match=OTHER)
    refused(response, 400, "MD400")


def test_a_declared_model_on_a_condition(serve, fresh, tmp_path):
    (tmp_path / "m.json").write_text("""{"version": 1, "models": {"person": {"fields": {
        "name": "string", "secret": {"type": "string", "hidden": true, "nullable": true},
        "at": {"type": "datetime", "nullable": true}}}}}""")
    server = serve(fresh, "--models", str(tmp_path / "m.json"))
    key = server.post("/person", {"name": "ann"}, Prefer=FULL).json[0]["id"]
    etag = etag_of(server, f"/person/{key}")
    assert server.patch(f"/person/{key}", {"name": "bo"}, If_Match=etag).status == 204
    refused(server.patch(f"/person/{key}", {"name": "cy"}, If_Match=etag))


# --- races ----------------------------------------------------------------------------------------

def at_once(server, count, request):
    """The statuses of request(connection number) by `count` clients that begin together."""
    gate, statuses = threading.Barrier(count), []

    def client(number):
        connection = http.client.HTTPConnection(server.host, server.port, timeout=PATIENCE)
        try:
            method, target, headers, body = request(number)
            exchange(connection, "GET", "/-/live")
            gate.wait(PATIENCE)
            response = exchange(connection, method, target, headers, body)
            statuses.append(response.status)
        finally:
            connection.close()
    threads = [threading.Thread(target=client, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(statuses) == count
    return sorted(statuses)


@pytest.fixture
def counter(serve, database):
    """A row that many want to change."""
    db = database("CREATE TABLE counter (id INTEGER PRIMARY KEY, n INTEGER NOT NULL); "
                  "INSERT INTO counter VALUES (1, 0);")
    server = serve(db, threads=2)
    server.db = db
    return server


JSON = {"Content-Type": "application/json"}


def test_of_fifty_changes_of_one_row_exactly_one_is_made(counter):
    for turn in range(1, 5):
        etag = etag_of(counter, "/counter/1")
        statuses = at_once(counter, 50, lambda number: (
            "PATCH", "/counter/1", {**JSON, "If-Match": etag}, b'{"n": %d}' % (turn * 100 + number)))
        assert statuses == [204] + [412] * 49
        assert counter.get("/counter/1").json["n"] // 100 == turn


def test_of_fifty_deletions_exactly_one_is_made(counter):
    etag = etag_of(counter, "/counter/1")
    statuses = at_once(counter, 50, lambda number: (
        "DELETE", "/counter/1", {"If-Match": etag}, None))
    assert statuses == [204] + [404] * 49


@pytest.mark.parametrize("target", ["/counter/9", "/counter?id=eq.9"])
def test_of_fifty_creations_exactly_one_is_made(counter, target):
    statuses = at_once(counter, 50, lambda number: (
        "PUT", target, {**JSON, "If-None-Match": "*", "Prefer": FULL},
        b'{"id": 9, "n": %d}' % number))
    assert statuses == [201] + [412] * 49


def test_who_tries_again_counts_everything(counter):
    """Optimistic counting by eight clients, ten each: no step is lost."""

    def client():
        connection = http.client.HTTPConnection(counter.host, counter.port, timeout=PATIENCE)
        done = 0
        while done < 10:
            row = exchange(connection, "GET", "/counter/1")
            response = exchange(connection, "PATCH", "/counter/1",
                                {**JSON, "If-Match": row.header("ETag")},
                                json.dumps({"n": row.json["n"] + 1}).encode())
            assert response.status in (204, 412), response
            done += response.status == 204
        connection.close()
    threads = [threading.Thread(target=client) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert counter.get("/counter/1").json["n"] == 80


def test_another_program_that_writes_is_seen(counter):
    etag = etag_of(counter, "/counter/1")
    counter.db.run("UPDATE counter SET n = 5;")
    refused(counter.patch("/counter/1", {"n": 6}, If_Match=etag))
    assert counter.get("/counter/1").json["n"] == 5
