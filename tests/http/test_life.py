"""The life of the daemon: ready, reload, drain, stop."""
import http.client
import os
import signal
import threading
import time

from harness import PATIENCE, exchange, wait_until


def test_it_is_ready_when_it_says_so(serve):
    server = serve()
    assert server.url == f"http://127.0.0.1:{server.port}"
    assert server.get("/-/ready").status == 200


def test_sighup_shows_a_new_table(serve, database):
    db = database()
    server = serve(db)
    server.error("/fresh", 404, "PGRST205")
    db.run("CREATE TABLE fresh (id INTEGER PRIMARY KEY, book_id INTEGER REFERENCES book (id));"
           "INSERT INTO fresh VALUES (1, 2)")
    server.signal(signal.SIGHUP)
    wait_until(lambda: server.get("/fresh").status == 200, "the new table")
    assert server.rows("/fresh?select=id,book(title)") == [
        {"id": 1, "book": {"title": "Harbour Lights"}}]


def test_sighup_shows_a_new_column(serve, database):
    db = database()
    server = serve(db)
    assert list(server.rows("/genre?id=eq.1")[0]) == ["id", "name"]
    db.run("ALTER TABLE genre ADD COLUMN shade TEXT DEFAULT 'dark'")
    server.signal(signal.SIGHUP)
    wait_until(lambda: "shade" in server.rows("/genre?id=eq.1")[0], "the new column")


def test_a_table_dropped_underneath_is_an_error_and_then_gone(serve, database):
    db = database("CREATE TABLE keep (id INTEGER PRIMARY KEY); INSERT INTO keep VALUES (1);"
                  "CREATE TABLE go (id INTEGER PRIMARY KEY);")
    server = serve(db)
    assert server.get("/go").status == 200
    db.run("DROP TABLE go")
    assert server.get("/go").status in (404, 500, 503)
    server.expect_error("go|42P01")
    server.signal(signal.SIGHUP)
    wait_until(lambda: server.get("/go").json["code"] == "PGRST205", "the reload")
    assert server.column("/keep") == [1]


def test_sighup_while_requests_run_loses_none(serve, database):
    db = database()
    server = serve(db, threads=2)
    failures = []
    stop = threading.Event()

    def client():
        connection = http.client.HTTPConnection(server.host, server.port, timeout=PATIENCE)
        while not stop.is_set():
            response = exchange(connection, "GET", "/book?select=id,publisher(name),genre(name)")
            if response.status != 200 or len(response.json) != 5:
                failures.append(response)
        connection.close()
    threads = [threading.Thread(target=client) for _ in range(4)]
    for thread in threads:
        thread.start()
    for number in range(10):
        db.run(f"CREATE TABLE extra_{number} (id INTEGER PRIMARY KEY)")
        server.signal(signal.SIGHUP)
        time.sleep(0.05)
    wait_until(lambda: server.get("/extra_9").status == 200, "the last table")
    stop.set()
    for thread in threads:
        thread.join()
    assert not failures, failures[:3]


def test_sigterm_finishes_what_runs(serve, database):
    db = database("""
        CREATE TABLE n (i INTEGER PRIMARY KEY);
        WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c WHERE i < 1500)
        INSERT INTO n SELECT i FROM c;
        CREATE VIEW slow AS SELECT count(*) AS total FROM n a, n b WHERE a.i * b.i = 7;""")
    server = serve(db)
    connection = http.client.HTTPConnection(server.host, server.port, timeout=PATIENCE)
    connection.request("GET", "/slow")
    time.sleep(0.1)
    server.process.terminate()
    response = connection.getresponse()
    assert response.status == 200
    assert response.read() == b'[{"total":2}]'
    connection.close()


def test_sigterm_closes_idle_connections_and_ends_soon(serve):
    server = serve()
    socks = [server.connect() for _ in range(20)]
    assert server.get("/genre").status == 200
    begin = time.monotonic()
    server.process.terminate()
    assert server.process.wait(PATIENCE) == 0
    assert time.monotonic() - begin < 8
    for sock in socks:
        sock.close()


def test_sigint_ends_it_too(serve):
    server = serve()
    server.signal(signal.SIGINT)
    assert server.process.wait(PATIENCE) == 0


def test_a_second_sigterm_is_no_fault(serve):
    server = serve()
    server.process.terminate()
    server.process.terminate()
    assert server.process.wait(PATIENCE) == 0


SLOW = """
    CREATE TABLE n (i INTEGER PRIMARY KEY);
    WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c WHERE i < %d)
    INSERT INTO n SELECT i FROM c;
    CREATE VIEW slow AS SELECT count(*) AS total FROM n a, n b WHERE a.i * b.i = 7;"""


def ask_slowly(server):
    """A connection with a request that takes long, already at the database."""
    connection = http.client.HTTPConnection(server.host, server.port, timeout=PATIENCE)
    connection.request("GET", "/slow")
    wait_until(lambda: server.metric("modeld_requests_in_flight") >= 1, "the request")
    return connection


def test_a_second_sigterm_ends_what_still_runs(serve, database):
    server = serve(database(SLOW % 30000), statement_timeout="60s", request_deadline="60s")
    connection = ask_slowly(server)
    server.process.terminate()
    time.sleep(0.5)
    assert server.alive()
    begin = time.monotonic()
    server.process.terminate()
    assert server.process.wait(PATIENCE) == 0
    assert time.monotonic() - begin < 3
    server.wait_log("stopping at once")
    connection.close()


def test_the_drain_timeout_ends_what_still_runs(serve, database):
    server = serve(database(SLOW % 30000), statement_timeout="60s", request_deadline="60s",
                   drain_timeout="1s")
    connection = ask_slowly(server)
    begin = time.monotonic()
    server.process.terminate()
    assert server.process.wait(PATIENCE) == 0
    assert 0.9 < time.monotonic() - begin < 5
    connection.close()


def test_who_connects_while_it_stops_is_refused_at_once(serve, database):
    server = serve(database(SLOW % 30000), statement_timeout="60s", request_deadline="60s")
    connection = ask_slowly(server)
    server.process.terminate()

    def refused():
        try:
            server.connect().close()
        except ConnectionRefusedError:
            return True
        except ConnectionResetError:
            pass  # it stood in the queue of the listener when that closed
        return False
    wait_until(refused, "the refusal")
    assert server.alive()
    assert server.admin("/-/live").status == 200
    assert server.admin("/-/ready").status == 503
    server.process.terminate()
    connection.close()


def test_a_kept_connection_is_answered_once_more_and_told_to_go(serve):
    server = serve()
    connection = http.client.HTTPConnection(server.host, server.port, timeout=PATIENCE)
    assert exchange(connection, "GET", "/genre?id=eq.1").header("Connection") != "close"
    server.process.terminate()
    server.wait_log("stopping")
    time.sleep(0.3)
    response = exchange(connection, "GET", "/genre?id=eq.1")
    assert response.status == 200
    assert response.header("Connection") == "close"
    connection.close()
    assert server.process.wait(PATIENCE) == 0


def test_many_connections_ready_at_once_are_all_answered(serve):
    server = serve(threads=1, connections=2000)
    for count in (127, 128, 129, 256):
        socks = [server.connect() for _ in range(count)]
        for sock in socks:
            sock.sendall(b"GET /genre?id=eq.1 HTTP/1.1\r\nHost: localhost\r\n\r\n")
        for sock in socks:
            assert sock.recv(65536).startswith(b"HTTP/1.1 200")
            sock.close()


def test_starting_is_quick(serve, database):
    sql = "".join(f"CREATE TABLE t{i} (id INTEGER PRIMARY KEY, a TEXT, b INTEGER);"
                  for i in range(50))
    db = database(sql)
    begin = time.monotonic()
    server = serve(db)
    assert server.get("/t7").status == 200
    assert time.monotonic() - begin < (10 if server.sanitized() else 2)


def test_no_descriptor_is_left_open(serve):
    server = serve(threads=1)
    def descriptors():
        return len(os.listdir(f"/proc/{server.process.pid}/fd"))
    def use(count):
        for _ in range(count):
            with server.connect() as sock:
                sock.sendall(b"GET /genre HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
                while sock.recv(65536):
                    pass
    use(20)
    before = descriptors()
    use(200)
    wait_until(lambda: descriptors() <= before + 2, "the descriptors")


def test_a_request_is_logged_once_and_without_its_values(serve):
    server = serve()
    server.get("/genre?name=eq.top-secret-value")
    wait_until(lambda: "genre" in server.log() or "/{relation}" in server.log(), "the access line")
    assert "top-secret-value" not in server.log()
