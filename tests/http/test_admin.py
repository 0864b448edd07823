"""Administration: probes, metrics, the registry, and which listener answers what."""
import pytest

from harness import exchange


@pytest.mark.parametrize("target", ["/-/live", "/-/ready"])
def test_probes_answer_on_both_listeners(library, target):
    assert library.get(target).status == 200
    assert library.admin(target).status == 200


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


def test_metrics_are_well_formed(library):
    for line in library.admin("/-/metrics").text.splitlines():
        if line and not line.startswith("#"):
            name, value = line.rsplit(" ", 1)
            assert name[0].isalpha()
            float(value)


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
