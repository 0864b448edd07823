"""Administration: probes, metrics, the registry, and which listener answers what."""
import json
import os
import re
import resource
import signal
import socket
import threading

import pytest

from harness import PATIENCE, ROOT, Modeld, StartFailed, exchange, wait_until


@pytest.mark.parametrize("target", ["/-/live", "/-/ready"])
def test_probes_answer_on_both_listeners(library, target):
    assert library.get(target).status == 200
    assert library.admin(target).status == 200


@pytest.mark.parametrize("name, ours", [("live", "live"), ("ready", "ready"), ("metrics", "metrics"),
                                        ("schema_cache", "schema")])
def test_the_administration_answers_to_the_names_of_postgrest(library, name, ours):
    """There, where no relation can have them."""
    answer = library.admin(f"/{name}")
    assert answer.status == 200
    assert answer.header("Content-Type") == library.admin(f"/-/{ours}").header("Content-Type")
    assert library.admin(f"/{name}", "POST").status == 405
    assert library.get(f"/{name}").status == 404
    assert library.admin(f"/{name}/more").status == 404


def test_openapi_has_a_name_of_its_own(library):
    answer, same = library.get("/-/openapi.json"), library.get("/-/schema?format=openapi")
    assert answer.status == 200 and answer.json["openapi"].startswith("3.1")
    assert answer.body == same.body and answer.header("ETag") == same.header("ETag")
    assert library.get("/-/openapi.json", If_None_Match=answer.header("ETag")).status == 304
    assert library.get("/-/openapi.json", Accept="application/json").status == 200
    assert library.admin("/-/openapi.json").json == answer.json


def test_the_registry_is_listed(library):
    response = library.get("/-/models")
    assert response.status == 200
    text = response.text
    for name in ["author", "book", "book_genre", "short_book", "reading room"]:
        assert name in text


def test_metrics_are_for_the_administration_only(library):
    assert library.get("/-/metrics").status in (403, 404)
    response = library.admin("/-/metrics")
    assert response.status == 200
    assert response.header("Content-Type").startswith("text/plain")
    assert "modeld_" in response.text


LABELS = r'(\{[a-z_]+="[^"\\]*"(,[a-z_]+="[^"\\]*")*\})?'


def families(server):
    """Every metric: its name → type, and samples by name with labels. Fails where the text is not
    what Prometheus reads: HELP, TYPE and samples together, each name once, counters in _total."""
    types, samples = {}, {}
    current = helped = None
    for line in server.admin("/-/metrics").text.splitlines():
        if line.startswith("# HELP "):
            _, _, helped, text = line.split(" ", 3)
            assert text.endswith("."), line
        elif line.startswith("# TYPE "):
            _, _, current, kind = line.split(" ")
            assert current == helped and current not in types, line
            assert re.fullmatch(r"(modeld|process)_[a-z_]+", current), line
            assert (kind == "counter") == current.endswith("_total"), line
            types[current] = kind
        else:
            match = re.fullmatch(rf"([a-z_]+){LABELS} (-?[0-9.]+)", line)
            assert match, line
            suffixes = ["_bucket", "_sum", "_count"] if types[current] == "histogram" else [""]
            assert match.group(1) in [current + suffix for suffix in suffixes], line
            name = line.rsplit(" ", 1)[0]
            assert name not in samples, line
            samples[name] = float(match.group(4))
    return types, samples


def test_metrics_are_as_prometheus_wants_them(library):
    library.get("/genre?id=eq.1")
    types, samples = families(library)
    assert len(types) > 40 and len(samples) > 60


def test_metrics_are_documented(library):
    text = (ROOT / "docs" / "metrics.md").read_text(encoding="utf-8")
    documented = dict(re.findall(r"^\| `([a-z_]+)` \| (\w+) \|", text, re.MULTILINE))
    assert documented == families(library)[0]


def test_requests_are_counted_by_route_method_and_status(serve):
    server = serve()
    server.get("/genre?id=eq.1")
    server.get("/genre?id=eq.2")
    server.get("/genre/1")
    server.post("/genre", {"id": 90, "name": "new"})
    server.get("/nothing")
    server.request("BREW", "/genre")
    server.get("/genre?id=eq.x")

    def counted():
        samples = families(server)[1]
        found = {name: value for name, value in samples.items()
                 if name.startswith("modeld_requests_total") and "/-/" not in name}
        return found if sum(found.values()) == 7 else None
    found = wait_until(counted, "all seven")
    assert found == {
        'modeld_requests_total{route="/{relation}",method="GET",status="2xx"}': 2,
        'modeld_requests_total{route="/{relation}",method="GET",status="4xx"}': 1,
        'modeld_requests_total{route="/{relation}",method="POST",status="2xx"}': 1,
        'modeld_requests_total{route="/{relation}",method="-",status="4xx"}': 1,
        'modeld_requests_total{route="/{relation}/{key}",method="GET",status="2xx"}': 1,
        'modeld_requests_total{route="-",method="GET",status="4xx"}': 1}
    samples = families(server)[1]
    assert samples['modeld_responses_total{code="201"}'] == 1
    assert samples["modeld_request_bytes_total"] == len(json.dumps({"id": 90, "name": "new"}))


def test_durations_make_a_histogram(serve):
    server = serve()
    for _ in range(20):
        server.get("/genre?id=eq.1")
    samples = families(server)[1]
    name = 'modeld_request_duration_seconds_%s{route="/{relation}"%s}'
    ends = ["0.0001", "0.00025", "0.0005", "0.001", "0.0025", "0.005", "0.01", "0.025", "0.05",
            "0.1", "0.25", "0.5", "1", "2.5", "5", "10", "30", "60", "+Inf"]
    buckets = [samples[name % ("bucket", f',le="{end}"')] for end in ends]
    assert buckets == sorted(buckets)
    assert buckets[-1] == samples[name % ("count", "")] >= 19
    total = samples[name % ("sum", "")]
    assert 0 < total < 20 * 30
    # What lies below an end and what lies above the one before bound the sum.
    least = sum(float(end) * (after - before) for end, before, after
                in zip(ends, buckets, buckets[1:]) if end != "+Inf")
    assert least <= total + 1e-6


@pytest.mark.sqlite("PostgreSQL commits by itself")
def test_commits_and_the_writes_in_them_are_counted(serve):
    """Those of transactions and batches, too."""
    server = serve()
    rows = [{"id": number, "name": f"genre {number}"} for number in range(100, 106)]
    server.post("/genre", rows[0])
    server.post("/genre", rows[0])  # 409: no commit
    transaction = server.post("/-/transactions").json["id"]
    server.post("/genre", rows[1], Transaction=transaction)
    server.post("/genre", rows[2], Transaction=transaction)
    server.post(f"/-/transactions/{transaction}/commit")
    server.post("/-/batch", [{"method": "POST", "path": "/genre", "body": row} for row in rows[3:]])
    assert server.metric("modeld_db_commits_total") == 3
    assert server.metric("modeld_db_writes_total") == 1 + 2 + 1  # a batch is one


def test_the_process_is_measured(library):
    samples = families(library)[1]
    pid = library.process.pid
    assert samples["process_open_fds"] == pytest.approx(len(os.listdir(f"/proc/{pid}/fd")), abs=5)
    assert samples["process_resident_memory_bytes"] == pytest.approx(library.memory(), rel=0.3)
    assert samples["process_virtual_memory_bytes"] == pytest.approx(library.memory("VmSize"),
                                                                    rel=0.3)
    assert samples["process_max_fds"] == resource.prlimit(pid, resource.RLIMIT_NOFILE)[0]
    assert samples["process_start_time_seconds"] == pytest.approx(
        os.stat(f"/proc/{pid}").st_ctime, abs=60 * 60)
    before = samples["process_cpu_seconds_total"]
    for _ in range(200):
        library.get("/book?select=*,genre(*)")
    assert families(library)[1]["process_cpu_seconds_total"] > before


def test_a_reload_is_counted(serve):
    server = serve()
    assert server.metric("modeld_reloads_total") == 0
    server.signal(signal.SIGHUP)
    wait_until(lambda: server.metric("modeld_reloads_total") == 1, "the reload")


def test_requests_are_counted(library):
    def total():
        return sum(value for name, value in library.metrics().items()
                   if name.split("{")[0].endswith("requests_total"))
    before = total()
    library.get("/genre?id=eq.1")
    assert total() > before


def test_admin_on_public_puts_it_on_the_loopback_listener(serve):
    server = serve(admin_on_public="true")
    assert server.get("/-/metrics").status == 200


@pytest.mark.parametrize("header", ["Origin", "Forwarded", "X-Forwarded-For",
                                    "X-Forwarded-Proto", "Via"])
def test_admin_on_public_refuses_what_came_through_something_else(serve, header):
    server = serve(admin_on_public="true")
    response = server.request("GET", "/-/metrics", {header: "something"})
    assert response.status == 403
    assert response.json["code"] == "MD403"


def test_admin_on_public_refuses_another_host(serve):
    server = serve(admin_on_public="true", allowed_hosts="db.example")
    assert server.get("/-/metrics", Host="db.example").status in (403, 421)


def test_the_administration_socket_is_for_its_owner_only(library):
    import os
    import stat
    mode = stat.S_IMODE(os.stat(library.admin_path).st_mode)
    assert mode == 0o600


def test_a_socket_that_nobody_answers_on_is_replaced(tmp_path, database):
    path = tmp_path / "admin.sock"
    dead = socket.socket(socket.AF_UNIX)
    dead.bind(str(path))
    dead.listen()
    dead.close()
    server = Modeld(database().url, folder=tmp_path)
    assert server.admin("/-/live").status == 200
    server.stop()
    assert not path.exists()


def test_a_socket_that_somebody_answers_on_is_left_alone(serve, database):
    db = database()
    first = serve(db)
    with pytest.raises(StartFailed, match="is in use by another program"):
        serve(db, admin_listen="unix:" + first.admin_path)
    assert first.admin("/-/live").status == 200


def test_a_socket_whose_daemon_hangs_is_left_alone(tmp_path, database):
    path = tmp_path / "admin.sock"
    with socket.socket(socket.AF_UNIX) as hanging:
        hanging.bind(str(path))
        hanging.listen(0)
        waiting = []
        while True:  # until its queue is full: to connect would now take for ever
            sock = socket.socket(socket.AF_UNIX)
            sock.setblocking(False)
            waiting.append(sock)
            try:
                sock.connect(str(path))
            except BlockingIOError:
                break
        with pytest.raises(StartFailed, match="is in use by another program"):
            Modeld(database().url, folder=tmp_path)
        for sock in waiting:
            sock.close()


def test_a_file_in_the_place_of_a_socket_is_left_alone(tmp_path, database):
    path = tmp_path / "admin.sock"
    path.write_text("somebody's")
    with pytest.raises(StartFailed, match="is in use by another program"):
        Modeld(database().url, folder=tmp_path)
    assert path.read_text() == "somebody's"


def test_a_socket_that_is_not_ours_any_more_is_not_removed(tmp_path, database):
    path = tmp_path / "admin.sock"
    server = Modeld(database().url, folder=tmp_path)
    path.unlink()
    with socket.socket(socket.AF_UNIX) as other:
        other.bind(str(path))
        server.stop()
        assert path.exists()


def test_of_two_daemons_that_start_at_once_one_gets_the_socket(tmp_path, database):
    url = database().url
    path = tmp_path / "admin.sock"
    started, failed = [], []

    def start(number):
        folder = tmp_path / str(number)
        folder.mkdir()
        try:
            started.append(Modeld(url, folder=folder,
                                  settings={"admin-listen": f"unix:{path}"}))
        except StartFailed as failure:
            failed.append(str(failure))
    for round_number in range(3):
        dead = socket.socket(socket.AF_UNIX)
        dead.bind(str(path))
        dead.close()
        threads = [threading.Thread(target=start, args=(round_number * 10 + i,)) for i in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(PATIENCE)
        assert len(started) == 1 and len(failed) == 3, failed
        started[0].admin_path = str(path)
        assert started[0].admin("/-/live").status == 200
        started.pop().stop()
        failed.clear()


def test_the_socket_is_in_the_run_time_folder(serve, tmp_path):
    folder = tmp_path / "run"
    folder.mkdir()
    server = serve(admin_listen="", env={"RUNTIME_DIRECTORY": f"{folder}:/nonexistent"})
    server.admin_path = str(folder / "admin.sock")
    assert server.admin("/-/live").status == 200


def test_the_administration_does_not_serve_tables(library):
    assert library.admin("/book").status in (403, 404)


def test_an_unknown_path_of_ours_is_404(library):
    assert library.get("/-/nothing").status == 404
    assert library.admin("/-/nothing").status == 404


def test_the_root_lists_the_relations(library):
    response = library.get("/")
    assert response.status == 200
    assert "book" in response.text


def test_a_browser_gets_a_page(library):
    response = library.get("/", Accept="text/html,application/xhtml+xml,*/*;q=0.8")
    assert response.status == 200
    assert "book" in response.text


def test_the_public_listener_can_be_a_unix_socket(serve, tmp_path):
    from harness import UnixConnection
    path = tmp_path / "public.sock"
    server = serve(listen=f"unix:{path}")
    connection = UnixConnection(str(path))
    assert exchange(connection, "GET", "/genre?id=eq.1").status == 200
    connection.close()
    server.process.terminate()
    server.process.wait(30)
    assert not path.exists()


def test_several_listeners_serve_the_same(serve, tmp_path):
    import http.client
    import urllib.parse
    server = serve(None, "--listen", "127.0.0.1:0")
    assert len(server.urls) == 2
    for url in server.urls:
        parts = urllib.parse.urlsplit(url)
        connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=30)
        assert exchange(connection, "GET", "/genre?id=eq.1").status == 200
        connection.close()
