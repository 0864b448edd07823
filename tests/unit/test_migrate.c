#include "tests/unit/migrate_rig.h"

#define USER "\"User\":{\"fields\":{\"name\":\"text\""

START_TEST(nothing_to_do_takes_no_lock_and_makes_no_table)
{
	struct md_migrate_go how = { .to = NULL };
	unsigned pending = 9;
	bool managed = true;
	struct md_migrate *migrate = rig_open();
	json_t *document = NULL;

	ck_assert_int_eq(md_migrate_look(migrate, &pending, &managed, &err), MD_OK);
	ck_assert_uint_eq(pending, 0);
	ck_assert(!managed);
	ck_assert_int_eq(md_migrate_up(migrate, &how, &document, &err), MD_OK);
	ck_assert_str_eq(at(document, ""), "{\"revisions\":[],\"applied\":false}");
	json_decref(document);
	md_migrate_close(migrate);
#ifndef ON_POSTGRES
	ck_assert_msg(access(rig_url + strlen("sqlite:///"), F_OK) != 0, "a file was made");
#endif
	ck_assert_str_eq(state(), "none");
	ck_assert(!has_table("_modeld_migrations"));
}
END_TEST

START_TEST(the_first_revision_makes_the_tables)
{
	json_t *document;

	models(USER "}}");
	document = make("initial");
	ck_assert_uint_eq(count_of(document, "changes"), 1);
	ck_assert_uint_eq(strlen(at(document, "/revision")), 12);
	ck_assert_ptr_nonnull(strstr(at(document, "/file"), "_initial.json"));
	ck_assert_str_ne(at(document, "/plan/steps/0/what"), "null");
	json_decref(document);
	ck_assert_str_eq(state(), "pending");
	document = up();
	ck_assert_str_eq(at(document, "/applied"), "true");
	ck_assert_str_eq(at(document, "/revisions/0/direction"), "up");
	ck_assert_str_eq(at(document, "/revisions/0/message"), "initial");
	json_decref(document);
	sql("INSERT INTO \"user\" (name) VALUES ('a')");
	document = VERB(md_migrate_status, true);
	ck_assert_str_eq(at(document, "/state"), "up_to_date");
	ck_assert_str_eq(at(document, "/applied/0/message"), "initial");
	ck_assert_str_eq(at(document, "/applied/0/checksum"), "ok");
	ck_assert_str_eq(at(document, "/current"), at(document, "/head"));
	ck_assert_str_eq(at(document, "/drift"), "[]");
	ck_assert_str_eq(at(document, "/lock"), "null");
	ck_assert_str_eq(at(document, "/models_changed"), "false");
	json_decref(document);
	document = make("again");
	ck_assert_str_eq(at(document, ""), "{\"changes\":[]}");
	json_decref(document);
	document = up();
	ck_assert_str_eq(at(document, "/applied"), "false");
	json_decref(document);
}
END_TEST

START_TEST(passwords_are_in_no_document)
{
	json_t *document = VERB(md_migrate_status, false);

	ck_assert_ptr_null(strstr(at(document, ""), "secret"));
	json_decref(document);
}
END_TEST

START_TEST(a_plan_is_told_and_nothing_is_done)
{
	struct md_migrate_go how = { .plan = true, .sql = true };
	json_t *document;

	models(USER "}}");
	json_decref(make("initial"));
	document = VERB(md_migrate_up, &how);
	ck_assert_str_eq(at(document, "/applied"), "false");
	ck_assert_uint_eq(count_of(document, "revisions"), 1);
	ck_assert_ptr_nonnull(strstr(at(document, "/revisions/0/script"), "CREATE TABLE"));
	json_decref(document);
	ck_assert(!has_table("user"));
	ck_assert(!has_table("_modeld_migrations"));
}
END_TEST

START_TEST(up_down_and_up_again_keeps_the_rows)
{
	struct md_migrate_go how = { .to = NULL };

	step(USER "}}");
	sql("INSERT INTO \"user\" (name) VALUES ('a'), ('b')");
	step(USER ",\"bio\":\"text? index\"}}");
	sql("UPDATE \"user\" SET bio = 'x' WHERE name = 'a'");
	REFUSED("MD_DATA_LOSS", md_migrate_down, &how);
	ck_assert_ptr_nonnull(strstr(err.details, "\"user.bio\""));
	ck_assert_str_eq(ask("SELECT name, bio FROM \"user\" ORDER BY 1"), "a,x;b,null;");
	json_decref(down(NULL));
	ck_assert_str_eq(ask("SELECT name FROM \"user\" ORDER BY 1"), "a;b;");
	ck_assert_str_eq(state(), "pending");
	json_decref(up());
	ck_assert_str_eq(ask("SELECT name, bio FROM \"user\" ORDER BY 1"), "a,x;b,null;");
	ck_assert_str_eq(state(), "up_to_date");
}
END_TEST

START_TEST(what_is_dropped_needs_consent_by_name_and_comes_back)
{
	static const char *const names[] = { "user.bio" };
	struct md_migrate_go how = { .to = NULL };
	json_t *document;

	step(USER ",\"bio\":\"text?\"}}");
	sql("INSERT INTO \"user\" (name, bio) VALUES ('a', 'x')");
	models(USER "}}");
	json_decref(make("drop bio"));
	REFUSED("MD_DATA_LOSS", md_migrate_up, &how);
	ck_assert_int_eq(err.code, MD_CONFLICT);
	ck_assert_str_eq(err.details, "[\"user.bio\"]");
	ck_assert(err.details_json);
	how.consent = (struct md_consent){ names, 1, false };
	json_decref(VERB(md_migrate_up, &how));
	document = VERB(md_migrate_status, true);
	ck_assert_str_eq(at(document, "/state"), "up_to_date");
	ck_assert_str_eq(at(document, "/kept/0/object"), "user.bio");
	json_decref(document);
	json_decref(down("-1"));
	ck_assert_str_eq(ask("SELECT name, bio FROM \"user\""), "a,x;");
}
END_TEST

START_TEST(consent_in_the_revision_is_enough)
{
	static const char *const names[] = { "user.bio" };
	struct md_migrate_make how = { .message = "drop", .consent = { names, 1, false } };

	step(USER ",\"bio\":\"text?\"}}");
	models(USER "}}");
	json_decref(VERB(md_migrate_make, &how));
	json_decref(up());
	ck_assert_str_eq(state(), "up_to_date");
}
END_TEST

START_TEST(data_that_stands_against_it_is_told_with_its_keys)
{
	struct md_migrate_go how = { .to = NULL };

	step(USER ",\"bio\":\"text?\"}}");
	sql("INSERT INTO \"user\" (name, bio) VALUES ('a', NULL), ('b', 'x'), ('c', NULL)");
	models(USER ",\"bio\":\"text\"}}");
	json_decref(make("not null"));
	REFUSED("MD_DATA", md_migrate_up, &how);
	ck_assert_msg(strstr(err.details, "\"keys\":[\"1\",\"3\"]"), "%s", err.details);
	ck_assert_str_eq(state(), "pending");
	sql("UPDATE \"user\" SET bio = '' WHERE bio IS NULL");
	json_decref(up());
	ck_assert_str_eq(state(), "up_to_date");
}
END_TEST

START_TEST(models_that_changed_are_noticed)
{
	struct md_migrate_make how = { .check = true };
	json_t *document;

	step(USER "}}");
	models(USER ",\"bio\":\"text?\"}}");
	document = VERB(md_migrate_status, false);
	ck_assert_str_eq(at(document, "/models_changed"), "true");
	json_decref(document);
	document = VERB(md_migrate_make, &how);
	ck_assert_uint_eq(count_of(document, "changes"), 1);
	ck_assert_str_eq(at(document, "/file"), "null");
	json_decref(document);
	ck_assert_uint_eq(count_of(document = VERB(md_migrate_history), "history"), 1);
	json_decref(document);
}
END_TEST

START_TEST(a_database_that_is_behind_comes_first)
{
	struct md_migrate_make how = { .message = "two" };

	models(USER "}}");
	json_decref(make("one"));
	models(USER ",\"bio\":\"text?\"}}");
	REFUSED("MD_PENDING", md_migrate_make, &how);
	how.offline = true;
	json_decref(VERB(md_migrate_make, &how));
	json_decref(up());
	ck_assert_str_eq(state(), "up_to_date");
}
END_TEST

START_TEST(what_looks_like_a_rename_is_asked_about)
{
	static const struct md_rename rename = { "User", "name", "full_name" };
	struct md_migrate_make how = { .message = "rename" };

	step(USER "}}");
	sql("INSERT INTO \"user\" (name) VALUES ('a')");
	models("\"User\":{\"fields\":{\"full_name\":\"text\"}}");
	REFUSED("MD_AMBIGUOUS", md_migrate_make, &how);
	ck_assert_ptr_nonnull(strstr(err.details, "name"));
	how.renames = &rename;
	how.rename_count = 1;
	json_decref(VERB(md_migrate_make, &how));
	json_decref(up());
	ck_assert_str_eq(ask("SELECT full_name FROM \"user\""), "a;");
	json_decref(down(NULL));
	ck_assert_str_eq(ask("SELECT name FROM \"user\""), "a;");
}
END_TEST

/* --- places ------------------------------------------------------------------------------------
 */

static void three(void)
{
	step(USER "}}");
	step(USER ",\"a\":\"text?\"}}");
	step(USER ",\"a\":\"text?\",\"b\":\"text?\"}}");
}

START_TEST(places_are_named_as_in_alembic)
{
	struct md_migrate_go how = { .consent = { .all = true } };
	json_t *document, *history;

	three();
	history = VERB(md_migrate_history);
	how.to = "-4";
	REFUSED("MD_REVISION", md_migrate_down, &how);
	how.to = "+1";
	REFUSED("MD_REVISION", md_migrate_up, &how);
	REFUSED("MD400", md_migrate_down, &how);
	how.to = "-1";
	REFUSED("MD400", md_migrate_up, &how);
	how.to = "abcd";
	REFUSED("MD_REVISION", md_migrate_up, &how);
	document = down("-2");
	ck_assert_uint_eq(count_of(document, "revisions"), 2);
	json_decref(document);
	how.to = "+1";
	document = VERB(md_migrate_up, &how);
	ck_assert_uint_eq(count_of(document, "revisions"), 1);
	json_decref(document);
	document = down("base");
	ck_assert_uint_eq(count_of(document, "revisions"), 2);
	json_decref(document);
	ck_assert(!has_table("user"));
	how.to = at(history, "/history/1/revision");
	document = VERB(md_migrate_up, &how);
	ck_assert_uint_eq(count_of(document, "revisions"), 2);
	json_decref(document);
	document = VERB(md_migrate_status, true);
	ck_assert_str_eq(at(document, "/state"), "pending");
	ck_assert_str_eq(at(document, "/pending/0/revision"), at(history, "/history/0/revision"));
	ck_assert_str_eq(at(document, "/pending/0/destructive"), "false");
	json_decref(document);
	how.to = at(history, "/history/2/revision");
	json_decref(VERB(md_migrate_down, &how));
	ck_assert_str_eq(ask("SELECT count(*) FROM \"user\""), "0;");
	json_decref(history);
}
END_TEST

/* --- files -------------------------------------------------------------------------------------
 */

static void change_file(unsigned n, const char *key, const char *value)
{
	json_error_t where;
	json_t *document = json_load_file(rig_file(n), 0, &where);

	json_object_set_new(document, key, json_loads(value, JSON_DECODE_ANY, &where));
	ck_assert_int_eq(json_dump_file(document, rig_file(n), 0), 0);
	json_decref(document);
}

START_TEST(a_file_changed_after_it_was_applied_is_noticed)
{
	struct md_migrate_go how = { .to = NULL };

	three();
	change_file(0, "message", "\"other words\"");
	ck_assert_str_eq(state(), "up_to_date");
	change_file(0, "up", "[]");
	ck_assert_str_eq(state(), "modified");
	REFUSED("MD_HISTORY", md_migrate_up, &how);
	REFUSED("MD_HISTORY", md_migrate_repair, false);
	json_decref(VERB(md_migrate_repair, true));
	ck_assert_str_eq(state(), "up_to_date");
}
END_TEST

START_TEST(revisions_without_files_are_told_and_rolled_back)
{
	struct md_migrate_go how = { .consent = { .all = true } };
	json_t *document;

	three();
	ck_assert_int_eq(unlink(rig_file(2)), 0);
	json_decref(VERB(md_migrate_repair, false));
	ck_assert_str_eq(state(), "ahead");
	document = up();
	ck_assert_str_eq(at(document, "/applied"), "false");
	json_decref(document);
	document = VERB(md_migrate_history);
	ck_assert_uint_eq(count_of(document, "history"), 3);
	json_decref(VERB(md_migrate_show, at(document, "/history/0/revision")));
	json_decref(document);
	json_decref(VERB(md_migrate_down, &how));
	ck_assert_str_eq(state(), "up_to_date");
	ck_assert_str_eq(ask("SELECT count(a) FROM \"user\""), "0;");
}
END_TEST

START_TEST(revisions_made_beside_each_other_come_in_one_line)
{
	struct md_migrate_make how = { .message = "two", .offline = true };
	char parent[16], text[64];
	json_t *document;

	step(USER "}},\"Tag\":{\"fields\":{\"word\":\"text\"}}");
	document = VERB(md_migrate_status, false);
	snprintf(parent, sizeof(parent), "%s", at(document, "/current"));
	json_decref(document);
	step(USER ",\"a\":\"text?\"}},\"Tag\":{\"fields\":{\"word\":\"text\"}}");
	models(USER ",\"a\":\"text?\"}},\"Tag\":{\"fields\":{\"word\":\"text\",\"b\":\"text?\"}}");
	json_decref(VERB(md_migrate_make, &how));
	snprintf(text, sizeof(text), "\"%s\"", parent);
	change_file(2, "down_revision", text);
	change_file(2, "snapshot", "null");
	json_decref(VERB(md_migrate_repair, false));
	ck_assert_str_eq(state(), "pending");
	json_decref(up());
	ck_assert_str_eq(state(), "up_to_date");
	ck_assert_str_eq(ask("SELECT count(a) FROM \"user\""), "0;");
	ck_assert_str_eq(ask("SELECT count(b) FROM tag"), "0;");
}
END_TEST

/* --- taking over -------------------------------------------------------------------------------
 */

#ifdef ON_POSTGRES
#define HERO "CREATE TABLE hero (id SERIAL PRIMARY KEY, name VARCHAR NOT NULL, age INTEGER)"
#else
#define HERO                                                                                       \
	"CREATE TABLE hero (id INTEGER NOT NULL, name VARCHAR NOT NULL, age INTEGER, PRIMARY KEY " \
	"(id))"
#endif

START_TEST(a_database_made_by_alembic_is_taken_over_unchanged)
{
	char path[128];
	struct md_migrate_baseline how = { .from_alembic = true, .write_models = path };
	json_t *document;

	snprintf(path, sizeof(path), "%s/models.json", rig_dir);
	sql(HERO);
	sql("CREATE INDEX ix_hero_name ON hero (name)");
	sql("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL PRIMARY KEY)");
	sql("INSERT INTO alembic_version VALUES ('59d5b24ad13b')");
	sql("INSERT INTO hero (name) VALUES ('a')");
	document = VERB(md_migrate_baseline, &how);
	ck_assert_str_eq(at(document, "/alembic"), "[\"59d5b24ad13b\"]");
	json_decref(document);
	ck_assert_int_eq(access(path, R_OK), 0);
	document = VERB(md_migrate_status, true);
	ck_assert_str_eq(at(document, "/state"), "up_to_date");
	ck_assert_str_eq(at(document, "/applied/0/state"), "baseline");
	json_decref(document);
	ck_assert_str_eq(ask("SELECT name FROM hero"), "a;");
	REFUSED("MD_IRREVERSIBLE", md_migrate_down,
		&(struct md_migrate_go){ .to = "base", .consent = { .all = true } });
	REFUSED("MD_HISTORY", md_migrate_baseline, &how);
}
END_TEST

START_TEST(a_baseline_that_differs_is_refused_with_all_differences)
{
	struct md_migrate_baseline how = { .message = NULL };

	sql(HERO);
	models("\"Hero\":{\"fields\":{\"name\":\"text\",\"power\":\"int?\"}}");
	REFUSED("MD_DRIFT", md_migrate_baseline, &how);
	ck_assert_ptr_nonnull(strstr(err.details, "/tables/hero/columns/power"));
	ck_assert(!has_table("_modeld_migrations"));
}
END_TEST

START_TEST(a_stamp_notes_without_running)
{
	json_t *document;
	char first[16];

	three();
	document = VERB(md_migrate_history);
	snprintf(first, sizeof(first), "%s", at(document, "/history/2/revision"));
	json_decref(document);
	document = VERB(md_migrate_stamp, first, false);
	ck_assert_str_eq(at(document, "/current"), first);
	json_decref(document);
	ck_assert_str_eq(state(), "pending");
	document = VERB(md_migrate_stamp, "head", false);
	ck_assert_uint_eq(count_of(document, "noted"), 2);
	json_decref(document);
	ck_assert_str_eq(state(), "up_to_date");
	document = VERB(md_migrate_stamp, NULL, true);
	ck_assert_str_eq(at(document, "/current"), "null");
	json_decref(document);
	ck_assert(has_table("user"));
	json_decref(VERB(md_migrate_stamp, "head", false));
	ck_assert_str_eq(state(), "up_to_date");
}
END_TEST

/* --- drift, purge, rehearsal -------------------------------------------------------------------
 */

START_TEST(what_others_changed_is_told_with_its_path_and_mended)
{
	json_t *document;

	step(USER ",\"bio\":\"text? index\"}}");
	sql("CREATE INDEX extra_idx ON \"user\" (name)");
	sql("DROP INDEX user_bio_idx");
	sql("CREATE TABLE somebodys (x int)");
	document = VERB(md_migrate_drift, false, NULL);
	ck_assert_uint_eq(count_of(document, "drift"), 2);
	ck_assert_str_eq(at(document, "/drift/0/path"), "/tables/user/indexes/user_bio_idx");
	ck_assert_str_eq(at(document, "/drift/0/kind"), "missing");
	ck_assert_str_eq(at(document, "/drift/1/path"), "/tables/user/indexes/extra_idx");
	ck_assert_str_eq(at(document, "/drift/1/kind"), "unexpected");
	json_decref(document);
	ck_assert_str_eq(state(), "drift");
	document = VERB(md_migrate_drift, true, NULL);
	ck_assert_uint_eq(count_of(document, "drift"), 1);
	ck_assert_uint_eq(count_of(document, "mended"), 1);
	json_decref(document);
}
END_TEST

START_TEST(what_is_kept_goes_for_good_by_name_only)
{
	static const char *const names[] = { "user.bio" };
	struct md_consent none = { .count = 0 }, some = { names, 1, false };
	struct md_migrate_go how = { .consent = { .all = true } };
	json_t *document;

	step(USER ",\"bio\":\"text?\"}}");
	models(USER "}}");
	json_decref(make("drop"));
	json_decref(VERB(md_migrate_up, &how));
	REFUSED("MD_DATA_LOSS", md_migrate_purge, 0, false, &none);
	document = VERB(md_migrate_purge, 7, false, &some);
	ck_assert_str_eq(at(document, ""), "{\"kept\":[],\"dropped\":[]}");
	json_decref(document);
	document = VERB(md_migrate_purge, 0, true, &some);
	ck_assert_str_eq(at(document, "/dropped"), "[]");
	ck_assert_str_eq(at(document, "/kept/0/object"), "user.bio");
	json_decref(document);
	document = VERB(md_migrate_purge, 0, false, &some);
	ck_assert_str_eq(at(document, "/dropped"), "[\"user.bio\"]");
	json_decref(document);
	document = VERB(md_migrate_status, true);
	ck_assert_str_eq(at(document, "/kept"), "[]");
	ck_assert_str_eq(at(document, "/state"), "up_to_date");
	json_decref(document);
}
END_TEST

START_TEST(a_rehearsal_leaves_nothing_behind)
{
	struct md_migrate_go how = { .rehearse = true };
	json_t *document;

	step(USER "}}");
	sql("INSERT INTO \"user\" (name) VALUES ('a')");
	models(USER ",\"bio\":\"text = 'b' index\"}}");
	json_decref(make("bio"));
	document = VERB(md_migrate_up, &how);
	ck_assert_str_eq(at(document, "/applied"), "false");
	ck_assert_str_eq(at(document, "/rehearsed"), "true");
	ck_assert_uint_eq(count_of(document, "revisions"), 1);
	json_decref(document);
	ck_assert_str_eq(state(), "pending");
	json_decref(up());
}
END_TEST

START_TEST(a_fake_run_is_noted_only)
{
	struct md_migrate_go how = { .fake = true };

	models(USER "}}");
	json_decref(make("one"));
	json_decref(VERB(md_migrate_up, &how));
	ck_assert(!has_table("user"));
	ck_assert_str_eq(state(), "drift");
}
END_TEST

START_TEST(a_check_finds_what_is_wrong_and_replays_everything)
{
	json_t *document;

	three();
	document = VERB(md_migrate_check, true);
	ck_assert_str_eq(at(document, ""), "{\"problems\":[],\"ok\":true}");
	json_decref(document);
	models(USER "}}");
	change_file(1, "up", "[]");
	change_file(1, "down", "null");
	sql("CREATE INDEX extra_idx ON \"user\" (name)");
	document = VERB(md_migrate_check, false);
	ck_assert_str_eq(at(document, "/ok"), "false");
	ck_assert_str_eq(at(document, "/problems/0/kind"), "sums");
	ck_assert_str_eq(at(document, "/problems/1/kind"), "snapshot");
	ck_assert_ptr_nonnull(strstr(at(document, "/problems"), "\"modified\""));
	ck_assert_ptr_nonnull(strstr(at(document, "/problems"), "\"drift\""));
	ck_assert_ptr_nonnull(strstr(at(document, "/problems"), "\"models\""));
	json_decref(document);
}
END_TEST

START_TEST(a_replay_tells_which_revision_cannot_be_made_from_nothing)
{
	json_t *document;

	step(USER "}}");
	sql("CREATE TABLE mine (x int)");
	write_by_hand(1, "[{\"op\":\"sql\",\"up\":\"INSERT INTO mine VALUES (1)\"}]");
	json_decref(up());
	document = VERB(md_migrate_check, true);
	ck_assert_uint_eq(count_of(document, "problems"), 1);
	ck_assert_str_eq(at(document, "/problems/0/kind"), "replay");
	ck_assert_msg(strstr(at(document, "/problems/0/message"), "mine"), "%s", at(document, ""));
	json_decref(document);
	ck_assert_str_eq(state(), "up_to_date");
}
END_TEST

START_TEST(many_revisions_become_one_that_leads_to_the_same)
{
	struct md_migrate_go how = { .consent = { .all = true } };
	json_t *document, *history;
	char first_id[16];

	three();
	sql("INSERT INTO \"user\" (name) VALUES ('x')");
	history = VERB(md_migrate_history);
	document = VERB(md_migrate_squash, at(history, "/history/1/revision"), "all in one");
	ck_assert_str_eq(at(document, "/revision"), at(history, "/history/1/revision"));
	ck_assert_uint_eq(count_of(document, "replaces"), 1);
	ck_assert_uint_eq(count_of(document, "left_out"), 0);
	json_decref(document);
	ck_assert_str_eq(state(), "up_to_date");
	document = VERB(md_migrate_check, true);
	ck_assert_str_eq(at(document, "/problems"), "[]");
	json_decref(document);
	document = VERB(md_migrate_status, false);
	ck_assert_uint_eq(count_of(document, "applied"), 2);
	json_decref(document);
	document = make("nothing");
	ck_assert_str_eq(at(document, "/changes"), "[]");
	json_decref(document);
	json_decref(VERB(md_migrate_down, &how));
	ck_assert_str_eq(ask("SELECT name, a FROM \"user\""), "x,null;");
	json_decref(up());
	json_decref(VERB(md_migrate_down,
			 &(struct md_migrate_go){ .to = "base", .consent = { .all = true } }));
	ck_assert(!has_table("user"));
	json_decref(up());
	ck_assert_str_eq(state(), "up_to_date");
	snprintf(first_id, sizeof(first_id), "%s", at(history, "/history/1/revision"));
	REFUSED("MD400", md_migrate_squash, first_id, NULL);
	json_decref(history);
}
END_TEST

START_TEST(a_database_that_went_through_what_became_one_is_up_to_date)
{
	char last[16];
	json_t *document;

	three();
	document = VERB(md_migrate_status, false);
	snprintf(last, sizeof(last), "%s", at(document, "/current"));
	json_decref(document);
#ifdef ON_POSTGRES
	rig_options.schema = "nobody";
	sql("CREATE SCHEMA IF NOT EXISTS nobody");
#else
	rig_options.url = "sqlite:////nonexistent/nobody.db";
#endif
	json_decref(VERB(md_migrate_squash, last, NULL));
	rig_options.schema = NULL;
	rig_options.url = rig_url;
	ck_assert_str_eq(state(), "up_to_date");
	document = VERB(md_migrate_status, false);
	ck_assert_str_eq(at(document, "/applied/0/checksum"), "replaced");
	json_decref(document);
	json_decref(down("-2"));
	ck_assert_str_eq(ask("SELECT count(name) FROM \"user\""), "0;");
	REFUSED("MD_HISTORY", md_migrate_up, &(struct md_migrate_go){ .to = NULL });
}
END_TEST

static Suite *migrate_suite(void)
{
	Suite *suite = suite_create("migrate");
	TCase *tests = tcase_create("verbs");

	tcase_set_timeout(tests, 120);
	tcase_add_checked_fixture(tests, rig_begin, rig_end);
	tcase_add_test(tests, nothing_to_do_takes_no_lock_and_makes_no_table);
	tcase_add_test(tests, the_first_revision_makes_the_tables);
	tcase_add_test(tests, passwords_are_in_no_document);
	tcase_add_test(tests, a_plan_is_told_and_nothing_is_done);
	tcase_add_test(tests, up_down_and_up_again_keeps_the_rows);
	tcase_add_test(tests, what_is_dropped_needs_consent_by_name_and_comes_back);
	tcase_add_test(tests, consent_in_the_revision_is_enough);
	tcase_add_test(tests, data_that_stands_against_it_is_told_with_its_keys);
	tcase_add_test(tests, models_that_changed_are_noticed);
	tcase_add_test(tests, a_database_that_is_behind_comes_first);
	tcase_add_test(tests, what_looks_like_a_rename_is_asked_about);
	tcase_add_test(tests, places_are_named_as_in_alembic);
	tcase_add_test(tests, a_file_changed_after_it_was_applied_is_noticed);
	tcase_add_test(tests, revisions_without_files_are_told_and_rolled_back);
	tcase_add_test(tests, revisions_made_beside_each_other_come_in_one_line);
	tcase_add_test(tests, a_database_made_by_alembic_is_taken_over_unchanged);
	tcase_add_test(tests, a_baseline_that_differs_is_refused_with_all_differences);
	tcase_add_test(tests, a_stamp_notes_without_running);
	tcase_add_test(tests, what_others_changed_is_told_with_its_path_and_mended);
	tcase_add_test(tests, what_is_kept_goes_for_good_by_name_only);
	tcase_add_test(tests, a_rehearsal_leaves_nothing_behind);
	tcase_add_test(tests, a_fake_run_is_noted_only);
	tcase_add_test(tests, a_check_finds_what_is_wrong_and_replays_everything);
	tcase_add_test(tests, many_revisions_become_one_that_leads_to_the_same);
	tcase_add_test(tests, a_database_that_went_through_what_became_one_is_up_to_date);
	tcase_add_test(tests, a_replay_tells_which_revision_cannot_be_made_from_nothing);
	suite_add_tcase(suite, tests);
	return suite;
}

int main(void)
{
	SRunner *runner;
	int failed;

#ifdef ON_POSTGRES
	if (!pg_start())
		return EXIT_FAILURE;
#endif
	runner = srunner_create(migrate_suite());
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
