"""Tries the PyPI package postgrest on the daemon at MODELD_URL, its blocking client and its
asynchronous one. Every test says by @covers which methods it is about; that it calls them, in a
request, is checked here, and test_postgrest.py ends with the methods that nobody called, and the
options that nobody gave."""
import asyncio
import enum
import functools
import importlib
import inspect
import os

import httpx
import pytest

URL = os.environ["MODELD_URL"]
SQLITE = os.environ["MODELD_ENGINE"] == "sqlite"
MODULES = ["base_client", "base_request_builder", "_sync.client", "_sync.request_builder",
           "_async.client", "_async.request_builder"]
everything = set()  # Class.method of all builders and clients
covered = set()  # those that a test about them called
called = set()  # by the test that runs


# The words that options of other types may be.
WORDS = {"format": ["text", "json"], "count": ["exact", "planned", "estimated"],
         "returning": ["minimal", "representation"]}


def options_of(method, function):
    """The parameters that need not be given, each word of a few on its own: {name: its default}."""
    return {f"{method}({name}{word and '='}{word})": (name, parameter.default, word)
            for name, parameter in inspect.signature(function).parameters.items()
            if parameter.default is not parameter.empty for word in WORDS.get(name, [""])}


def watch(owner, name, function):
    """Keep account of the calls of a method, and of what it was given."""
    method = f"{owner.__name__}.{name.replace('__init__', 'client')}"
    options = options_of(method, function)
    everything.add(method)
    everything.update(options)

    @functools.wraps(function)
    def counted(*args, **kwargs):
        called.add(method)
        given = inspect.signature(function).bind(*args, **kwargs).arguments
        for option, (key, default, word) in options.items():
            value = given.get(key, default)
            value = value.value if isinstance(value, enum.Enum) else value
            if (value == word) if word else value is not default and key in given:
                called.add(option)
        return function(*args, **kwargs)
    return counted


def watch_all():
    for module in [importlib.import_module("postgrest." + name) for name in MODULES]:
        for owner in [one for one in vars(module).values()
                      if inspect.isclass(one) and one.__module__ == module.__name__]:
            if not owner.__name__.endswith(("Builder", "Client")):
                continue
            for name, value in list(vars(owner).items()):
                if name.startswith("_") and not (name == "__init__" and owner.__name__.endswith("PostgrestClient")):
                    continue
                if isinstance(value, property):
                    setattr(owner, name, property(watch(owner, name, value.fget)))
                elif inspect.isfunction(value):
                    setattr(owner, name, watch(owner, name, value))


watch_all()


class Client:
    """One of the two clients, so that tests read the same for both."""

    def __init__(self, kind, url=URL, **options):
        package = importlib.import_module("postgrest")
        self.loop = asyncio.new_event_loop() if kind == "Async" else None
        self.requests = 0
        self.db = getattr(package, kind + "PostgrestClient")(url, **options)
        hooks = self.db.session.event_hooks
        hooks["request"] = [self._count_later if self.loop else self._count]
        self.db.session.event_hooks = hooks

    def _count(self, _):
        self.requests += 1

    async def _count_later(self, request):
        self._count(request)

    def wait(self, value):
        """The result of what a method of the library gave."""
        return self.loop.run_until_complete(value) if inspect.isawaitable(value) else value

    def run(self, query):
        return self.wait(query.execute())

    def data(self, query):
        return self.run(query).data

    def column(self, query, name="id"):
        return [row[name] for row in self.data(query)]

    def refused(self, query, code):
        """The error of an answer that must fail with this code."""
        from postgrest import APIError
        with pytest.raises(APIError) as caught:
            self.run(query)
        assert caught.value.code == code, caught.value.json()
        assert caught.value.message
        return caught.value

    def table(self, name):
        return self.db.from_(name)

    def close(self):
        self.wait(self.db.aclose())
        if self.loop:
            self.loop.close()


def covers(*names):
    return pytest.mark.covers(*names)


def pytest_configure(config):
    config.addinivalue_line("markers", "covers(names): methods of the library")


@pytest.fixture(scope="session", params=["Sync", "Async"])
def kind(request):
    return request.param


@pytest.fixture(scope="session")
def session_client(kind):
    client = Client(kind)
    yield client
    client.close()


@pytest.fixture
def client(session_client, request):
    """The client of a test; when the test is over, it has used what it is about."""
    called.clear()
    before = session_client.requests
    yield session_client
    if getattr(request.node, "failed", False):
        return
    for name in [name for mark in request.node.iter_markers("covers") for name in mark.args]:
        found = {one for one in called if one.split("(")[0].endswith("." + name)}
        assert found, f"{name} was not called"
        assert session_client.requests > before, "no request was made"
        covered.update(found)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    report = yield
    item.failed = getattr(item, "failed", False) or report.failed
    return report


TICKETS = [
    {"id": 1, "code": "a", "price": 10, "seats": 2, "note": "window"},
    {"id": 2, "code": "b", "price": 20.5, "seats": 1, "note": None},
    {"id": 3, "code": "c", "price": None, "seats": 4, "note": None},
]


@pytest.fixture
def tickets():
    """Fill the table that is written to."""
    assert httpx.delete(f"{URL}/ticket?id=not.is.null").status_code == 204
    assert httpx.post(f"{URL}/ticket", json=TICKETS).status_code == 201
    return TICKETS
