"""Fixtures: `library`, one daemon on the library database for all tests that only read; `serve`,
a daemon of the test's own with settings of its own; `shop`, one daemon for tests that write, whose
rows are as at first when a test begins; `database`, a SQLite file of the test's own."""
import pytest

from harness import DATA, Database, Modeld

LIBRARY = (DATA / "library.sql").read_text(encoding="utf-8")
SHOP = (DATA / "shop.sql").read_text(encoding="utf-8")
SHOP_ROWS = (DATA / "shop_rows.sql").read_text(encoding="utf-8")


@pytest.fixture(scope="session")
def library(tmp_path_factory):
    """The shared daemon. Nothing may be written to its database."""
    folder = tmp_path_factory.mktemp("library")
    server = Modeld(Database(folder / "library.db", LIBRARY).url, folder=folder,
                    settings={"threads": 2})
    yield server
    server.stop()


@pytest.fixture(scope="session")
def shop_daemon(tmp_path_factory):
    """The daemon behind `shop`; transactions end as the client prefers."""
    folder = tmp_path_factory.mktemp("shop")
    db = Database(folder / "shop.db", SHOP)
    server = Modeld(db.url, folder=folder,
                    settings={"threads": 2, "db-tx-end": "commit-allow-override"})
    server.db = db
    yield server
    server.stop()


@pytest.fixture
def shop(shop_daemon):
    """The shared daemon for writes, with the rows of shop_rows.sql and no others."""
    shop_daemon.db.run(SHOP_ROWS)
    return shop_daemon


@pytest.fixture
def database(tmp_path):
    """Make SQLite files: database(sql, name)."""
    def make(sql=LIBRARY, name="test.db"):
        return Database(tmp_path / name, sql)
    return make


@pytest.fixture
def serve(tmp_path, database):
    """Start daemons: serve(db_or_url, *args, **settings); `_` in a setting's name stands for `-`.
    Each is stopped, and checked, when the test ends."""
    servers = []

    def start(db=None, *args, listen="127.0.0.1:0", env=None, preexec=None, wrap=(), **settings):
        db = database() if db is None else db
        folder = tmp_path / f"daemon-{len(servers)}"
        folder.mkdir()
        server = Modeld(getattr(db, "url", db), *args, folder=folder, listen=listen, env=env,
                        preexec=preexec, wrap=wrap,
                        settings={key.replace("_", "-"): value for key, value in settings.items()})
        servers.append(server)
        return server
    yield start
    failures = []
    for server in servers:
        try:
            server.stop()
        except AssertionError as failure:
            failures.append(str(failure))
    assert not failures, "\n".join(failures)
