"""Prefer: every preference, handling=strict, and what is told in Preference-Applied."""
import pytest

from harness import Modeld

FULL = "return=representation"
SERVERS = pytest.mark.postgresql("time zones are the server's")


def test_an_unknown_preference_is_ignored(library):
    response = library.get("/genre", Prefer="coffee=black")
    assert (response.status, response.header("Preference-Applied")) == (200, None)


@pytest.mark.parametrize("value, details", [
    ("handling=strict, coffee=black", "coffee=black"),
    ("coffee=black, handling=strict, tea", "coffee=black, tea"),
    ("handling=strict, return=everything, count=roughly", "return=everything, count=roughly"),
    ("handling=strict, max-affected=many", "max-affected=many"),
    ("handling=strict, timezone=", "timezone="),
    ("handling=strict, tx=maybe, missing=none, resolution=guess",
     "tx=maybe, missing=none, resolution=guess"),
])
@pytest.mark.parametrize("target", ["/genre", "/genre/1", "/book/1/publisher"])
def test_unknown_preferences_are_refused_when_handling_is_strict(library, target, value, details):
    assert library.error(target, 400, "PGRST122", Prefer=value) == {
        "code": "PGRST122", "message": "Invalid preferences given with handling=strict",
        "details": f"Invalid preferences: {details}", "hint": None}


def test_preferences_of_several_headers_are_one_list(library):
    data = library.raw(b"GET /genre HTTP/1.1\r\nHost: localhost\r\nPrefer: handling=strict\r\n"
                       b"Prefer: something, else\r\nConnection: close\r\n\r\n")
    assert b"Invalid preferences: something, else" in data


@pytest.mark.parametrize("method, target, body", [
    ("POST", "/maker", {"name": "Z"}), ("PATCH", "/maker?id=eq.1", {"name": "Z"}),
    ("DELETE", "/maker?id=eq.1", None), ("PUT", "/maker/1", {"id": 1, "name": "Z"})])
def test_a_write_with_unknown_preferences_does_nothing_when_handling_is_strict(
        shop, method, target, body):
    before = shop.rows("/maker?order=id")
    response = shop.write(method, target, body, Prefer="handling=strict, x=y")
    assert (response.status, response.json["code"]) == (400, "PGRST122")
    assert shop.rows("/maker?order=id") == before


@pytest.mark.parametrize("value, applied", [
    ("count=exact, handling=lenient", "count=exact, handling=lenient"),
    ("handling=lenient,count=exact", "count=exact, handling=lenient"),
    ("handling=strict", "handling=strict"),
    ("count=exact, count=planned", "count=exact"),
    ("handling=lenient, handling=strict, x", "handling=lenient"),
    ("max-affected=1, handling=strict", "handling=strict"),
    ("resolution=merge-duplicates, missing=default, return=representation", None),
    ("timezone=UTC, handling=strict, count=exact", "count=exact, handling=strict, timezone=UTC"),
])
def test_a_read_names_what_it_followed(library, value, applied):
    response = library.get("/genre", Prefer=value)
    assert (response.status, response.header("Preference-Applied")) == (200, applied)


def test_a_write_names_what_it_followed_in_a_fixed_order(shop):
    response = shop.patch("/maker?id=eq.1", {"name": "Z"}, Prefer=(
        "max-affected=3, timezone=UTC, handling=strict, tx=rollback, count=exact, "
        "return=representation, missing=default, resolution=merge-duplicates"))
    assert response.header("Preference-Applied") == (
        "missing=default, return=representation, count=exact, tx=rollback, handling=strict, "
        "timezone=UTC, max-affected=3")
    response = shop.post("/maker", {"id": 9, "name": "Y"}, Prefer=(
        "max-affected=3, tx=commit, return=minimal, resolution=merge-duplicates, missing=null"))
    assert response.header("Preference-Applied") == (
        "resolution=merge-duplicates, missing=null, return=minimal, tx=commit")


def test_tx_is_not_followed_where_it_may_not_be_chosen(serve, database):
    server = serve(database("CREATE TABLE t (id INTEGER PRIMARY KEY)"))
    response = server.post("/t", {"id": 1}, Prefer="tx=rollback")
    assert (response.status, response.header("Preference-Applied")) == (201, None)
    assert server.column("/t") == [1]
    assert server.get("/t", Prefer="tx=rollback").header("Preference-Applied") is None


@pytest.mark.parametrize("end, tx", [("commit", "rollback"), ("rollback", "commit")])
def test_strict_handling_refuses_the_opposite_of_how_transactions_end(serve, database, end, tx):
    server = serve(database("CREATE TABLE t (id INTEGER PRIMARY KEY)"), db_tx_end=end)
    response = server.post("/t", {"id": 1}, Prefer=f"tx={tx}, handling=strict, x=y")
    assert (response.status, response.json["code"]) == (400, "PGRST122")
    assert response.json["details"] == f"Invalid preferences: x=y, tx={tx}"
    assert server.column("/t") == []
    response = server.post("/t", {"id": 1}, Prefer=f"tx={end}, handling=strict")
    assert (response.status, response.header("Preference-Applied")) == (201, "handling=strict")


@pytest.mark.parametrize("end, prefer, kept", [
    ("commit-allow-override", "tx=rollback", False), ("commit-allow-override", "tx=commit", True),
    ("rollback", "tx=commit", False), ("rollback-allow-override", "tx=commit", True),
    ("rollback-allow-override", "count=exact", False)])
def test_tx_and_db_tx_end(serve, database, end, prefer, kept):
    server = serve(database("CREATE TABLE t (id INTEGER PRIMARY KEY)"), db_tx_end=end)
    response = server.post("/t", {"id": 1}, Prefer=f"{prefer}, {FULL}")
    assert (response.status, response.json) == (201, [{"id": 1}])
    assert server.column("/t") == ([1] if kept else [])


@pytest.mark.parametrize("method, body", [("PATCH", {"country": "x"}), ("DELETE", None)])
def test_more_rows_than_max_affected_are_refused_and_kept(shop, method, body):
    shop.db.run("DELETE FROM toy_tag; DELETE FROM toy;")
    before = shop.rows("/maker?order=id")
    response = shop.write(method, "/maker", body, Prefer="handling=strict, max-affected=1")
    assert (response.status, response.json) == (400, {
        "code": "PGRST124", "hint": None, "details": "The query affects 2 rows",
        "message": "Query result exceeds max-affected preference constraint"})
    assert shop.rows("/maker?order=id") == before


def test_max_affected_means_nothing_without_strict(shop):
    response = shop.patch("/maker", {"country": "x"}, Prefer="handling=lenient, max-affected=1")
    assert (response.status, response.header("Preference-Applied")) == (204, "handling=lenient")


# --- time zones -----------------------------------------------------------------------------------

@pytest.fixture(scope="module")
def clock(engine, tmp_path_factory):
    """A daemon with a table of moments; the session's time zone is UTC."""
    folder = tmp_path_factory.mktemp("clock")
    db = engine.database(folder, """
        CREATE TABLE moment (id INTEGER PRIMARY KEY, t TIMESTAMPTZ);
        INSERT INTO moment VALUES (1, '2023-10-18T12:37:59.611+00:00');""", "clock.db")
    if engine.name == "postgresql":
        engine.admin.execute(f"ALTER DATABASE \"{db.name}\" SET timezone = 'UTC'")
    server = Modeld(db.url, folder=folder, settings={"threads": 1})
    yield server
    server.stop()
    db.drop()


@SERVERS
@pytest.mark.parametrize("target", ["/moment", "/moment/1", "/moment?select=*&limit=1"])
@pytest.mark.parametrize("zone, text", [
    ("America/Los_Angeles", "2023-10-18T05:37:59.611-07:00"),
    ("Asia/Kathmandu", "2023-10-18T18:22:59.611+05:45"),
    ("+05:30", "2023-10-18T07:07:59.611-05:30"),
    ("-4", "2023-10-18T08:37:59.611-04:00"),
    ("utc", "2023-10-18T12:37:59.611+00:00")])
def test_moments_come_in_the_time_zone_that_is_preferred(clock, target, zone, text):
    response = clock.get(target, Prefer=f"timezone={zone}")
    rows = response.json if isinstance(response.json, list) else [response.json]
    assert [row["t"] for row in rows] == [text]
    assert response.header("Preference-Applied") == f"timezone={zone}"
    assert clock.get("/moment/1").json["t"] == "2023-10-18T12:37:59.611+00:00"


@SERVERS
def test_the_time_zone_holds_for_counts_and_writes_too(clock):
    zone = "timezone=Asia/Tokyo"
    response = clock.get("/moment?limit=1", Prefer=f"count=exact, {zone}")
    assert response.json[0]["t"] == "2023-10-18T21:37:59.611+09:00"
    response = clock.post("/moment", {"id": 2, "t": "2024-01-01T00:00:00"}, Prefer=f"{FULL}, {zone}")
    assert response.json == [{"id": 2, "t": "2024-01-01T00:00:00+09:00"}]
    assert response.header("Preference-Applied") == f"return=representation, {zone}"
    assert clock.get("/moment/2").json["t"] == "2023-12-31T15:00:00+00:00"
    response = clock.delete("/moment?id=eq.2",
                            Prefer=f"{FULL}, handling=strict, max-affected=1, {zone}")
    assert response.json[0]["t"] == "2024-01-01T00:00:00+09:00"


@SERVERS
@pytest.mark.parametrize("handling", ["", "handling=lenient, ", "handling=strict, "])
@pytest.mark.parametrize("zone", ["Jupiter/Red_Spot", "x'); DROP TABLE moment; --", "a" * 65, "\\",
                                  "a;b"])
def test_a_time_zone_that_does_not_exist_is_22023(clock, handling, zone):
    error = clock.error("/moment", 400, "22023", Prefer=f"{handling}timezone={zone}")
    assert error["message"] == f'invalid value for parameter "TimeZone": "{zone}"'
    assert clock.get("/moment").status == 200


@SERVERS
def test_neighbours_keep_their_own_time_zones(clock):
    """Pipelined on one connection, so that they are asked one behind the other."""
    zones = [b"Asia/Tokyo", b"", b"Europe/Rome", b"Jupiter", b"", b"Asia/Tokyo"] * 4
    data = clock.raw(b"".join(
        b"GET /moment/1?select=t HTTP/1.1\r\nHost: localhost\r\n"
        + (b"Prefer: timezone=" + zone + b"\r\n" if zone else b"") + b"\r\n" for zone in zones)
        + b"GET /moment/9 HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
    assert [data.count(text) for text in (b"T21:37:59", b"T12:37:59", b"T14:37:59",
                                          b'"code":"22023"')] == [8, 8, 4, 4]


@SERVERS
@pytest.mark.parametrize("settings", [{}, {"db_prepared_statements": "false"}])
def test_a_time_zone_goes_with_a_role(serve, database, settings):
    db = database("""
        DO $$ BEGIN IF to_regrole('traveller') IS NULL THEN CREATE ROLE traveller; END IF; END $$;
        CREATE VIEW who AS SELECT current_user::text AS name, current_setting('TimeZone') AS zone;
        CREATE TABLE visit (id INTEGER PRIMARY KEY, name TEXT DEFAULT current_user,
                            zone TEXT DEFAULT current_setting('TimeZone'));
        GRANT SELECT, INSERT, UPDATE ON who, visit TO traveller;""")
    server = serve(db, db_anon_role="traveller", **settings)
    home = server.rows("/who")
    assert home[0]["name"] == "traveller" and home[0]["zone"] != "Asia/Tokyo"
    for zone in ("Asia/Tokyo", "Europe/Rome", "Asia/Tokyo"):
        assert server.rows("/who", Prefer=f"timezone={zone}") == [{"name": "traveller", "zone": zone}]
        assert server.rows("/who") == home
    response = server.post("/visit", {"id": 1}, Prefer=f"{FULL}, timezone=Asia/Tokyo")
    assert response.json == [{"id": 1, "name": "traveller", "zone": "Asia/Tokyo"}]
    etag = server.get("/visit/1").header("ETag")
    response = server.patch("/visit/1", {"name": "x"}, If_Match=etag, Prefer="timezone=Asia/Tokyo")
    assert response.status == 204


@pytest.mark.sqlite("its moments are texts")
def test_without_time_zones_only_utc_can_be_preferred(clock):
    assert clock.get("/moment", Prefer="timezone=UTC").header("Preference-Applied") == "timezone=UTC"
    response = clock.get("/moment", Prefer="timezone=Asia/Tokyo")
    assert (response.status, response.header("Preference-Applied")) == (200, None)
    error = clock.error("/moment", 400, "PGRST122", Prefer="handling=strict, x, timezone=Asia/Tokyo")
    assert error["details"] == "Invalid preferences: x, timezone=Asia/Tokyo"
