"""The plan cache: a shape that was seen needs no new plan and no new statement, whatever its
values; a new shape needs one; the cache is bounded."""
import pytest


@pytest.fixture
def counted(serve):
    """One loop, which hands no read to a thread with a session of its own, so that every request
    meets the same cache; gives (server, counters)."""
    server = serve(threads=1, inline_budget="1s")

    def counters():
        return (server.metric("modeld_plan_misses_total"), server.metric("modeld_prepares_total"))
    return server, counters


@pytest.mark.parametrize("make", [
    lambda n: f"/genre?id=eq.{n}",
    lambda n: f"/genre/{n}",
    lambda n: f"/book?pages=gt.{n}&price=lt.{n}&order=id",
    lambda n: f"/book?title=like.*{n}*",
    lambda n: f"/book?or=(id.eq.{n},and(id.gt.{n},pages.lt.{n}))",
    lambda n: f"/book?select=id,publisher(name),genre(name)&id=eq.{n}",
    lambda n: f"/publisher?select=id,book(id)&book.pages=gt.{n}",
    lambda n: f"/book?offset={n}&limit=2&order=id",
    lambda n: f"/publisher/{n}/book",
])
def test_a_shape_that_was_seen_needs_nothing_new(counted, make):
    server, counters = counted
    for number in (1, 2, 3):
        server.get(make(number))
    before = counters()
    for number in range(1, 30):
        server.get(make(number % 3 + 1))
    assert counters() == before


def test_a_new_shape_needs_a_plan(counted):
    server, counters = counted
    server.get("/genre?id=eq.1")
    before = counters()
    server.get("/genre?name=eq.x")
    assert counters()[0] == before[0] + 1


def test_lists_of_other_lengths_share_statements(counted):
    """Lengths are padded to powers of two."""
    server, counters = counted
    lists = [",".join(str(number) for number in range(1, length + 1)) for length in range(5, 9)]
    for _ in range(3):
        server.get(f"/genre?id=in.({lists[-1]})")
    before = counters()[1]
    for values in lists:
        assert len(server.rows(f"/genre?id=in.({values})")) == 3
    assert counters()[1] == before


def test_the_cache_is_bounded_and_answers_stay_right(serve):
    server = serve(threads=1, plan_cache=16)
    for _ in range(3):
        for number in range(1, 60):
            name = f"n{number}"
            assert server.rows(f"/genre?select={name}:name&id=eq.1") == [{name: "novel"}]


def test_reads_of_one_request_see_one_moment(serve, database):
    """The rows and the count of one answer belong together while somebody writes."""
    import threading
    db = database("CREATE TABLE t (id INTEGER PRIMARY KEY); INSERT INTO t VALUES (1)")
    server = serve(db)
    stop = threading.Event()

    def writer():
        number = 2
        while not stop.is_set():
            db.run(f"INSERT INTO t VALUES ({number})")
            number += 1
    thread = threading.Thread(target=writer)
    thread.start()
    try:
        for _ in range(150):
            response = server.get("/t", Prefer="count=exact")
            total = int(response.header("Content-Range").split("/")[1])
            assert len(response.json) == total
    finally:
        stop.set()
        thread.join()
