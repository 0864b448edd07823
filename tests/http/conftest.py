"""Fixtures. `engine`: every test that needs a database runs once with each (see engines.py), unless
it is marked @pytest.mark.sqlite(reason) or @pytest.mark.postgresql(reason). `library`, one daemon on
the library database for all tests that only read; `serve`, a daemon of the test's own with settings
of its own; `shop`, one daemon for tests that write, whose rows are as at first when a test begins;
`database`, a database of the test's own. `make check-http PYTEST='--engine sqlite'` runs one.

With pytest-xdist tests run in several processes, each with fixtures of its own: make check-http
WORKERS=4. Of the tests that use a fixture of their file some stay together; all others run anywhere, in
any order. One marked @pytest.mark.alone(reason) runs when no other does."""
import collections
import contextlib
import os

import pytest

from engines import Postgres, Sqlite
from harness import DATA, Modeld, StartFailed, dashed, locked

LIBRARY = (DATA / "library.sql").read_text(encoding="utf-8")
SHOP = (DATA / "shop.sql").read_text(encoding="utf-8")
SHOP_ROWS = (DATA / "shop_rows.sql").read_text(encoding="utf-8")
ENGINES = {"sqlite": Sqlite, "postgresql": Postgres}
# Tests that share a fixture of their file in one process; the next ones make another.
TOGETHER = 12


def pytest_addoption(parser):
    parser.addoption("--engine", action="append", choices=list(ENGINES),
                     help="run with this engine only")


def pytest_configure(config):
    for name in ENGINES:
        config.addinivalue_line("markers", f"{name}(reason): about this engine and no other")
    config.addinivalue_line("markers", "alone(reason): other tests at the same time would spoil it")
    config.addinivalue_line("markers", "xdist_group(name): together in one process")


def pytest_generate_tests(metafunc):
    if "engine" in metafunc.fixturenames:
        names = metafunc.config.getoption("engine") or list(ENGINES)
        metafunc.parametrize("engine", names, indirect=True, scope="session")


def engine_of(item):
    return item.callspec.params.get("engine") if hasattr(item, "callspec") else None


@pytest.hookimpl(tryfirst=True)  # before pytest-xdist looks for groups
def pytest_collection_modifyitems(config, items):
    """Leave out what is about another engine; the mark that is closest to a test decides. What is
    about none, and has no mark, runs with SQLite."""
    chosen = config.getoption("engine") or list(ENGINES)

    def meant(item):
        mark = next((mark for mark in item.iter_markers() if mark.name in ENGINES), None)
        assert mark is None or len(mark.args) == 1, f"{item.nodeid}: say why"
        engine = engine_of(item)
        return (mark.name if mark else engine or "sqlite") in ([engine] if engine else chosen)
    config.hook.pytest_deselected(items=[item for item in items if not meant(item)])
    items[:] = [item for item in items if meant(item)]
    if config.getoption("loadgroup", False):
        spread(items, chosen)


def spread(items, chosen):
    """Into groups for pytest-xdist, and in the order in which its processes take them: groups first,
    so that single tests fill the time at the end; who must be alone waits for all others."""
    uses = collections.Counter()
    for item in items:
        fixtures = item._fixtureinfo.name2fixturedefs.values()
        if item.get_closest_marker("alone"):
            item.add_marker(pytest.mark.xdist_group("alone"))
        elif (any(found[-1].scope == "module" for found in fixtures)
              and not item.get_closest_marker("xdist_group")):
            key = f"{item.path.stem}-{engine_of(item)}"
            item.add_marker(pytest.mark.xdist_group(f"{key}-{uses[key] // TOGETHER}"))
            uses[key] += 1

    def place(item):
        late = engine_of(item) is not None and engine_of(item) != chosen[0]
        return (item.get_closest_marker("alone") is not None, late,
                item.get_closest_marker("xdist_group") is None)
    items.sort(key=place)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_protocol(item):
    """Those that must be alone have a lock for themselves which all others share: the processes of
    this run, and of one for the other engine beside it."""
    alone = item.get_closest_marker("alone")
    assert alone is None or len(alone.args) == 1, f"{item.nodeid}: say why"
    others = "PYTEST_XDIST_WORKER" in os.environ
    with locked(DATA, shared=not alone) if others else contextlib.nullcontext():
        yield


@pytest.fixture(scope="session")
def engine(request):
    """The engine under test. Without a server the run fails."""
    engine = ENGINES[request.param]()
    yield engine
    engine.stop()


@pytest.fixture(scope="session")
def library(engine, tmp_path_factory):
    """The shared daemon. Nothing may be written to its database."""
    folder = tmp_path_factory.mktemp("library")
    server = Modeld(engine.database(folder, LIBRARY, "library.db").url, folder=folder,
                    settings={"threads": 2})
    yield server
    server.stop()


@pytest.fixture(scope="session")
def shop_daemon(engine, tmp_path_factory):
    """The daemon behind `shop`; transactions end as the client prefers."""
    folder = tmp_path_factory.mktemp("shop")
    db = engine.database(folder, SHOP, "shop.db")
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
def database(engine, tmp_path):
    """Make databases: database(sql, name of the file where it is one)."""
    made = []

    def make(sql=LIBRARY, name="test.db"):
        made.append(engine.database(tmp_path, sql, name))
        return made[-1]
    yield make
    for db in made:
        db.drop()


@pytest.fixture
def fresh(database):
    """An empty database; where it is a file, the file does not exist yet."""
    return database("", "fresh.db")


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
                        settings=dashed(settings))
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


@pytest.fixture
def failing(tmp_path):
    """Start a daemon that must not start: its exit code and log."""
    def start(db, **settings):
        folder = tmp_path / f"failing-{len(list(tmp_path.iterdir()))}"
        folder.mkdir()
        with pytest.raises(StartFailed) as failure:
            Modeld(db.url, folder=folder,
                   settings=dashed(settings))
        return failure.value.code, failure.value.log
    return start
