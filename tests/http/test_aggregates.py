"""Aggregates, where the configuration allows them."""
import pytest


@pytest.fixture(scope="module")
def sums(tmp_path_factory):
    """A daemon with db-aggregates-enabled."""
    from conftest import LIBRARY
    from harness import Database, Modeld
    folder = tmp_path_factory.mktemp("aggregates")
    server = Modeld(Database(folder / "library.db", LIBRARY).url, folder=folder,
                    settings={"db-aggregates-enabled": "true"})
    yield server
    server.stop()


@pytest.mark.parametrize("select, row", [
    ("pages.sum()", {"sum": 1175}),
    ("pages.min(),pages.max()", {"min": 95, "max": 400}),
    ("pages.avg()", {"avg": 235}),
    ("count()", {"count": 5}),
    ("price.count()", {"count": 4}),
    ("total:pages.sum()", {"total": 1175}),
    ("pages.sum()::text", {"sum": "1175"}),
])
def test_an_aggregate_over_all_rows_is_one_row(sums, select, row):
    assert sums.rows(f"/book?select={select}") == [row]


def test_plain_columns_beside_an_aggregate_group_the_rows(sums):
    assert sums.rows("/book?select=author_id,pages.sum()&order=author_id") == [
        {"author_id": 1, "sum": 530}, {"author_id": 2, "sum": 245}, {"author_id": 3, "sum": 400}]


def test_filters_come_before_the_aggregate(sums):
    assert sums.rows("/book?select=count()&pages=gt.200") == [{"count": 3}]


def test_an_embed_can_be_aggregated(sums):
    assert sums.rows("/publisher?select=name,book(pages.sum())&order=id&limit=1") == [
        {"name": "North Press", "book": [{"sum": 530}]}]
