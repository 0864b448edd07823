"""Order: directions, NULLs where PostgreSQL puts them, several columns, JSON paths."""
import pytest


@pytest.mark.parametrize("order, ids", [
    ("id.desc", [5, 4, 3, 2, 1]),
    ("title", [5, 2, 4, 1, 3]),
    ("price", [3, 2, 1, 5, 4]),
    ("price.asc", [3, 2, 1, 5, 4]),
    ("price.desc", [4, 5, 1, 2, 3]),
    ("price.nullsfirst", [4, 3, 2, 1, 5]),
    ("price.asc.nullsfirst", [4, 3, 2, 1, 5]),
    ("price.desc.nullslast", [5, 1, 2, 3, 4]),
    ("price.desc.nullsfirst", [4, 5, 1, 2, 3]),
    ("author_id.desc,id.asc", [5, 3, 4, 1, 2]),
    ("in_print.nullsfirst,id.desc", [4, 3, 5, 2, 1]),
    ("info->>isbn.desc.nullslast", [5, 3, 2, 1, 4]),
    pytest.param("info->size->w.nullslast,id", [2, 1, 5, 3, 4],
                 marks=pytest.mark.sqlite("PostgreSQL cannot order values of json, only of jsonb")),
    ('"price".desc.nullslast', [5, 1, 2, 3, 4]),
])
def test_rows_come_in_the_order_asked_for(library, order, ids):
    assert library.column(f"/book?order={order}") == ids


@pytest.mark.parametrize("order", ["id.up", "id.asc.nullsmiddle", "id.asc.desc", "id,", ",id",
                                   "id.nullsfirst.asc", "publisher(", ".desc"])
def test_a_malformed_order_is_PGRST100_with_a_place(library, order):
    error = library.error(f"/book?order={order}", 400, "PGRST100")
    assert error["message"].startswith('"failed to parse order (')


def test_an_unknown_column_is_42703(library):
    error = library.error("/book?order=colour", 400, "42703")
    assert error["message"] == "column book.colour does not exist"


def test_an_empty_order_is_no_order(library):
    assert library.get("/book?order=").status in (200, 400)
