"""Memory runs out while a write is served: at every allocation of the daemon and its libraries, one
after the other. The request fails or succeeds as a whole, and the daemon goes on."""
import collections
import http.client
import json

import pytest

from faults import Memory, sanitized
from harness import PATIENCE, exchange
from writers import SCHEMA, body_of, expect_whole

pytestmark = pytest.mark.sqlite("memory of the database itself runs out, too")


def post(server, connection, rows, select):
    """The answer, or None when the connection ended without one."""
    try:
        return exchange(connection, "POST", "/item?select=" + select, {
            "Content-Type": "application/json", "Prefer": "return=representation"},
            json.dumps(rows).encode())
    except (http.client.HTTPException, OSError):
        connection.close()
        return None


@pytest.mark.skipif(sanitized(), reason="sanitizers have an allocator of their own")
@pytest.mark.parametrize("what, least", [("write", 100), ("connection", 100), ("plan", 200)])
def test_no_allocation_that_fails_harms_the_daemon_or_its_data(serve, database, tmp_path, what,
                                                               least):
    """Of a write on a connection that stands, of a new connection too, and of a write that must be
    planned, too."""
    db, memory = database(SCHEMA), Memory(tmp_path)
    server = serve(db, threads=1, env=memory.env())
    server.expect_error("53200|MD503|memory")
    connection = http.client.HTTPConnection(server.host, server.port, timeout=PATIENCE)
    assert post(server, connection, body_of(1, 1), "place").status == 201
    outcomes, batch, unhurt = collections.Counter(), 1, 0
    while unhurt < 5:  # every so often other threads allocate in between
        batch, before = batch + 1, memory[memory.FAILED]
        if what == "connection":
            connection.close()
        memory[memory.LEFT] = batch - 2
        response = post(server, connection, body_of(batch, 1),
                        f"place,p{batch}:place" if what == "plan" else "place")
        memory[memory.LEFT] = -1
        unhurt = unhurt + 1 if memory[memory.FAILED] == before else 0
        there = len(db.rows(f"SELECT id FROM item WHERE batch = {batch}"))
        status = response.status if response else None
        assert there in (0, 7), (batch, there, response)
        if status == 201:
            assert there == 7 and len(response.json) == 7, (batch, there, response)
        elif response:
            assert status in (500, 503) and there == 0, (batch, there, response)
        outcomes[status] += 1
    assert memory[memory.FAILED] >= least
    assert outcomes[503] > 20, outcomes
    assert server.alive()
    assert post(server, connection, body_of(batch + 1, 1), "place").status == 201
    connection.close()
    expect_whole(db)
