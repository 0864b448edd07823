"""What select= chooses and how values are written: columns, aliases, casts, JSON paths, numbers,
text, binary, missing columns."""
import pytest


def test_without_select_every_column_comes_in_order(library):
    row = library.rows("/book?id=eq.2")[0]
    assert list(row) == ["id", "title", "author_id", "editor_id", "publisher_id", "pages", "price",
                         "in_print", "published", "info"]


def test_select_gives_the_columns_asked_for_in_that_order(library):
    assert list(library.rows("/book?id=eq.2&select=title,id")[0]) == ["title", "id"]


def test_a_star_stands_for_all_columns(library):
    assert library.rows("/genre?select=*&id=eq.1") == [{"id": 1, "name": "novel"}]


def test_spaces_around_the_items_are_ignored(library):
    assert library.rows("/genre?select= id , name &id=eq.1") == [{"id": 1, "name": "novel"}]


def test_an_alias_renames_a_column(library):
    assert library.rows("/genre?select=number:id,word:name&id=eq.1") == [
        {"number": 1, "word": "novel"}]


def test_a_quoted_alias_may_contain_anything(library):
    assert library.rows('/genre?select="a, b":id&id=eq.1') == [{"a, b": 1}]


def test_quoted_names_reach_columns_with_dots_and_quotes(library):
    rows = library.rows(r'/reading room?select="a.b","say \"hi\"",größe&"seat no"=eq.1')
    assert rows == [{"a.b": "x", 'say "hi"': "y", "größe": "groß"}]


@pytest.mark.parametrize("item, value", [
    ("pages::text", "320"),
    ("price::text", "12.5"),
    ("in_print::text", "true"),
    ("id::float8", 1),
    ("published::date", "1999-03-01"),
    ("title::varchar", "The Quiet Harbour"),
    ("info->size->>w::int", 12),
    ("price::numeric", 12.5),
    ("price::int", 12), # a double: halves go to the even number
    ("pages::float", 320),
    ("pages::dec", 320),
    ("pages::character", "3"),
    ("in_print::int", 1),
    ("pages::bool", True),
    ("published::timestamp without time zone", "1999-03-01T00:00:00"),
    ("published::timestamp with time zone", "1999-03-01T00:00:00+00:00"),
    ("info->size::text", '{"w":12,"h":19}'),
])
def test_a_cast_changes_the_type(library, item, value):
    row = library.rows(f"/book?id=eq.1&select=x:{item}")[0]
    assert row == {"x": value}


def test_a_cast_to_an_unknown_type_is_42704(library):
    error = library.error("/book?select=id::banana", 400, "42704")
    assert "banana" in error["message"]


@pytest.mark.parametrize("item, source, target", [
    ("published::time", "date", "time without time zone"),
    ("published::int", "date", "integer"),
    ("price::bool", "double precision", "boolean"),
    ("price::date", "double precision", "date"),
    ("in_print::float8", "boolean", "double precision")])
def test_a_cast_that_does_not_exist_is_42846(library, item, source, target):
    error = library.error(f"/book?select={item}", 400, "42846")
    assert error["message"] == f"cannot cast type {source} to {target}"


def test_decimals_are_rounded_away_from_zero(library):
    assert library.rows("/measure?select=exact::int&id=eq.2") == [{"exact": 1}]


def test_casts_are_followed_in_embeds_and_spreads(library):
    assert library.rows("/publisher?id=eq.1&select=book(id::text,price::int)&book.order=id") == [
        {"book": [{"id": "1", "price": 12}, {"id": "2", "price": 8}]}]
    assert library.rows("/publisher?id=eq.1&select=...book(id::text,price::int)&book.order=id") == [
        {"id": ["1", "2"], "price": [12, 8]}]
    assert library.rows("/book?id=eq.1&select=...publisher(id::text),author_id(born::text)") == [
        {"id": "1", "author_id": {"born": "1950"}}]


def test_a_cast_that_a_value_cannot_take_is_22P02(library):
    library.error("/book?select=title::int", 400, "22P02")


@pytest.mark.parametrize("item, row", [
    ("info->>isbn", {"isbn": "111"}),
    ("info->isbn", {"isbn": "111"}),
    ("info->size", {"size": {"w": 12, "h": 19}}),
    ("info->size->w", {"w": 12}),
    ("info->size->>w", {"w": "12"}),
    ("info->tags->0", {"tags": "sea"}),
    ("info->tags->>-1", {"tags": "calm"}),
    ("info->tags->9", {"tags": None}),
    ("first:info->tags->>0", {"first": "sea"}),
    ("info->nowhere->deeper", {"deeper": None}),
])
def test_a_json_path_is_followed_and_named_after_its_last_key(library, item, row):
    assert library.rows(f"/book?id=eq.1&select={item}") == [row]


def test_a_json_column_is_json_and_not_text(library):
    assert library.rows("/book?id=eq.1&select=info")[0]["info"]["size"] == {"w": 12, "h": 19}


def test_an_unknown_column_is_42703(library):
    error = library.error("/book?select=id,colour", 400, "42703")
    assert error["message"] == "column book.colour does not exist"


@pytest.mark.parametrize("select", ["id,", ",id", "id,,title", "id:", "a:b:c", "id::", "id->",
                                    "info->>--1", "(id)", "author("])
def test_a_malformed_select_is_PGRST100_with_a_place(library, select):
    error = library.error(f"/book?select={select}", 400, "PGRST100")
    assert error["message"].startswith('"failed to parse select parameter (')
    assert "(line 1, column " in error["message"]


def test_whole_numbers_keep_all_their_digits(library):
    assert library.column("/measure?order=id", "whole") == [
        9223372036854775807, -9223372036854775808, 0, 9007199254740993]


def test_fractions_are_written_as_short_as_they_can_be_read_back(library):
    body = library.get("/measure?select=part&order=id&limit=2").body
    assert body == b'[{"part":0.1},{"part":23.45}]'


def test_booleans_are_true_and_false(library):
    assert library.column("/measure?order=id", "flag") == [True, False, None, True]


def test_binary_is_hexadecimal(library):
    assert library.column("/measure?order=id", "raw") == ["\\x00ff", None, "\\x", None]


def test_text_comes_back_as_it_is(library):
    assert library.column("/measure?order=id", "words") == [
        "plain", 'a "quote" and \\ and / and\nnewline', "Ünïcødé 😀", ""]


def test_answers_are_compact(library):
    assert library.get("/genre?id=eq.1").body == b'[{"id":1,"name":"novel"}]'


def test_no_rows_are_an_empty_list(library):
    assert library.get("/vacancy").body == b"[]"


def test_a_view_is_read_like_a_table(library):
    assert library.rows("/short_book?order=id&select=id") == [{"id": 3}, {"id": 4}]


def test_a_table_without_a_key_is_read(library):
    assert library.rows("/visit?day=eq.tue") == [{"day": "tue", "visitors": 0}]


def test_a_table_whose_name_has_spaces_is_read(library):
    assert library.column("/reading%20room?order=seat no", "seat no") == [1, 2]


def test_nulls_are_left_out_when_the_client_asks_for_it(library):
    response = library.get("/author?id=eq.1&select=id,born,mentor_id",
                           Accept="application/vnd.pgrst.array+json;nulls=stripped")
    assert response.status == 200
    assert response.json == [{"id": 1, "born": 1950}]
