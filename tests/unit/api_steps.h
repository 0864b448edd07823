/* What the C API promises, on any engine. The program that includes it gives api_url(). */
#ifndef MD_TESTS_UNIT_API_STEPS_H
#define MD_TESTS_UNIT_API_STEPS_H
#include "tests/unit/api_rig.h"

/* The values of `field` in the rows of the ask, with commas between. The ask is freed. */
static const char *values(struct md_ask *ask, const char *field)
{
	static char text[256];
	struct md_result *result;

	text[0] = '\0';
	OK(md_all(ask, &result, &err));
	for (unsigned i = 0; i < md_result_rows(result); i++) {
		const char *value = md_result_text(result, i, field);

		strncat(text, i > 0 ? "," : "", sizeof(text) - strlen(text) - 1);
		strncat(text, value ? value : "-", sizeof(text) - strlen(text) - 1);
	}
	md_result_free(result);
	md_ask_free(ask);
	return text;
}

START_TEST(models_and_their_fields_are_named)
{
	start();
	ck_assert_str_eq(md_store_model(store, 0), "Post");
	ck_assert_str_eq(md_store_model(store, 1), "User");
	ck_assert_ptr_null(md_store_model(store, 2));
	ck_assert_ptr_null(md_store_field(store, "Nobody", 0));
	ck_assert_ptr_nonnull(md_store_field(store, "Post", 2));
	ck_assert_ptr_null(md_store_field(store, "Post", 3));
	ck_assert_ptr_nonnull(md_store_field(store, "User", 5));
	ck_assert_ptr_null(md_store_field(store, "User", 6)); /* word is hidden */
	stop();
}
END_TEST

START_TEST(a_store_tells_what_its_models_are)
{
	struct md_field_info field;
	struct md_relation_info relation;

	start();
	ck_assert_uint_eq(md_store_field_count(store, "User"), 6);
	ck_assert_uint_eq(md_store_field_count(store, "Post"), 3);
	ck_assert_uint_eq(md_store_field_count(store, "Nobody"), 0);
	ck_assert(md_store_field_info(store, "User", "name", &field));
	ck_assert_str_eq(field.name, "name");
	ck_assert_str_eq(field.column, "name");
	ck_assert_str_eq(field.type, "string");
	ck_assert_uint_eq(field.max_length, 20);
	ck_assert(field.unique && !field.nullable && !field.primary_key && !field.identity);
	ck_assert_ptr_null(field.default_value);
	ck_assert(md_store_field_info(store, "User", "id", &field));
	ck_assert(field.primary_key && field.identity && !field.nullable);
	ck_assert(md_store_field_info(store, "User", "age", &field));
	ck_assert_str_eq(field.type, "integer");
	ck_assert(field.nullable && !field.unique && field.max_length == 0);
	ck_assert(md_store_field_info(store, "User", "active", &field));
	ck_assert_str_eq(field.type, "boolean");
	ck_assert_str_eq(field.default_value, "true");
	ck_assert_ptr_null(field.default_function);
	ck_assert_ptr_null(field.default_sql);
	ck_assert(!md_store_field_info(store, "User", "word", &field)); /* hidden */
	ck_assert(!md_store_field_info(store, "User", "nobody", &field));
	ck_assert(!md_store_field_info(store, "Nobody", "id", &field));
	ck_assert_str_eq(md_store_key(store, "Post", 0), "id");
	ck_assert_ptr_null(md_store_key(store, "Post", 1));
	ck_assert_ptr_null(md_store_key(store, "Nobody", 0));
	ck_assert(md_store_relation(store, "Post", 0, &relation));
	ck_assert_str_eq(relation.name, "author");
	ck_assert_str_eq(relation.target, "User");
	ck_assert_str_eq(relation.cardinality, "many-to-one");
	ck_assert(relation.to_one);
	ck_assert_ptr_null(relation.through);
	ck_assert(!md_store_relation(store, "Post", 1, &relation));
	ck_assert(md_store_relation(store, "User", 0, &relation));
	ck_assert_str_eq(relation.name, "posts");
	ck_assert_str_eq(relation.cardinality, "one-to-many");
	ck_assert(!relation.to_one);
	ck_assert(!md_store_relation(store, "Nobody", 0, &relation));
	stop();
}
END_TEST

/* Without definitions it is what the database says. */
START_TEST(a_store_tells_what_tables_are)
{
	const struct md_store_options options = { .schema = API_SCHEMA };
	struct md_field_info field;
	struct md_relation_info relation;

	start();
	stop();
	OK(md_store_open(api_url(), &options, &store, &err));
	ck_assert_str_eq(md_store_model(store, 1), "user");
	ck_assert_uint_eq(md_store_field_count(store, "user"), 7);
	ck_assert(md_store_field_info(store, "user", "name", &field));
	ck_assert_str_eq(field.type, "text");
	ck_assert_ptr_nonnull(field.declared);
	ck_assert(field.unique && !field.nullable);
	ck_assert(md_store_field_info(store, "user", "active", &field));
	ck_assert_ptr_nonnull(field.default_sql);
	ck_assert_ptr_null(field.default_value);
	ck_assert_str_eq(md_store_key(store, "user", 0), "id");
	ck_assert(md_store_relation(store, "post", 0, &relation));
	ck_assert_str_eq(relation.target, "user");
	ck_assert_str_eq(relation.cardinality, "many-to-one");
	stop();
}
END_TEST

START_TEST(what_is_created_is_given_back)
{
	struct md_result *row;
	int64_t id = 0;
	double balance = 0;

	start();
	OK(md_create(work, "User", "{\"name\":\"dora\",\"age\":7,\"balance\":0.1}", &row, &err));
	ck_assert_uint_eq(md_result_rows(row), 1);
	ck_assert(md_result_i64(row, 0, "age", &id) && id == 7);
	ck_assert(md_result_i64(row, 0, "id", &id) && id >= 1);
	ck_assert(md_result_double(row, 0, "balance", &balance) && balance == 0.1);
	ck_assert(md_result_is_true(row, 0, "active"));
	ck_assert_str_eq(md_result_text(row, 0, "name"), "dora");
	ck_assert(!md_result_i64(row, 0, "name", &id));
	ck_assert_ptr_null(md_result_text(row, 0, "data"));
	ck_assert_ptr_null(md_result_text(row, 0, "word"));
	ck_assert_ptr_null(md_result_text(row, 1, "name"));
	ck_assert_ptr_nonnull(md_result_field(row, 5));
	ck_assert_ptr_null(md_result_field(row, 6));
	ck_assert_ptr_nonnull(strstr(md_result_json(row), "\"name\":\"dora\""));
	md_result_free(row);
	stop();
}
END_TEST

START_TEST(values_may_be_texts)
{
	const struct md_value_text given[] = { { "name", "o\"x,\n", false },
					       { "age", "41", false },
					       { "active", "false", false },
					       { "data", NULL, false } };
	struct md_ask *ask;
	struct md_result *row;
	int64_t age = 0;

	start();
	OK(md_create_values(work, "User", given, 4, &row, &err));
	ck_assert_str_eq(md_result_text(row, 0, "name"), "o\"x,\n");
	ck_assert(md_result_i64(row, 0, "age", &age) && age == 41);
	ck_assert(!md_result_is_true(row, 0, "active"));
	md_result_free(row);
	ask = users();
	md_filter(ask, "name", "o\"x,\n");
	OK(md_update_values(ask, &(struct md_value_text){ "age", NULL, false }, 1, &row, &err));
	ck_assert_uint_eq(md_result_rows(row), 1);
	ck_assert_ptr_null(md_result_text(row, 0, "age"));
	md_result_free(row);
	md_ask_free(ask);
	FAILS("22P02", md_create_values(work, "User",
					(struct md_value_text[]){ { "name", "x", false },
								  { "age", "y", false } },
					2, NULL, &err));
	stop();
}
END_TEST

START_TEST(a_row_is_got_by_its_key)
{
	struct md_result *row;

	start();
	fill();
	OK(md_get(work, "User", "1", &row, &err));
	ck_assert_uint_eq(md_result_rows(row), 1);
	ck_assert_str_eq(md_result_text(row, 0, "balance"), "12345678901234.5678");
	/* PostgreSQL puts a blank behind the colon */
	ck_assert_ptr_nonnull(strstr(md_result_text(row, 0, "data"), "\"Bern\"}"));
	md_result_free(row);
	ck_assert_int_eq(md_get(work, "User", "99", &row, &err), MD_NOT_FOUND);
	ck_assert_int_eq(md_get(work, "User", "x", &row, &err), MD_NOT_FOUND);
	FAILS("PGRST205", md_get(work, "Nobody", "1", &row, &err));
	stop();
}
END_TEST

START_TEST(conditions_narrow_the_rows)
{
	struct md_ask *ask;

	start();
	fill();
	ask = users();
	md_where(ask, "age", "gte", "26");
	ck_assert_str_eq(values(ask, "name"), "ann");
	ask = users();
	md_filter(ask, "age", NULL);
	ck_assert_str_eq(values(ask, "name"), "bob");
	ask = users();
	md_filter_in(ask, "name", (const char *[]){ "ann", "cid", "x,y" }, 3);
	md_order_by(ask, "name.desc");
	ck_assert_str_eq(values(ask, "name"), "cid,ann");
	ask = users();
	md_filter_in(ask, "name", NULL, 0);
	ck_assert_str_eq(values(ask, "name"), "");
	ask = users();
	md_or(ask);
	md_filter(ask, "name", "bob");
	md_and(ask);
	md_where(ask, "age", "lt", "30");
	md_where(ask, "name", "like", "c*");
	md_end(ask);
	md_end(ask);
	md_order_by(ask, "id");
	ck_assert_str_eq(values(ask, "name"), "bob,cid");
	ask = users();
	md_none(ask);
	md_filter(ask, "name", "ann");
	md_filter(ask, "name", "bob");
	md_end(ask);
	ck_assert_str_eq(values(ask, "name"), "cid");
	ask = users();
	md_where(ask, "data->>city", "eq", "Bern");
	ck_assert_str_eq(values(ask, "name"), "ann");
	stop();
}
END_TEST

START_TEST(joins_select_and_pages_do_what_they_do_over_http)
{
	struct md_ask *ask;

	start();
	fill();
	ask = users();
	md_join(ask, "posts", NULL, true);
	md_order_by(ask, "id.desc");
	ck_assert_str_eq(values(ask, "name"), "bob,ann");
	ask = users();
	md_join(ask, "posts", NULL, true);
	md_where(ask, "posts.title", "eq", "one");
	ck_assert_str_eq(values(ask, "posts"), "[{\"id\":1,\"title\":\"one\",\"author_id\":1}]");
	ask = users();
	md_select(ask, "n:name,posts(title)");
	md_order_by(ask, "id");
	md_limit(ask, 1);
	md_offset(ask, 1);
	ck_assert_str_eq(values(ask, "n"), "bob");
	ask = users();
	md_select(ask, "age.sum()");
	ck_assert_str_eq(values(ask, "sum"), "55");
	stop();
}
END_TEST

START_TEST(first_one_and_count_are_what_they_are_called)
{
	struct md_ask *ask;
	struct md_result *row;
	uint64_t count = 0;

	start();
	fill();
	ask = users();
	md_order_by(ask, "id.desc");
	md_limit(ask, 2);
	OK(md_first(ask, &row, &err));
	ck_assert_str_eq(md_result_text(row, 0, "name"), "cid");
	md_result_free(row);
	OK(md_count(ask, &count, &err));
	ck_assert_uint_eq(count, 3);
	FAILS("PGRST116", md_one(ask, &row, &err));
	ck_assert_int_eq(err.code, MD_CONFLICT);
	md_filter(ask, "name", "bob");
	OK(md_one(ask, &row, &err));
	ck_assert_str_eq(md_result_text(row, 0, "id"), "2");
	md_result_free(row);
	md_filter(ask, "name", "ann");
	FAILS("PGRST116", md_one(ask, &row, &err));
	ck_assert_int_eq(err.code, MD_NOT_FOUND);
	OK(md_first(ask, &row, &err));
	ck_assert_uint_eq(md_result_rows(row), 0);
	ck_assert_str_eq(md_result_json(row), "[]");
	md_result_free(row);
	md_ask_free(ask);
	stop();
}
END_TEST

START_TEST(rows_are_changed_and_deleted)
{
	struct md_ask *ask;
	struct md_result *rows;

	start();
	fill();
	ask = users();
	md_where(ask, "age", "not.is", "null");
	OK(md_update(ask, "{\"age\":1}", &rows, &err));
	ck_assert_uint_eq(md_result_rows(rows), 2);
	ck_assert_str_eq(md_result_text(rows, 0, "age"), "1");
	md_result_free(rows);
	FAILS("22P02", md_update(ask, "{\"age\":\"x\"}", NULL, &err));
	md_limit(ask, 1);
	FAILS("MD400", md_delete(ask, NULL, &err));
	md_ask_free(ask);
	ask = users();
	md_filter(ask, "name", "cid");
	OK(md_delete(ask, &rows, &err));
	ck_assert_str_eq(md_result_text(rows, 0, "name"), "cid");
	md_result_free(rows);
	md_ask_free(ask);
	ck_assert_uint_eq(count_of("User"), 2);
	stop();
}
END_TEST

START_TEST(nothing_lasts_without_a_commit)
{
	start();
	fill();
	OK(md_create(work, "User", "{\"name\":\"x\"}", NULL, &err));
	OK(md_work_rollback(work, &err));
	ck_assert_uint_eq(count_of("User"), 3);
	OK(md_create(work, "User", "{\"name\":\"x\"}", NULL, &err));
	work = md_work_close(work);
	OK(md_work_open(store, &work, &err));
	ck_assert_uint_eq(count_of("User"), 3);
	OK(md_create(work, "User", "{\"name\":\"x\"}", NULL, &err));
	OK(md_work_commit(work, &err));
	OK(md_work_rollback(work, &err));
	ck_assert_uint_eq(count_of("User"), 4);
	stop();
}
END_TEST

START_TEST(an_operation_that_fails_is_undone_alone)
{
	start();
	fill();
	OK(md_create(work, "User", "{\"name\":\"x\"}", NULL, &err));
	FAILS("23505",
	      md_create(work, "User", "[{\"name\":\"y\"},{\"name\":\"ann\"}]", NULL, &err));
	ck_assert_int_eq(err.code, MD_CONFLICT);
	OK(md_create(work, "User", "{\"name\":\"z\"}", NULL, &err));
	OK(md_work_commit(work, &err));
	ck_assert_uint_eq(count_of("User"), 5);
	stop();
}
END_TEST

START_TEST(what_is_added_is_written_by_the_next_flush)
{
	start();
	fill();
	OK(md_add(work, "User", "{\"name\":\"x\"}", &err));
	OK(md_add(work, "User", "{\"name\":\"y\"}", &err));
	ck_assert_uint_eq(count_of("User"), 5);
	OK(md_add(work, "User", "{\"name\":\"z\"}", &err));
	OK(md_work_rollback(work, &err));
	ck_assert_uint_eq(count_of("User"), 3);
	OK(md_add(work, "User", "{\"name\":\"ann\"}", &err));
	FAILS("23505", md_work_commit(work, &err));
	FAILS("23505", md_work_flush(work, &err)); /* it is still staged */
	OK(md_work_rollback(work, &err));
	OK(md_work_commit(work, &err));
	FAILS("PGRST205", md_add(work, "Nobody", "{}", &err));
	OK(md_add(work, "User", "{\"name\":\"last\"}", &err));
	stop(); /* forgets it */
	start();
	ck_assert_uint_eq(count_of("User"), 3);
	stop();
}
END_TEST

START_TEST(two_sessions_see_what_is_committed)
{
	struct md_work *first, *second;

	start();
	fill();
	first = work;
	OK(md_work_open(store, &second, &err));
	OK(md_create(first, "User", "{\"name\":\"x\"}", NULL, &err));
	work = second;
	ck_assert_uint_eq(count_of("User"), 3);
	OK(md_work_rollback(second, &err));
	OK(md_work_commit(first, &err));
	ck_assert_uint_eq(count_of("User"), 4);
	md_work_close(second);
	work = first;
	stop();
}
END_TEST

START_TEST(the_first_mistake_in_an_ask_is_reported)
{
	struct md_result *rows;
	struct md_ask *ask;

	start();
	ask = users();
	ck_assert_int_eq(md_where(ask, "age", "near", "1"), MD_INVALID);
	ck_assert_int_eq(md_order_by(ask, "id"), MD_INVALID);
	FAILS("PGRST100", md_all(ask, &rows, &err));
	md_ask_free(ask);
	ask = users();
	md_where(ask, "posts.title", "eq", "1");
	FAILS("PGRST108", md_all(ask, &rows, &err));
	md_ask_free(ask);
	ask = users();
	md_filter(ask, "nobody", "1");
	FAILS("42703", md_all(ask, &rows, &err));
	md_ask_free(ask);
	ask = users();
	md_or(ask);
	ck_assert_int_eq(md_end(ask), MD_INVALID);
	FAILS("MD400", md_all(ask, &rows, &err));
	md_ask_free(ask);
	ask = users();
	md_or(ask);
	md_filter(ask, "age", "1");
	FAILS("MD400", md_all(ask, &rows, &err));
	md_ask_free(ask);
	ask = users();
	ck_assert_int_eq(md_end(ask), MD_INVALID);
	md_ask_free(ask);
	ask = users();
	ck_assert_int_eq(md_limit(ask, -1), MD_INVALID);
	md_ask_free(ask);
	FAILS("PGRST102", md_create(work, "User", "{", NULL, &err));
	FAILS("PGRST205", md_ask_new(work, "Nobody", &ask, &err));
	stop();
}
END_TEST

START_TEST(a_store_that_cannot_be_opened_says_why)
{
	struct md_store_options options = { .models = "/nowhere/*.json" };
	struct md_store *none;

	ck_assert_int_eq(md_store_open(api_url(), &options, &none, &err), MD_NOT_FOUND);
	write_file("models.json", "{ \"version\": 1, \"models\": { \"A\": { \"fields\": {"
				  " \"x\": \"strong\" } } } }");
	options.models = models_file();
	FAILS("MD422", md_store_open(api_url(), &options, &none, &err));
	ck_assert_ptr_nonnull(strstr(err.details, "strong"));
	ck_assert_int_ne(md_store_open("sqlite:////nowhere/at/all.db", NULL, &none, &err), MD_OK);
	ck_assert_int_ne(md_store_open("nothing:x", NULL, &none, &err), MD_OK);
	ck_assert_ptr_null(md_store_close(NULL));
	ck_assert_ptr_null(md_work_close(NULL));
	ck_assert_ptr_null(md_ask_free(NULL));
	ck_assert_ptr_null(md_result_free(NULL));
}
END_TEST

#include "tests/unit/api_pieces.h"

#define API_TESTS                                                                                  \
	models_and_their_fields_are_named, a_store_tells_what_its_models_are,                      \
		a_store_tells_what_tables_are, what_is_created_is_given_back, values_may_be_texts, \
		a_row_is_got_by_its_key, conditions_narrow_the_rows,                               \
		joins_select_and_pages_do_what_they_do_over_http,                                  \
		first_one_and_count_are_what_they_are_called, rows_are_changed_and_deleted,        \
		nothing_lasts_without_a_commit, an_operation_that_fails_is_undone_alone,           \
		what_is_added_is_written_by_the_next_flush, two_sessions_see_what_is_committed,    \
		the_first_mistake_in_an_ask_is_reported, a_store_that_cannot_be_opened_says_why,   \
		API_PIECES_TESTS
#endif
