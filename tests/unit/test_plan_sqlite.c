#include "tests/unit/plan_rig.h"

static const char blog[] = "\"User\":{\"fields\":{\"name\":\"string(20)?\",\"boss_id\":\"-> User? "
			   "on delete set null\"}},"
			   "\"Post\":{\"fields\":{\"title\":\"string(50)\",\"author_id\":\"-> User "
			   "on delete cascade\"}}";
static const char blog_later[] = "\"User\":{\"fields\":{\"name\":\"string(20) unique = 'nobody'\","
				 "\"boss_id\":\"-> User? on delete set null\"}},"
				 "\"Post\":{\"fields\":{\"title\":\"string(50)\",\"author_id\":\"->"
				 " User on delete cascade\"}}";

static void fill_blog(void)
{
	rig_create(blog);
	rig_sql("INSERT INTO user (id, name, boss_id) VALUES (1, 'ann', NULL), (2, 'bob', 1), "
		"(7, NULL, 2), (9, 'gone', NULL);"
		"INSERT INTO post (title, author_id) VALUES ('a', 1), ('b', 2), ('c', 7);"
		"DELETE FROM user WHERE id = 9;"
		"CREATE TABLE log (what TEXT);"
		"CREATE INDEX mine ON user (name, boss_id);"
		"CREATE TRIGGER seen AFTER INSERT ON user BEGIN INSERT INTO log VALUES (new.name); "
		"END;"
		"CREATE TRIGGER other AFTER INSERT ON log WHEN new.what = 'x' BEGIN DELETE FROM "
		"user "
		"WHERE id = -1; END;"
		"CREATE VIEW names AS SELECT name, id FROM user;"
		"ALTER TABLE user ADD COLUMN extra INTEGER DEFAULT 5 CHECK (extra > 1)");
}

START_TEST(a_table_is_made_anew_with_all_that_hangs_on_it)
{
	rig_begin();
	fill_blog();
	rig_go(blog, blog_later, NULL);
	ck_assert_uint_eq(rig_rewrites(), 1);
	ck_assert_str_eq(rig_ask("SELECT id, name, boss_id, extra FROM user ORDER BY id"),
			 "1|ann|NULL|5\n2|bob|1|5\n7|nobody|2|5\n");
	ck_assert_str_eq(rig_ask("SELECT id, title, author_id FROM post ORDER BY id"),
			 "1|a|1\n2|b|2\n3|c|7\n");
	ck_assert_str_eq(rig_ask("SELECT seq FROM sqlite_sequence WHERE name = 'user'"), "9\n");
	ck_assert_str_eq(rig_ask("SELECT name, type FROM sqlite_schema WHERE name IN ('mine', "
				 "'seen', 'other', 'names') ORDER BY name"),
			 "mine|index\nnames|view\nother|trigger\nseen|trigger\n");
	ck_assert_str_eq(rig_ask("SELECT name FROM names ORDER BY id"), "ann\nbob\nnobody\n");
	ck_assert_str_eq(rig_ask("SELECT name FROM sqlite_schema WHERE name LIKE '%modeld_new%'"),
			 "");
	/* Keys work afterwards, and numbers are not given twice. */
	rig_sql("INSERT INTO user (name) VALUES ('new')");
	ck_assert_str_eq(rig_ask("SELECT max(id) FROM user"), "10\n");
	ck_assert_str_eq(rig_ask("SELECT what FROM log ORDER BY rowid DESC LIMIT 1"), "new\n");
	rig_sql("DELETE FROM user WHERE id = 1");
	ck_assert_str_eq(rig_ask("SELECT title FROM post ORDER BY id"), "b\nc\n");
	ck_assert_str_eq(rig_ask("SELECT boss_id FROM user WHERE id = 2"), "NULL\n");
	rig_end();
}
END_TEST

START_TEST(a_table_made_anew_has_the_text_of_a_new_database)
{
	static const char text[] =
		"SELECT sql FROM sqlite_schema WHERE tbl_name = 'user' ORDER BY type, name";

	rig_begin();
	rig_create(blog);
	rig_go(blog, blog_later, NULL);
	ck_assert_str_eq(rig_ask(text), rig_fresh_text(blog_later, "user"));
	rig_end();
}
END_TEST

START_TEST(columns_keep_their_order)
{
	static const char from[] =
		"\"A\":{\"fields\":{\"z\":\"integer\",\"m\":\"text?\",\"a\":\"text\"}}";
	static const char to[] = "\"A\":{\"fields\":{\"a\":\"text\",\"b\":\"text\",\"m\":\"text = "
				 "'x'\",\"z\":\"integer\"}}";

	rig_begin();
	rig_create(from);
	rig_go(from, to, NULL);
	ck_assert_str_eq(rig_ask("SELECT group_concat(name) FROM pragma_table_info('a')"),
			 "id,z,m,a,b\n");
	rig_end();
}
END_TEST

START_TEST(an_empty_table_keeps_its_mark_too)
{
	rig_begin();
	rig_create(blog);
	rig_sql("INSERT INTO user (id) VALUES (41); DELETE FROM user");
	rig_go(blog, blog_later, NULL);
	rig_sql("INSERT INTO user (name) VALUES ('x')");
	ck_assert_str_eq(rig_ask("SELECT id FROM user"), "42\n");
	rig_end();
}
END_TEST

START_TEST(what_alter_table_can_do_is_not_made_anew)
{
	static const char from[] = "\"A\":{\"fields\":{\"x\":\"integer index\"}}";
	static const char to[] =
		"\"A\":{\"fields\":{\"x\":\"integer\",\"y\":\"string(5)? index\",\"z\":\"boolean = "
		"true\"}}";

	rig_begin();
	rig_create(from);
	rig_sql("INSERT INTO a (x) VALUES (1), (2)");
	rig_go(from, to, NULL);
	ck_assert_uint_eq(rig_rewrites(), 0);
	ck_assert_uint_eq(rig_plan.open_count, 0);
	ck_assert_str_eq(rig_ask("SELECT id, x, y, z FROM a"), "1|1|NULL|1\n2|2|NULL|1\n");
	ck_assert_str_eq(rig_ask("SELECT name FROM sqlite_schema WHERE type = 'index' AND sql IS "
				 "NOT NULL AND tbl_name = 'a'"),
			 "a_y_idx\n");
	rig_go(to, from, NULL);
	ck_assert_str_eq(rig_ask("SELECT id, x FROM a"), "1|1\n2|2\n");
	rig_end();
}
END_TEST

START_TEST(what_a_new_column_gets_is_backfill_before_default)
{
	static const char from[] = "\"A\":{\"fields\":{\"x\":\"integer\"}}";
	static const char to[] =
		"\"A\":{\"fields\":{\"x\":\"integer\","
		"\"y\":{\"type\":\"integer\",\"default\":1,\"backfill\":{\"sql\":\"x * 10\"}},"
		"\"z\":{\"type\":\"text\",\"backfill\":\"old\"},"
		"\"made\":\"datetime = now()\",\"key\":\"uuid = uuid()\"}}";

	rig_begin();
	rig_create(from);
	rig_sql("INSERT INTO a (x) VALUES (1), (2)");
	rig_go(from, to, NULL);
	ck_assert_str_eq(rig_ask("SELECT x, y, z FROM a"), "1|10|old\n2|20|old\n");
	ck_assert_str_eq(rig_ask("SELECT count(DISTINCT key), count(made) FROM a"), "2|2\n");
	rig_end();
}
END_TEST

START_TEST(a_backfill_may_use_the_columns_that_go)
{
	static const char from[] =
		"\"A\":{\"fields\":{\"first\":\"text\",\"last\":\"text\",\"old\":\"integer\"}}";
	static const char to[] =
		"\"A\":{\"fields\":{\"full\":{\"type\":\"text\",\"backfill\":"
		"{\"sql\":\"first || ' ' || last || old\"}},\"fresh\":\"integer\"}}";

	rig_begin();
	rig_create(from);
	rig_sql("INSERT INTO a VALUES (3, 'ann', 'lee', 5)");
	rig_go(from, to,
	       "[{\"op\":\"rename_field\",\"model\":\"A\",\"from\":\"old\",\"to\":\"fresh\"}]");
	ck_assert_str_eq(rig_ask("SELECT id, \"full\", fresh FROM a"), "3|ann lee5|5\n");
	rig_end();
}
END_TEST

/* --- what is kept ------------------------------------------------------------------------------
 */

START_TEST(a_dropped_column_is_kept_and_comes_back)
{
	static const char from[] = "\"A\":{\"fields\":{\"x\":\"integer\","
				   "\"bio\":\"string(9) unique = 'none'\",\"b_id\":\"-> B\"}},"
				   "\"B\":{\"fields\":{\"n\":\"integer\"}}";
	static const char to[] = "\"A\":{\"fields\":{\"x\":\"integer\"}},"
				 "\"B\":{\"fields\":{\"n\":\"integer\"}}";

	rig_begin();
	rig_create(from);
	rig_sql("INSERT INTO b (n) VALUES (1); INSERT INTO a (x, bio, b_id) VALUES (1, 'one', 1), "
		"(2, 'two', 1); CREATE VIEW v AS SELECT x FROM a");
	rig_go(from, to, NULL);
	ck_assert_int_eq(rig_step("a.bio")->risk, MD_RISK_KEPT);
	ck_assert_int_eq(rig_step("a.b_id")->risk, MD_RISK_KEPT);
	ck_assert_str_eq(rig_ask("SELECT kind, name, model, checksum FROM _modeld_objects WHERE "
				 "kind LIKE 'kept%' ORDER BY name"),
			 "kept column|a._dropped_1df7b9fe7daa_b_id|a.b_id|1df7b9fe7daa\n"
			 "kept column|a._dropped_1df7b9fe7daa_bio|a.bio|1df7b9fe7daa\n");
	/* What is kept stands in nobody's way. */
	rig_sql("INSERT INTO a (x) VALUES (3); DELETE FROM a WHERE x = 1; DELETE FROM b WHERE 0");
	ck_assert_str_eq(
		rig_ask("SELECT \"notnull\", dflt_value, type FROM pragma_table_xinfo('a') "
			"WHERE name LIKE '_dropped%bio'"),
		"0|NULL|TEXT\n");
	ck_assert_str_eq(rig_ask("SELECT count(*) FROM pragma_foreign_key_list('a')"), "0\n");
	/* A column that must not be null: nobody knows what the new row has there. */
	ck_assert_str_eq(rig_refusal(to, from, NULL),
			 "23502 a.b_id: a.b_id is null in some rows [3]\n");
	rig_sql("DELETE FROM a WHERE x = 3");
	rig_go(to, from, NULL);
	ck_assert_str_eq(rig_ask("SELECT id, x, bio, b_id FROM a"), "2|2|two|1\n");
	ck_assert_str_eq(rig_ask("SELECT count(*) FROM _modeld_objects WHERE kind LIKE 'kept%'"),
			 "0\n");
	ck_assert_str_eq(rig_ask("SELECT x FROM v"), "2\n");
	rig_end();
}
END_TEST

START_TEST(a_dropped_table_is_kept_and_comes_back)
{
	static const char from[] = "\"A\":{\"fields\":{\"x\":\"integer index\",\"b_id\":\"-> B\"}},"
				   "\"B\":{\"fields\":{\"n\":\"integer\",\"a_id\":\"-> A?\"}}";
	static const char to[] = "\"B\":{\"fields\":{\"n\":\"integer\"}}";

	rig_begin();
	rig_create(from);
	rig_sql("INSERT INTO b (n) VALUES (1); INSERT INTO a (id, x, b_id) VALUES (5, 1, 1), (6, "
		"2, "
		"1); DELETE FROM a WHERE id = 6; UPDATE b SET a_id = 5");
	rig_go(from, to, NULL);
	ck_assert_str_eq(rig_ask("SELECT id, x, b_id FROM _dropped_1df7b9fe7daa_a"), "5|1|1\n");
	rig_sql("DELETE FROM b"); /* nothing refers to it any longer */
	rig_sql("INSERT INTO b (id, n) VALUES (1, 1)");
	ck_assert_str_eq(rig_ask("SELECT kind, name, model FROM _modeld_objects WHERE kind = 'kept "
				 "table'"),
			 "kept table|_dropped_1df7b9fe7daa_a|a\n");
	rig_go(to, from, NULL);
	ck_assert_str_eq(rig_ask("SELECT id, x, b_id FROM a"), "5|1|1\n");
	rig_sql("INSERT INTO a (x, b_id) VALUES (3, 1)");
	ck_assert_str_eq(rig_ask("SELECT max(id) FROM a"), "7\n");
	ck_assert_str_eq(rig_ask("SELECT count(*) FROM pragma_foreign_key_list('a')"), "1\n");
	rig_end();
}
END_TEST

START_TEST(what_is_forgotten_goes_for_good)
{
	static const char from[] = "\"A\":{\"fields\":{\"x\":\"integer\",\"bio\":\"text\"}},"
				   "\"B\":{\"fields\":{\"n\":\"integer\"}}";
	static const char to[] = "\"A\":{\"fields\":{\"x\":\"integer\"}}";

	rig_begin();
	rig_create(from);
	rig_sql("INSERT INTO a (x, bio) VALUES (1, 'b')");
	rig_forget = true;
	rig_go(from, to, NULL);
	ck_assert_str_eq(rig_ask("SELECT name FROM pragma_table_xinfo('a')"), "id\nx\n");
	ck_assert_str_eq(
		rig_ask("SELECT name FROM sqlite_schema WHERE name LIKE '%dropped%' OR name "
			"= 'b'"),
		"");
	for (unsigned i = 0; i < rig_plan.step_count; i++)
		if (!rig_plan.steps[i].rewrites) {
			ck_assert_int_eq(rig_plan.steps[i].risk, MD_RISK_LOSS);
			ck_assert(!rig_plan.steps[i].reversible);
		}
	rig_end();
}
END_TEST

START_TEST(a_view_of_others_is_not_broken)
{
	static const char from[] = "\"A\":{\"fields\":{\"x\":\"integer\",\"bio\":\"text\"}}";
	static const char to[] = "\"A\":{\"fields\":{\"x\":\"integer\"}}";

	rig_begin();
	rig_create(from);
	rig_sql("CREATE VIEW v AS SELECT bio FROM a");
	rig_forget = true;
	ck_assert_str_eq(rig_refusal(from, to, NULL),
			 "MD_DRIFT: the view \"v\" could not be read any longer");
	rig_forget = false;
	rig_sql("INSERT INTO a (x, bio) VALUES (1, 'b')");
	rig_go(from, to, NULL);
	ck_assert_str_eq(rig_ask("SELECT * FROM v"), "b\n");
	rig_end();
}
END_TEST

/* --- renames -----------------------------------------------------------------------------------
 */

START_TEST(names_may_be_swapped)
{
	static const char from[] = "\"A\":{\"fields\":{\"x\":\"text\",\"y\":\"text\"}},"
				   "\"B\":{\"table\":\"bb\",\"fields\":{\"a_id\":\"-> A\"}},"
				   "\"C\":{\"table\":\"cc\",\"fields\":{\"n\":\"integer\"}}";
	static const char to[] = "\"A\":{\"fields\":{\"x\":\"text\",\"y\":\"text\"}},"
				 "\"B\":{\"table\":\"cc\",\"fields\":{\"a_id\":\"-> A\"}},"
				 "\"C\":{\"table\":\"BB\",\"fields\":{\"n\":\"integer\"}}";

	rig_begin();
	rig_create(from);
	rig_sql("INSERT INTO a (x, y) VALUES ('x', 'y'); INSERT INTO bb (a_id) VALUES (1); INSERT "
		"INTO cc (n) VALUES (5)");
	rig_go(from, to,
	       "[{\"op\":\"rename_field\",\"model\":\"A\",\"from\":\"x\",\"to\":\"t\"},"
	       "{\"op\":\"rename_field\",\"model\":\"A\",\"from\":\"y\",\"to\":\"x\"},"
	       "{\"op\":\"rename_field\",\"model\":\"A\",\"from\":\"t\",\"to\":\"y\"}]");
	ck_assert_str_eq(rig_ask("SELECT x, y FROM a"), "y|x\n");
	ck_assert_str_eq(rig_ask("SELECT a_id FROM cc"), "1\n");
	ck_assert_str_eq(rig_ask("SELECT n FROM BB"), "5\n");
	rig_end();
}
END_TEST

START_TEST(renames_are_followed_by_what_is_not_ours)
{
	static const char from[] = "\"A\":{\"fields\":{\"x\":\"text\",\"z\":\"integer\"}}";
	static const char to[] =
		"\"New\":{\"table\":\"fresh\",\"fields\":{\"y\":\"text\",\"z\":\"bigint?\"}}";

	rig_begin();
	rig_create(from);
	rig_sql("INSERT INTO a (x, z) VALUES ('1', 1); CREATE VIEW v AS SELECT x FROM a;"
		"CREATE INDEX own ON a (x) WHERE x <> '';"
		"CREATE TABLE log (t TEXT); CREATE TRIGGER tr AFTER UPDATE OF x ON a BEGIN INSERT "
		"INTO log VALUES (old.x); END;"
		"CREATE TABLE child (a INTEGER REFERENCES a (id)); INSERT INTO child VALUES (1)");
	rig_go(from, to,
	       "[{\"op\":\"rename_model\",\"from\":\"A\",\"to\":\"New\"},"
	       "{\"op\":\"rename_field\",\"model\":\"New\",\"from\":\"x\",\"to\":\"y\"}]");
	ck_assert_str_eq(rig_ask("SELECT y, z FROM fresh"), "1|1\n");
	ck_assert_str_eq(rig_ask("SELECT * FROM v"), "1\n");
	rig_sql("UPDATE fresh SET y = '2'");
	ck_assert_str_eq(rig_ask("SELECT t FROM log"), "1\n");
	ck_assert_str_eq(rig_ask("SELECT \"table\" FROM pragma_foreign_key_list('child')"),
			 "fresh\n");
	ck_assert_str_eq(rig_ask("SELECT count(*) FROM sqlite_schema WHERE name = 'own'"), "1\n");
	rig_end();
}
END_TEST

SUITE_MAIN("plan_sqlite", a_table_is_made_anew_with_all_that_hangs_on_it,
	   a_table_made_anew_has_the_text_of_a_new_database, columns_keep_their_order,
	   an_empty_table_keeps_its_mark_too, what_alter_table_can_do_is_not_made_anew,
	   what_a_new_column_gets_is_backfill_before_default,
	   a_backfill_may_use_the_columns_that_go, a_dropped_column_is_kept_and_comes_back,
	   a_dropped_table_is_kept_and_comes_back, what_is_forgotten_goes_for_good,
	   a_view_of_others_is_not_broken, names_may_be_swapped,
	   renames_are_followed_by_what_is_not_ours)
