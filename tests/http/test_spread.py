"""Spreads: the columns of related rows among those of their parent; of many rows as lists that
belong together. The answers are the same on every engine."""
import pytest


# --- one row --------------------------------------------------------------------------------------

def test_a_row_is_spread_in_the_place_where_it_is_selected(library):
    row = library.rows("/book?id=eq.1&select=id,...publisher(house:name,house_id:id),title")[0]
    assert list(row.items()) == [("id", 1), ("house", "North Press"), ("house_id", 1),
                                 ("title", "The Quiet Harbour")]


def test_the_columns_of_a_row_that_is_not_there_are_null(library):
    assert library.rows("/book?id=eq.4&select=n:id,...publisher(*)") == [
        {"n": 4, "id": None, "name": None}]


def test_spreads_nest(library):
    assert library.rows("/copy?select=id,...book(title,...publisher(house:name))&order=id"
                        "&id=in.(3,4)") == [
        {"id": 3, "title": "Harbour Lights", "house": "North Press"},
        {"id": 4, "title": "100% Wool_en", "house": "Quill & Co"}]
    assert library.rows("/book?select=id,...publisher(name,books:book(id))&id=eq.4") == [
        {"id": 4, "name": None, "books": None}]


def test_a_spread_inside_an_embed(library):
    assert library.rows("/copy?id=eq.1&select=id,book(id,...publisher(house:name))") == [
        {"id": 1, "book": {"id": 1, "house": "North Press"}}]
    assert library.rows("/publisher?id=eq.2&select=book(id,...author!book_writer(who:name))"
                        "&book.order=id") == [
        {"book": [{"id": 3, "who": "Bo Cedar"}, {"id": 5, "who": "Cleo Dunn"}]}]


@pytest.mark.parametrize("order", ["publisher(name).desc,id", "publisher(house).desc,id"])
def test_parents_are_ordered_by_a_spread_column_and_by_its_alias(library, order):
    rows = library.rows(f"/book?select=id,...publisher(house:name)&order={order}")
    assert [row["id"] for row in rows] == [4, 3, 5, 1, 2]


def test_an_inner_spread_leaves_out_rows_without_a_match(library):
    assert library.rows("/book?select=id,...publisher!inner(name)&order=id"
                        "&publisher.name=like.Q*") == [
        {"id": 3, "name": "Quill & Co"}, {"id": 5, "name": "Quill & Co"}]


# --- many rows ------------------------------------------------------------------------------------

def test_many_rows_are_a_list_for_each_column(library):
    assert library.rows("/publisher?select=name,...book(titles:title,pages)&order=id"
                        "&book.order=id") == [
        {"name": "North Press", "titles": ["The Quiet Harbour", "Harbour Lights"],
         "pages": [320, 210]},
        {"name": "Quill & Co", "titles": ["Étude", "100% Wool_en"], "pages": [95, 400]},
        {"name": "Unsold Ltd", "titles": [], "pages": []}]


def test_a_junction_is_spread_like_any_other_list(library):
    assert library.rows("/book?select=id,...genre(genres:name)&order=id&genre.order=name") == [
        {"id": 1, "genres": ["novel"]}, {"id": 2, "genres": ["novel"]},
        {"id": 3, "genres": ["music", "novel"]}, {"id": 4, "genres": []},
        {"id": 5, "genres": ["craft"]}]


def test_a_star_is_a_list_for_every_column(library):
    assert library.rows("/book?id=eq.3&select=...genre(*)&genre.order=id.desc") == [
        {"id": [2, 1], "name": ["music", "novel"]}]


def test_values_in_lists_look_as_they_do_elsewhere(library):
    assert library.rows("/publisher?id=eq.2&select=...book(published,price,in_print,info->tags,"
                        "w:info->size->>w,p:pages::text)&book.order=id") == [
        {"published": ["2010-01-20", "2020-11-05"], "price": [5.25, 23.45],
         "in_print": [False, True], "tags": [[], ["craft", "wool"]], "w": [None, "20"],
         "p": ["95", "400"]}]
    assert library.rows("/author?id=eq.2&select=...book!book_writer(published)&book.order=id") == [
        {"published": ["2010-01-20", None]}]


def test_lists_are_filtered_ordered_and_cut(library):
    target = "/publisher?select=id,...book(title)&order=id"
    assert library.rows(target + "&book.order=title.desc&book.limit=1") == [
        {"id": 1, "title": ["The Quiet Harbour"]}, {"id": 2, "title": ["Étude"]},
        {"id": 3, "title": []}]
    assert library.rows(target + "&book.order=id&book.offset=1") == [
        {"id": 1, "title": ["Harbour Lights"]}, {"id": 2, "title": ["100% Wool_en"]},
        {"id": 3, "title": []}]
    assert library.rows(target + "&book.pages=gt.300") == [
        {"id": 1, "title": ["The Quiet Harbour"]}, {"id": 2, "title": ["100% Wool_en"]},
        {"id": 3, "title": []}]
    assert library.rows("/publisher?select=...book(id,...author!book_writer(name))&id=eq.2"
                        "&book.order=author(name).desc") == [
        {"id": [5, 3], "name": ["Cleo Dunn", "Bo Cedar"]}]


def test_parents_are_chosen_by_what_is_in_the_lists(library):
    assert library.rows("/publisher?select=name,...book(title)&book=is.null") == [
        {"name": "Unsold Ltd", "title": []}]
    assert library.rows("/publisher?select=name,...book!inner(title)&book.pages=lt.200") == [
        {"name": "Quill & Co", "title": ["Étude"]}]


def test_a_list_that_shows_nothing_counts_in_conditions_only(library):
    assert library.rows("/publisher?select=name,...book!inner()&book.pages=lt.200") == [
        {"name": "Quill & Co"}]


def test_one_row_spread_inside_a_list_stands_beside_it(library):
    assert library.rows("/author?id=in.(2,4)&order=id&select=id,...book!book_writer(title,"
                        "...publisher(house:name))&book.order=id") == [
        {"id": 2, "title": ["Étude", "Night, Rain"], "house": ["Quill & Co", None]},
        {"id": 4, "title": [], "house": []}]


def test_embeds_and_lists_inside_a_list_are_its_elements(library):
    assert library.rows("/publisher?id=eq.1&select=...book(id,cover(colour),genre(name),"
                        "...copy(copies:id))&book.order=id&book.copy.order=id") == [
        {"id": [1, 2], "cover": [{"colour": "blue"}, None],
         "genre": [[{"name": "novel"}], [{"name": "novel"}]], "copies": [[1, 2], [3]]}]


def test_a_list_spread_from_a_row_that_is_not_there_is_null(library):
    assert library.rows("/book?id=in.(3,4)&order=id&select=id,...publisher(...book(books:id))"
                        "&publisher.book.order=id") == [
        {"id": 3, "books": [3, 5]}, {"id": 4, "books": None}]
    assert library.rows("/copy?id=eq.4&select=book(...publisher(...book(books:id)))"
                        "&book.publisher.book.order=id") == [{"book": {"books": [3, 5]}}]


def test_nulls_are_kept_inside_lists_when_they_are_left_out_of_objects(library):
    answer = library.get("/book?id=eq.4&select=id,price,...publisher(name,...book(books:id)),"
                         "...copy(copies:id)",
                         accept="application/vnd.pgrst.array+json;nulls=stripped")
    assert answer.json == [{"id": 4, "copies": []}]
    answer = library.get("/author?id=eq.2&select=...book!book_writer(price)&book.order=id",
                         accept="application/vnd.pgrst.array+json;nulls=stripped")
    assert answer.json == [{"price": [5.25, None]}]


def test_lists_are_json_in_the_cells_of_csv(library):
    answer = library.get("/publisher?select=name,...book(id,t:title)&order=id&book.order=id",
                         accept="text/csv")
    assert answer.text == ('name,id,t\n'
                           '"North Press","[1,2]","[""The Quiet Harbour"",""Harbour Lights""]"\n'
                           '"Quill & Co","[3,5]","[""Étude"",""100% Wool_en""]"\n'
                           '"Unsold Ltd",[],[]')


def test_items_and_their_relationships_spread_lists(library):
    assert library.get("/publisher/1?select=name,...book(id)&book.order=id").json == {
        "name": "North Press", "id": [1, 2]}
    assert library.rows("/publisher/1/book?select=id,...genre(name)&order=id") == [
        {"id": 1, "name": ["novel"]}, {"id": 2, "name": ["novel"]}]


def test_a_write_gives_lists_back(shop):
    answer = shop.patch("/maker?id=eq.1&select=name,...toy(toys:id)&toy.order=id",
                        {"name": "Renamed"}, prefer="return=representation")
    assert answer.json == [{"name": "Renamed", "toys": sorted(
        row["id"] for row in shop.rows("/toy?maker_id=eq.1"))}]
    assert answer.json[0]["toys"]


def test_lists_are_capped_like_embeds(serve):
    server = serve(db_max_rows=1)
    assert server.rows("/publisher?select=id,...book(title)&order=id&book.order=title") == [
        {"id": 1, "title": ["Harbour Lights"]}]
    assert server.rows("/publisher?select=id,book(id)&order=id&book.order=id.desc&id=eq.2") == [
        {"id": 2, "book": [{"id": 5}]}]


def test_an_unknown_column_in_a_list_is_42703(library):
    library.error("/publisher?select=id,...book(colour)", 400, "42703")


def test_an_order_by_a_list_is_PGRST118(library):
    library.error("/book?select=id,...genre(name)&order=genre(name)", 400, "PGRST118")
