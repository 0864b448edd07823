"""Embedding: the relationships found in the database, hints, joins, aliases, filters, order and
limits inside embeds, and what a relationship that is missing or ambiguous says."""
import pytest


def test_a_to_one_embed_is_an_object(library):
    assert library.rows("/book?id=eq.1&select=title,publisher(name)") == [
        {"title": "The Quiet Harbour", "publisher": {"name": "North Press"}}]


def test_a_to_one_embed_of_nothing_is_null(library):
    assert library.rows("/book?id=eq.4&select=id,publisher(name)") == [
        {"id": 4, "publisher": None}]


def test_a_to_many_embed_is_a_list(library):
    assert library.rows("/publisher?id=eq.1&select=id,book(id)&book.order=id") == [
        {"id": 1, "book": [{"id": 1}, {"id": 2}]}]


def test_a_to_many_embed_of_nothing_is_an_empty_list(library):
    assert library.rows("/publisher?id=eq.3&select=id,book(id)") == [{"id": 3, "book": []}]


def test_a_foreign_key_that_is_a_key_makes_one_to_one(library):
    assert library.rows("/book?id=in.(1,2)&order=id&select=id,cover(colour)") == [
        {"id": 1, "cover": {"colour": "blue"}}, {"id": 2, "cover": None}]
    assert library.rows("/cover?book_id=eq.3&select=colour,book(title)") == [
        {"colour": "white", "book": {"title": "Étude"}}]


def test_a_junction_makes_many_to_many(library):
    assert library.rows("/book?id=eq.3&select=id,genre(name)&genre.order=name") == [
        {"id": 3, "genre": [{"name": "music"}, {"name": "novel"}]}]
    assert library.rows("/genre?id=eq.1&select=name,book(id)&book.order=id") == [
        {"name": "novel", "book": [{"id": 1}, {"id": 2}, {"id": 3}]}]


def test_the_junction_itself_can_be_embedded(library):
    assert library.rows("/book?id=eq.1&select=id,book_genre(genre_id)") == [
        {"id": 1, "book_genre": [{"genre_id": 1}]}]


def test_a_self_relation_by_table_name_is_to_many(library):
    assert library.rows("/author?id=eq.1&select=name,author(id)&author.order=id") == [
        {"name": "Ada Brook", "author": [{"id": 2}, {"id": 3}]}]


def test_a_self_relation_by_column_is_to_one(library):
    assert library.rows("/author?id=eq.2&select=id,mentor_id(name)") == [
        {"id": 2, "mentor_id": {"name": "Ada Brook"}}]


def test_both_sides_of_a_self_relation_at_once(library):
    rows = library.rows("/author?id=eq.2&select=id,mentor:mentor_id(id),"
                        "students:author!mentor_id(id)")
    assert rows == [{"id": 2, "mentor": {"id": 1}, "students": [{"id": 4}]}]


def test_a_composite_foreign_key_is_followed(library):
    assert library.rows("/copy?id=eq.2&select=id,shelf(room,number)") == [
        {"id": 2, "shelf": {"room": "b,c", "number": 1}}]
    assert library.rows("/shelf?room=eq.A&number=eq.1&select=label,copy(id)&copy.order=id") == [
        {"label": "sea", "copy": [{"id": 1}, {"id": 3}]}]


def test_the_columns_of_the_target_are_all_there_with_a_star(library):
    assert library.rows("/book?id=eq.1&select=publisher(*)") == [
        {"publisher": {"id": 1, "name": "North Press"}}]


def test_embeds_nest(library):
    rows = library.rows("/copy?id=eq.1&select=id,book(title,publisher(name),genre(name))")
    assert rows == [{"id": 1, "book": {"title": "The Quiet Harbour",
                                       "publisher": {"name": "North Press"},
                                       "genre": [{"name": "novel"}]}}]


def test_a_to_many_embed_inside_a_to_many_embed(library):
    rows = library.rows("/publisher?id=eq.1&select=name,book(id,copy(id))"
                        "&book.order=id&book.copy.order=id")
    assert rows == [{"name": "North Press", "book": [
        {"id": 1, "copy": [{"id": 1}, {"id": 2}]}, {"id": 2, "copy": [{"id": 3}]}]}]


@pytest.mark.parametrize("target", ["author!book_writer", "author!author_id", "author_id",
                                    "book_writer"])
def test_a_hint_chooses_between_two_relationships(library, target):
    rows = library.rows(f"/book?id=eq.1&select=who:{target}(name)")
    assert rows == [{"who": {"name": "Ada Brook"}}]


@pytest.mark.parametrize("target", ["author!book_editor", "author!editor_id", "editor_id"])
def test_another_hint_chooses_the_other(library, target):
    rows = library.rows(f"/book?id=eq.1&select=who:{target}(name)")
    assert rows == [{"who": {"name": "Bo Cedar"}}]


def test_a_hint_works_from_the_other_side(library):
    assert library.rows("/author?id=eq.1&select=id,book!book_editor(id)&book.order=id") == [
        {"id": 1, "book": [{"id": 3}, {"id": 5}]}]


def test_a_junction_is_a_hint(library):
    assert library.rows("/genre?id=eq.3&select=id,book!book_genre(id)") == [
        {"id": 3, "book": [{"id": 5}]}]


def test_two_relationships_without_a_hint_are_300_PGRST201(library):
    error = library.error("/book?select=id,author(name)", 300, "PGRST201")
    assert "more than one relationship was found for 'book' and 'author'" in error["message"]
    assert {entry["relationship"] for entry in error["details"]} == {
        "book_writer using book(author_id) and author(id)",
        "book_editor using book(editor_id) and author(id)"}
    assert {entry["cardinality"] for entry in error["details"]} == {"many-to-one"}
    assert "author!book_writer" in error["hint"] and "author!book_editor" in error["hint"]


def test_no_relationship_is_PGRST200(library):
    error = library.error("/book?select=id,visit(day)", 400, "PGRST200")
    assert error["message"] == ("Could not find a relationship between 'book' and 'visit' in the "
                                "schema cache")


def test_an_unknown_embed_with_a_near_name_gets_a_hint(library):
    error = library.error("/book?select=id,publishers(name)", 400, "PGRST200")
    assert "publisher" in (error["hint"] or "")


def test_a_hint_that_matches_nothing_is_PGRST200(library):
    error = library.error("/book?select=id,author!nobody(name)", 400, "PGRST200")
    assert "nobody" in (error["details"] or "")


def test_an_unknown_column_in_an_embed_is_42703(library):
    error = library.error("/book?select=id,publisher(colour)", 400, "42703")
    assert "colour" in error["message"]


def test_inner_leaves_out_rows_without_a_match(library):
    assert library.column("/book?select=id,publisher!inner(id)&order=id") == [1, 2, 3, 5]


def test_inner_with_a_filter_inside_filters_the_parents(library):
    assert library.column("/book?select=id,publisher!inner(id)&publisher.name=like.North*"
                          "&order=id") == [1, 2]


def test_inner_works_for_to_many(library):
    assert library.column("/book?select=id,copy!inner(id)&order=id") == [1, 2, 5]
    assert library.rows("/book?select=id,copy!inner(id)&copy.id=eq.2") == [
        {"id": 1, "copy": [{"id": 2}]}]


def test_inner_works_for_many_to_many(library):
    assert library.column("/book?select=id,genre!inner(id)&genre.name=eq.novel&order=id") == [
        1, 2, 3]


def test_inner_and_a_hint_stand_in_either_order(library):
    one = library.column("/book?select=id,author!book_editor!inner(id)&order=id")
    other = library.column("/book?select=id,author!inner!book_editor(id)&order=id")
    assert one == other == [1, 3, 5]


def test_left_keeps_all_parents(library):
    assert library.column("/book?select=id,publisher!left(id)&order=id") == [1, 2, 3, 4, 5]


def test_a_filter_inside_without_inner_keeps_all_parents(library):
    assert library.rows("/book?select=id,publisher(id)&publisher.id=eq.1&order=id&id=lt.4") == [
        {"id": 1, "publisher": {"id": 1}}, {"id": 2, "publisher": {"id": 1}},
        {"id": 3, "publisher": None}]


def test_an_inner_embed_inside_a_left_one_keeps_the_parents(library):
    rows = library.rows("/copy?select=id,book(id,publisher!inner(id))&book.publisher.id=eq.2"
                        "&order=id")
    assert rows == [{"id": 1, "book": None}, {"id": 2, "book": None}, {"id": 3, "book": None},
                    {"id": 4, "book": {"id": 5, "publisher": {"id": 2}}}]


def test_inner_counts_only_what_matches(library):
    response = library.get("/book?select=id,publisher!inner(id)&publisher.id=eq.2",
                           Prefer="count=exact")
    assert response.header("Content-Range") == "0-1/2"


def test_an_alias_renames_an_embed_and_its_filters(library):
    assert library.rows("/publisher?id=eq.1&select=id,titles:book(id)&titles.id=gt.1") == [
        {"id": 1, "titles": [{"id": 2}]}]


def test_filters_by_the_target_of_an_aliased_embed_are_warned_about(library):
    response = library.get("/publisher?id=eq.1&select=id,titles:book(id)&book.id=gt.1")
    assert response.json == [{"id": 1, "titles": [{"id": 2}]}]
    assert response.header("Warning").startswith("299")


def test_the_same_target_twice_under_two_aliases(library):
    rows = library.rows("/publisher?id=eq.1&select=long:book(id),short:book(id)"
                        "&long.pages=gt.300&short.pages=lt.300")
    assert rows == [{"long": [{"id": 1}], "short": [{"id": 2}]}]


def test_an_empty_embed_filters_and_shows_nothing(library):
    assert library.rows("/book?select=id,publisher!inner()&publisher.id=eq.1&order=id") == [
        {"id": 1}, {"id": 2}]


def test_is_null_on_an_embed_finds_rows_without_one(library):
    assert library.column("/book?select=id,publisher()&publisher=is.null") == [4]
    assert library.column("/publisher?select=id,book()&book=is.null") == [3]


def test_not_is_null_on_an_embed_finds_rows_with_one(library):
    assert library.column("/book?select=id,publisher()&publisher=not.is.null&order=id") == [
        1, 2, 3, 5]


def test_null_filters_of_embeds_combine_with_or(library):
    assert library.column("/book?select=id,cover(),copy()&or=(cover.not.is.null,copy.not.is.null)"
                          "&order=id") == [1, 2, 3, 5]


def test_filters_in_an_embed_choose_its_rows(library):
    assert library.rows("/publisher?select=id,book(id)&book.pages=gt.300&order=id") == [
        {"id": 1, "book": [{"id": 1}]}, {"id": 2, "book": [{"id": 5}]}, {"id": 3, "book": []}]


def test_logic_in_an_embed(library):
    assert library.rows("/publisher?id=eq.1&select=book(id)&book.or=(id.eq.2,pages.gt.900)") == [
        {"book": [{"id": 2}]}]


def test_order_and_limit_in_an_embed(library):
    assert library.rows("/publisher?id=lt.3&order=id&select=id,book(id)&book.order=pages.desc"
                        "&book.limit=1") == [
        {"id": 1, "book": [{"id": 1}]}, {"id": 2, "book": [{"id": 5}]}]


def test_offset_in_an_embed(library):
    assert library.rows("/publisher?id=eq.1&select=book(id)&book.order=id&book.offset=1") == [
        {"book": [{"id": 2}]}]


def test_a_filter_two_levels_down(library):
    rows = library.rows("/publisher?id=eq.1&select=id,book(id,copy(id))&book.order=id"
                        "&book.copy.room=eq.A")
    assert rows == [{"id": 1, "book": [{"id": 1, "copy": [{"id": 1}]},
                                       {"id": 2, "copy": [{"id": 3}]}]}]


def test_order_by_a_column_of_a_to_one_embed(library):
    assert library.column("/book?select=id,publisher(name)&publisher_id=not.is.null"
                          "&order=publisher(name).desc,id") == [3, 5, 1, 2]


def test_what_a_filter_hides_of_a_to_one_embed_does_not_order(library):
    page = "id,publisher(name)", "publisher.id=eq.2", "order=publisher(name),id"
    assert library.column(f"/book?select={page[0]}&{page[1]}&{page[2]}") == [3, 5, 1, 2, 4]
    rows = library.rows(f"/genre?id=eq.1&select=book({page[0]})&book.{page[1]}&book.{page[2]}")
    assert [book["id"] for book in rows[0]["book"]] == [3, 1, 2]


def test_order_by_a_to_many_embed_is_PGRST118(library):
    error = library.error("/publisher?select=id,book(id)&order=book(id)", 400, "PGRST118")
    assert "to-one" in error["details"]


def test_order_by_an_embed_that_is_not_selected_is_PGRST108(library):
    library.error("/book?order=publisher(name)", 400, "PGRST108")


def test_a_filter_on_something_not_embedded_is_PGRST108(library):
    error = library.error("/book?select=id&publisher.name=eq.x", 400, "PGRST108")
    assert error["message"] == ("'publisher' is not an embedded resource in this request")
    assert "publisher" in error["hint"]


def test_embedding_from_a_foreign_key_column_keeps_the_column_usable(library):
    assert library.rows("/book?id=eq.1&select=author_id,writer:author_id(name)") == [
        {"author_id": 1, "writer": {"name": "Ada Brook"}}]


def test_a_to_one_embed_can_be_spread_into_its_parent(library):
    assert library.rows("/book?id=eq.1&select=title,...publisher(house:name)") == [
        {"title": "The Quiet Harbour", "house": "North Press"}]


def test_nulls_are_stripped_inside_embeds_too(library):
    response = library.get("/author?id=eq.4&select=id,country,mentor:mentor_id(id,born,name)",
                           Accept="application/vnd.pgrst.object;nulls=stripped")
    assert response.json == {"id": 4, "mentor": {"id": 2, "born": 1961, "name": "Bo Cedar"}}


@pytest.mark.parametrize("target, ids", [
    ("/publisher?select=id,book!inner(id)&book.offset=1", [1, 2]),
    ("/publisher?select=id,book!inner(id)&book.offset=2", []),
    ("/publisher?select=id,book!inner(id)&book.limit=0", []),
    ("/publisher?select=id,book!inner(id)&book.limit=1", [1, 2]),
    ("/publisher?select=id,book!inner(id)&book.offset=1&book.pages=gt.200", [1]),
    ("/publisher?select=id,...book!inner(books:id)&book.offset=1&book.pages=gt.200", [1]),
    ("/publisher?select=id,book()&book=is.null&book.offset=2", [1, 2, 3]),
    ("/publisher?select=id,book()&book=not.is.null&book.limit=0", []),
    ("/publisher?select=id,book()&or=(book.not.is.null,id.eq.3)&book.offset=1", [1, 2, 3]),
    ("/book?select=id,publisher!inner(id)&publisher.limit=0", []),
    ("/book?select=id,publisher!inner(id)&publisher.offset=1", []),
    ("/book?select=id,publisher!inner(id)&publisher.limit=2&publisher.offset=0", [1, 2, 3, 5]),
])
def test_an_embed_without_a_row_on_its_page_is_not_there(library, target, ids):
    assert library.column(target + "&order=id") == ids
    answer = library.get(target, prefer="count=exact")
    assert answer.header("Content-Range").endswith(f"/{len(ids)}")
