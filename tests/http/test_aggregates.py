"""Aggregates: what they give, how their numbers look, what the rows are grouped by, in embeds and in
spreads; and what they are refused for. The answers are the same on every engine."""
import pytest

from conftest import LIBRARY
from harness import Modeld


@pytest.fixture(scope="module")
def sums(engine, tmp_path_factory):
    """A daemon on the library whose settings allow aggregates."""
    folder = tmp_path_factory.mktemp("sums")
    server = Modeld(engine.database(folder, LIBRARY, "sums.db").url, folder=folder,
                    settings={"threads": 1, "db-aggregates-enabled": "true"})
    yield server
    server.stop()


def text(server, target):
    """The answer as it is sent: digits count."""
    response = server.get(target)
    assert response.status == 200, response
    return response.text


# --- whether they are allowed ---------------------------------------------------------------------

@pytest.mark.parametrize("select", [
    "pages.sum()", "count()", "id,publisher(name.max())", "id,...publisher(count())",
    "id,genre(count())", "id,...genre(id.count())"])
def test_aggregates_are_PGRST123_unless_they_are_allowed(library, select):
    error = library.error(f"/book?select={select}", 400, "PGRST123")
    assert error["message"] == "Use of aggregate functions is not allowed"


# --- numbers --------------------------------------------------------------------------------------

@pytest.mark.parametrize("target, answer", [
    ("/book?select=count()", '[{"count":5}]'),
    ("/book?select=n:count()", '[{"n":5}]'),
    ("/book?select=count()::text", '[{"count":"5"}]'),
    ("/book?select=pages.sum(),pages.min(),pages.max(),pages.count()",
     '[{"sum":1175,"min":95,"max":400,"count":5}]'),
    ("/book?select=pages.avg()", '[{"avg":235.0000000000000000}]'),
    ("/book?select=pages.avg()&id=in.(1,2,3)", '[{"avg":208.3333333333333333}]'),
    ("/book?select=price.sum(),price.avg(),price.count()", '[{"sum":49.2,"avg":12.3,"count":4}]'),
    ("/measure?select=exact.sum(),exact.avg(),exact.count()",
     '[{"sum":110.5,"avg":36.8333333333333333,"count":3}]'),
    ("/measure?select=whole.sum()&id=in.(1,4)", '[{"sum":9232379236109516800}]'),
    ("/measure?select=whole.sum(),whole.min()",
     '[{"sum":9007199254740992,"min":-9223372036854775808}]'),
    ("/measure?select=whole.avg()", '[{"avg":2251799813685248.0000}]'),
    ("/measure?select=exact.avg()&id=eq.2", '[{"avg":0.50000000000000000000}]'),
    ("/visit?select=visitors.avg()&day=eq.tue", '[{"avg":0.00000000000000000000}]'),
])
def test_numbers_have_the_digits_that_postgresql_gives_them(sums, target, answer):
    assert text(sums, target) == answer


@pytest.mark.parametrize("select, row", [
    ("title.min(),published.max()", {"min": "100% Wool_en", "max": "2020-11-05"}),
    ("pages::text.max()", {"max": "95"}),
    ("pages.sum()::text", {"sum": "1175"}),
    ("pages.avg()::int", {"avg": 235}),
    ("x:price.avg()::int", {"x": 12}),
    ("info->size->>w.max()", {"max": "20"}),
    ("info->size->>w::int.sum()", {"sum": 43}),
    ("s:info->size->>w::int.sum()::text", {"s": "43"}),
])
def test_what_is_aggregated_and_the_result_can_be_cast(sums, select, row):
    assert sums.rows(f"/book?select={select}") == [row]


def test_no_rows_have_no_sum_and_a_count_of_zero(sums):
    assert sums.rows("/book?id=eq.99&select=pages.sum(),price.avg(),title.max(),n:count()") == [
        {"sum": None, "avg": None, "max": None, "n": 0}]


@pytest.mark.parametrize("select, function", [
    ("title.sum()", "sum(text)"), ("title.avg()", "avg(text)"), ("in_print.max()", "max(boolean)"),
    ("published.sum()", "sum(date)"), ("info.min()", "min(json)")])
def test_an_aggregate_of_a_type_that_has_none_is_42883(sums, select, function):
    error = sums.error(f"/book?select={select}", 404, "42883")
    assert error["message"] == f"function {function} does not exist"


# --- grouping -------------------------------------------------------------------------------------

def test_rows_are_grouped_by_everything_else_that_is_selected(sums):
    assert sums.rows("/book?select=n:count(),author_id&order=author_id.desc") == [
        {"n": 1, "author_id": 3}, {"n": 2, "author_id": 2}, {"n": 2, "author_id": 1}]
    assert sums.rows("/book?select=author_id,publisher_id,pages.sum()&order=author_id,publisher_id"
                     "&publisher_id=not.is.null") == [
        {"author_id": 1, "publisher_id": 1, "sum": 530},
        {"author_id": 2, "publisher_id": 2, "sum": 95},
        {"author_id": 3, "publisher_id": 2, "sum": 400}]


def test_a_missing_value_is_a_group_of_its_own(sums):
    assert sums.rows("/book?select=in_print,count()&order=in_print") == [
        {"in_print": False, "count": 1}, {"in_print": True, "count": 3},
        {"in_print": None, "count": 1}]


def test_groups_by_a_json_path_and_by_a_cast(sums):
    assert sums.rows("/book?select=tag:info->tags->>0,count()&order=info->tags->>0") == [
        {"tag": "craft", "count": 1}, {"tag": "sea", "count": 2}, {"tag": None, "count": 2}]
    rows = sums.rows("/book?select=whole:price::int,count()&price=lt.10")
    assert sorted(rows, key=lambda row: row["whole"]) == [
        {"whole": 5, "count": 1}, {"whole": 8, "count": 1}]


def test_a_cast_groups_by_the_column_unless_it_has_a_name_of_its_own(sums):
    assert sums.rows("/book?select=author_id::bool,n:count()&order=author_id") == [
        {"author_id": True, "n": 2}, {"author_id": True, "n": 2}, {"author_id": True, "n": 1}]
    assert sums.rows("/book?select=any:author_id::bool,n:count()") == [{"any": True, "n": 5}]
    assert sums.rows("/publisher?select=id,book(author_id::bool,n:count())&id=eq.2"
                     "&book.order=author_id.desc") == [
        {"id": 2, "book": [{"author_id": True, "n": 1}, {"author_id": True, "n": 1}]}]
    sums.error("/book?select=any:author_id::bool,n:count()&order=author_id", 400, "42803")
    sums.error("/book?select=info::text,count()&order=info", 400, "42803")


def test_groups_are_cut_into_pages_and_counted(sums):
    target = "/book?select=author_id,count()&order=author_id"
    assert sums.rows(target + "&limit=1&offset=1") == [{"author_id": 2, "count": 2}]
    answer = sums.get(target + "&limit=1&offset=1", prefer="count=exact")
    assert (answer.status, answer.header("Content-Range")) == (206, "1-1/3")
    answer = sums.get("/book?select=count()", prefer="count=exact")
    assert (answer.status, answer.header("Content-Range")) == (200, "0-0/1")
    sums.error(target + "&offset=9", 416, "PGRST103", prefer="count=exact")


@pytest.mark.parametrize("query, column", [
    ("select=count()&order=id", "id"),
    ("select=author_id,count()&order=pages", "pages"),
    ("select=day:published::text,count()&order=published", "published"),
    ("select=part:info->size,count()&order=info->size->>w", "info")])
def test_an_order_by_what_is_not_grouped_by_is_42803(sums, query, column):
    error = sums.error(f"/book?{query}", 400, "42803")
    assert error["message"] == (f'column "book.{column}" must appear in the GROUP BY clause or be '
                                "used in an aggregate function")


def test_a_whole_key_among_the_columns_allows_every_order(sums):
    assert sums.column("/book?select=id,count()&order=pages.desc&limit=2") == [5, 1]


def test_an_item_that_is_not_there_is_404_with_aggregates_too(sums):
    assert sums.get("/book/1?select=pages.sum(),n:count()").json == {"sum": 320, "n": 1}
    sums.error("/book/99?select=n:count()", 404, "MD404")
    assert sums.rows("/publisher/1/book?select=n:count(),pages.max()") == [{"n": 2, "max": 320}]


# --- embeds ---------------------------------------------------------------------------------------

def test_an_embed_aggregates_the_rows_of_each_parent(sums):
    assert sums.rows("/publisher?select=name,book(n:count(),pages.sum())&order=id") == [
        {"name": "North Press", "book": [{"n": 2, "sum": 530}]},
        {"name": "Quill & Co", "book": [{"n": 2, "sum": 495}]},
        {"name": "Unsold Ltd", "book": [{"n": 0, "sum": None}]}]
    assert sums.rows("/genre?select=name,book(pages.avg())&order=name&name=eq.novel") == [
        {"name": "novel", "book": [{"avg": 208.3333333333333333}]}]


def test_an_embed_is_grouped_ordered_and_filtered(sums):
    assert sums.rows("/author?select=id,book!book_writer(publisher_id,pages.sum())&id=eq.2"
                     "&book.order=publisher_id.desc.nullslast") == [
        {"id": 2, "book": [{"publisher_id": 2, "sum": 95}, {"publisher_id": None, "sum": 150}]}]
    assert sums.rows("/author?select=id,book!book_writer(n:count())&book.pages=gt.200&order=id") == [
        {"id": 1, "book": [{"n": 2}]}, {"id": 2, "book": [{"n": 0}]},
        {"id": 3, "book": [{"n": 1}]}, {"id": 4, "book": [{"n": 0}]}]


def test_a_to_one_embed_aggregates_its_row(sums):
    assert sums.rows("/book?select=id,publisher(count())&id=in.(1,4)&order=id") == [
        {"id": 1, "publisher": {"count": 1}}, {"id": 4, "publisher": {"count": 0}}]
    assert sums.rows("/book?select=id,publisher(name,count())&id=in.(1,4)&order=id") == [
        {"id": 1, "publisher": {"name": "North Press", "count": 1}}, {"id": 4, "publisher": None}]


def test_rows_are_grouped_by_what_a_to_one_embed_shows(sums):
    rows = sums.rows("/book?select=count(),publisher(name)")
    assert sorted(rows, key=str) == sorted([
        {"count": 2, "publisher": {"name": "North Press"}},
        {"count": 2, "publisher": {"name": "Quill & Co"}},
        {"count": 1, "publisher": None}], key=str)
    # Both authors have no country: it is the same object.
    rows = sums.rows("/book?select=count(),author!book_writer(born)&id=in.(5)")
    assert rows == [{"count": 1, "author": {"born": None}}]
    rows = sums.rows("/author?select=count(),mentor:mentor_id(country)")
    assert sorted(rows, key=str) == sorted([
        {"count": 1, "mentor": None}, {"count": 2, "mentor": {"country": "SE"}},
        {"count": 1, "mentor": {"country": "NO"}}], key=str)


def in_any_order(rows):
    return sorted(rows, key=str)


@pytest.mark.parametrize("select, rows", [
    ("n:count(),genre(name)&genre.order=name", [
        {"n": 1, "genre": []}, {"n": 1, "genre": [{"name": "craft"}]},
        {"n": 2, "genre": [{"name": "novel"}]},
        {"n": 1, "genre": [{"name": "music"}, {"name": "novel"}]}]),
    ("n:count(),...genre(genres:name)&genre.order=name", [
        {"n": 1, "genres": []}, {"n": 1, "genres": ["craft"]}, {"n": 2, "genres": ["novel"]},
        {"n": 1, "genres": ["music", "novel"]}]),
    ("pages.max(),publisher(book(id))&publisher.book.order=id", [
        {"max": 150, "publisher": None}, {"max": 320, "publisher": {"book": [{"id": 1}, {"id": 2}]}},
        {"max": 400, "publisher": {"book": [{"id": 3}, {"id": 5}]}}]),
    ("n:count(),copy(id)&copy.order=id&copy.limit=1&id=in.(1,2,3,4)", [
        {"n": 2, "copy": []}, {"n": 1, "copy": [{"id": 1}]}, {"n": 1, "copy": [{"id": 3}]}]),
    ("n:count(),publisher(m:count()),genre(k:count())", [
        {"n": 3, "publisher": {"m": 1}, "genre": [{"k": 1}]},
        {"n": 1, "publisher": {"m": 1}, "genre": [{"k": 2}]},
        {"n": 1, "publisher": {"m": 0}, "genre": [{"k": 0}]}]),
])
def test_rows_are_grouped_by_equal_lists(sums, select, rows):
    assert in_any_order(sums.rows(f"/book?select={select}")) == in_any_order(rows)
    answer = sums.get(f"/book?select={select}", prefer="count=exact")
    assert answer.header("Content-Range") == f"0-{len(rows) - 1}/{len(rows)}"


def test_an_inner_embed_leaves_rows_out_of_the_groups(sums):
    assert sums.rows("/book?select=pages.sum(),publisher!inner(name)"
                     "&publisher.name=eq.North Press".replace(" ", "%20")) == [
        {"sum": 530, "publisher": {"name": "North Press"}}]


# --- spreads --------------------------------------------------------------------------------------

def test_aggregates_in_a_spread_are_those_of_the_level_around_it(sums):
    assert sums.rows("/book?select=author_id,...publisher(houses:count(),name.max())"
                     "&order=author_id") == [
        {"author_id": 1, "houses": 2, "max": "North Press"},
        {"author_id": 2, "houses": 1, "max": "Quill & Co"},
        {"author_id": 3, "houses": 1, "max": "Quill & Co"}]
    assert sums.rows("/book?select=...publisher(count())") == [{"count": 4}]


def test_rows_are_grouped_by_the_columns_of_a_spread(sums):
    expected = [{"count": 2, "house": "North Press"}, {"count": 2, "house": "Quill & Co"},
                {"count": 1, "house": None}]
    assert sums.rows("/book?select=count(),...publisher(house:name)&order=publisher(house)") \
        == expected
    assert sums.rows("/book?select=count(),...publisher(house:name)&order=publisher(name)") \
        == expected
    sums.error("/book?select=count(),...publisher(house:name)&order=publisher(id)", 400, "42803")


def test_spreads_nest(sums):
    rows = sums.rows("/copy?select=...book(pages.sum(),...publisher(house:name))")
    assert sorted(rows, key=lambda row: row["sum"]) == [
        {"sum": 400, "house": "Quill & Co"}, {"sum": 850, "house": "North Press"}]
    assert sums.rows("/publisher?select=name,book(...author!book_writer(who:name,n:count()))"
                     "&id=lt.3&order=id&book.order=author(who)") == [
        {"name": "North Press", "book": [{"who": "Ada Brook", "n": 2}]},
        {"name": "Quill & Co", "book": [{"who": "Bo Cedar", "n": 1}, {"who": "Cleo Dunn", "n": 1}]}]


def test_aggregates_in_a_to_many_spread_are_PGRST127(sums):
    error = sums.error("/publisher?select=name,...book(pages.sum())", 400, "PGRST127")
    assert error["message"] == "Feature not implemented"
    assert error["details"] == ("Aggregates are not implemented for one-to-many or many-to-many "
                                "spreads.")


# --- count without parentheses --------------------------------------------------------------------

def test_count_without_parentheses_counts_where_no_column_has_this_name(library):
    assert library.rows("/book?select=count") == [{"count": 5}]
    assert library.rows("/book?select=n:count&pages=gt.200") == [{"n": 3}]
    assert library.rows("/book?select=count::text") == [{"count": "5"}]
    assert library.rows("/publisher?select=name,book(count)&order=id") == [
        {"name": "North Press", "book": [{"count": 2}]},
        {"name": "Quill & Co", "book": [{"count": 2}]},
        {"name": "Unsold Ltd", "book": [{"count": 0}]}]


@pytest.mark.parametrize("select", ["count,title", "*,count", "count,publisher(name)"])
def test_nothing_stands_beside_count_without_parentheses(library, select):
    library.error(f"/book?select={select}", 400, "42803")


def test_a_column_named_count_is_a_column(serve, database):
    server = serve(database("CREATE TABLE tally (id INTEGER PRIMARY KEY, count INTEGER);"
                            "INSERT INTO tally VALUES (1, 7), (2, 8);"))
    assert server.rows("/tally?select=count&order=id") == [{"count": 7}, {"count": 8}]
