/* Bodies with relationships, on SQLite. */
#include <stdio.h>

#include "tests/support/fault.h"
#include "tests/support/store.h"
#include "tests/support/suite.h"

static const struct md_write_ask post = { .kind = MD_WRITE_INSERT };
static const struct md_write_ask post_full = { .kind = MD_WRITE_INSERT, .give = MD_GIVE_ROWS };
static const struct md_write_ask patch = { .kind = MD_WRITE_UPDATE };
static const struct md_write_ask put = { .kind = MD_WRITE_INSERT,
					 .resolution = MD_RESOLUTION_MERGE,
					 .replace = true };

static const char blog[] =
	"{\"version\":1,\"models\":{"
	"\"User\":{\"fields\":{\"username\":\"string(20) unique\",\"secret\":\"string? hidden\","
	"\"joined\":\"integer = 7 immutable\",\"seen\":\"integer? readonly\"},"
	"\"relations\":{\"posts\":\"Post[] <-> author\",\"profile\":\"Profile? <-> user\","
	"\"drafts\":\"Draft[] <-> owner\","
	"\"notes\":{\"model\":\"Note\",\"uselist\":true,\"back_populates\":\"user\","
	"\"cascade_delete\":true}}},"
	"\"Profile\":{\"fields\":{\"user_id\":\"-> User unique on delete cascade\","
	"\"bio\":\"text?\"},\"relations\":{\"user\":\"User <-> profile\"}},"
	"\"Post\":{\"fields\":{\"title\":\"string(20) min_length(1)\",\"author_id\":\"-> User\"},"
	"\"relations\":{\"author\":\"User <-> posts\",\"tags\":\"Tag[] via PostTag <-> posts\"}},"
	"\"Draft\":{\"fields\":{\"text\":\"text\",\"owner_id\":\"-> User ? immutable\"},"
	"\"relations\":{\"owner\":\"User <-> drafts\"}},"
	"\"Note\":{\"fields\":{\"text\":\"text\",\"user_id\":\"-> User\"},"
	"\"relations\":{\"user\":\"User <-> notes\"}},"
	"\"Tag\":{\"fields\":{\"name\":\"string(20) unique\"},"
	"\"relations\":{\"posts\":\"Post[] via PostTag <-> tags\"}},"
	"\"PostTag\":{\"table\":\"post_tags\",\"fields\":{\"post_id\":\"-> Post pk on delete "
	"cascade\",\"tag_id\":\"-> Tag pk on delete cascade\"}}}}";

static void start_blog(void)
{
	store_start_models(NULL, blog);
}

START_TEST(parents_come_with_their_children)
{
	store_start();
	ck_assert_str_eq(store_write("/users", "", "{\"name\":\"dan\",\"nodes\":1}", post),
			 "PGRST204"); /* not related */
	ck_assert_str_eq(store_write("/users", "", "{\"name\":\"dan\",\"posts\":[]}", post),
			 "PGRST201"); /* in two ways */
	ck_assert_str_eq(store_write("/tags", "select=id,name,posts(id,title)&posts.order=id",
				     "[{\"name\":\"a\",\"posts\":[{\"title\":\"x\"},{\"id\":3},2]},"
				     "{\"name\":\"b\",\"posts\":[]}]",
				     post_full),
			 "[{\"id\":3,\"name\":\"a\",\"posts\":[{\"id\":2,\"title\":\"two\"},"
			 "{\"id\":3,\"title\":\"three\"},{\"id\":4,\"title\":\"x\"}]},"
			 "{\"id\":4,\"name\":\"b\",\"posts\":[]}]");
	ck_assert_uint_eq(store.written.inserted, 2);
	store_stop();
}
END_TEST

START_TEST(rows_point_to_rows_of_the_same_body)
{
	store_start();
	/* A tree in itself: the parent first, then the row, then its children. */
	ck_assert_str_eq(
		store_write("/nodes", "", "{\"name\":\"n\",\"parent_id\":{\"name\":\"up\"}}", post),
		"22P02");
	ck_assert_str_eq(store_write("/nodes", "select=id,name,parent_id",
				     "{\"id\":50,\"name\":\"n\",\"nodes\":[{\"name\":\"c\","
				     "\"nodes\":[{\"name\":\"d\"}]},{\"id\":4}]}",
				     post_full),
			 "[{\"id\":50,\"name\":\"n\",\"parent_id\":null}]");
	ck_assert_str_eq(store_get("/nodes", "id=gte.4&order=id&select=id,name,parent_id"),
			 "[{\"id\":4,\"name\":\"leaf\",\"parent_id\":50},"
			 "{\"id\":50,\"name\":\"n\",\"parent_id\":null},"
			 "{\"id\":51,\"name\":\"c\",\"parent_id\":50},"
			 "{\"id\":52,\"name\":\"d\",\"parent_id\":51}]");
	store_stop();
}
END_TEST

START_TEST(every_kind_of_relationship_is_written)
{
	start_blog();
	ck_assert_str_eq(
		store_write("/post", "",
			    "{\"title\":\"t\",\"author\":{\"username\":\"ann\",\"profile\":"
			    "{\"bio\":\"b\"}},\"tags\":[{\"name\":\"x\"},{\"name\":\"y\"}]}",
			    post),
		"");
	ck_assert_str_eq(store_get("/post/1", "select=title,author(username,joined,profile(bio)),"
					      "tags(name)"),
			 "{\"title\":\"t\",\"author\":{\"username\":\"ann\",\"joined\":7,"
			 "\"profile\":{\"bio\":\"b\"}},\"tags\":[{\"name\":\"x\"},"
			 "{\"name\":\"y\"}]}");
	ck_assert_str_eq(store_write("/post", "",
				     "{\"title\":\"u\",\"author\":1,\"tags\":[2,{\"id\":1},"
				     "{\"name\":\"z\"}]}",
				     post),
			 "");
	ck_assert_str_eq(store_get("/post/2", "select=author_id,tags(id)"),
			 "{\"author_id\":1,\"tags\":[{\"id\":1},{\"id\":2},{\"id\":3}]}");
	store_stop();
}
END_TEST

START_TEST(a_change_adds_links_and_changes_children)
{
	start_blog();
	store_write("/user", "",
		    "{\"username\":\"ann\",\"posts\":[{\"title\":\"a\"},"
		    "{\"title\":\"b\"}]}",
		    post);
	store_write("/user", "", "{\"username\":\"bob\",\"posts\":[{\"title\":\"c\"}]}", post);
	ck_assert_str_eq(store_write("/user/1", "",
				     "{\"posts\":[{\"id\":3},{\"id\":2,\"title\":\"B\"},"
				     "{\"title\":\"d\"}],\"profile\":{\"bio\":\"1\"}}",
				     patch),
			 "");
	ck_assert_str_eq(store_get("/user/1", "select=posts(id,title),profile(bio)"),
			 "{\"posts\":[{\"id\":1,\"title\":\"a\"},{\"id\":2,\"title\":\"B\"},"
			 "{\"id\":3,\"title\":\"c\"},{\"id\":4,\"title\":\"d\"}],"
			 "\"profile\":{\"bio\":\"1\"}}");
	ck_assert_str_eq(
		store_write("/user", "username=eq.ann", "{\"profile\":{\"bio\":\"2\"}}", patch),
		"");
	ck_assert_str_eq(store_get("/profile", "select=id,bio"), "[{\"id\":1,\"bio\":\"2\"}]");
	ck_assert_str_eq(store_write("/user/9", "", "{\"posts\":[{\"title\":\"x\"}]}", patch),
			 "MD404");
	ck_assert_str_eq(store_write("/user", "", "{\"posts\":[{\"title\":\"x\"}]}", patch),
			 "MD400");
	ck_assert_str_eq(
		store_write("/user/1", "", "{\"posts\":[{\"id\":77,\"title\":\"x\"}]}", patch),
		"MD404");
	ck_assert_ptr_nonnull(strstr(store.error.errors, "\"pointer\":\"/posts/0\""));
	ck_assert_str_eq(store_write("/post/1", "", "{\"author\":{\"username\":\"new\"}}", patch),
			 "");
	ck_assert_str_eq(store_get("/post/1", "select=author(username)"),
			 "{\"author\":{\"username\":\"new\"}}");
	store_stop();
}
END_TEST

START_TEST(a_put_says_what_is_there)
{
	start_blog();
	store_write("/post", "",
		    "{\"title\":\"t\",\"author\":{\"username\":\"ann\"},\"tags\":"
		    "[{\"name\":\"x\"},{\"name\":\"y\"}]}",
		    post);
	ck_assert_str_eq(store_write("/post/1", "",
				     "{\"id\":1,\"title\":\"T\",\"author_id\":1,\"tags\":"
				     "[{\"id\":2},{\"name\":\"z\"},{\"id\":9,\"name\":\"n\"}]}",
				     put),
			 "");
	ck_assert_str_eq(store_get("/post/1", "select=title,tags(id,name)&tags.order=id"),
			 "{\"title\":\"T\",\"tags\":[{\"id\":2,\"name\":\"y\"},"
			 "{\"id\":3,\"name\":\"z\"},{\"id\":9,\"name\":\"n\"}]}");
	/* Those left out: unlinked, deleted where that was said, or in the way. */
	store_write("/user/1", "",
		    "{\"drafts\":[{\"text\":\"1\"},{\"text\":\"2\"}],"
		    "\"notes\":[{\"text\":\"1\"},{\"text\":\"2\"}]}",
		    patch);
	ck_assert_str_eq(
		store_write("/user/1", "", "{\"id\":1,\"username\":\"ann\",\"notes\":[2]}", put),
		"");
	ck_assert_str_eq(store_get("/note", "select=id,user_id"), "[{\"id\":2,\"user_id\":1}]");
	ck_assert_str_eq(
		store_write("/user/1", "", "{\"id\":1,\"username\":\"ann\",\"posts\":[]}", put),
		"MD409");
	ck_assert_ptr_nonnull(strstr(store.error.errors, "\"pointer\":\"/posts\""));
	ck_assert_str_eq(
		store_write("/user/1", "", "{\"id\":1,\"username\":\"ann\",\"posts\":[1]}", put),
		"");
	store_stop();
	store_start();
	ck_assert_str_eq(store_write("/nodes/1", "", "{\"id\":1,\"nodes\":[{\"id\":3}]}", put), "");
	ck_assert_str_eq(store_get("/nodes", "select=id,parent_id&order=id"),
			 "[{\"id\":1,\"parent_id\":null},{\"id\":2,\"parent_id\":null},"
			 "{\"id\":3,\"parent_id\":1},{\"id\":4,\"parent_id\":2}]");
	store_stop();
}
END_TEST

START_TEST(problems_of_all_levels_are_told_at_once)
{
	start_blog();
	ck_assert_str_eq(store_write("/user", "",
				     "[{\"username\":\"a\",\"posts\":[]},{\"username\":null,"
				     "\"posts\":[{\"title\":\"\"},{\"titel\":1},{\"title\":\"x\","
				     "\"author_id\":3,\"tags\":[{\"name\":\"a\"},{\"na/me\":2}]}]}"
				     "]",
				     post),
			 "PGRST204");
	static const char *const pointers[] = {
		"/1/username\"",           "/1/posts/0/title\"",     "/1/posts/1/titel\"",
		"/1/posts/1/title\"",      "/1/posts/2/author_id\"", "/1/posts/2/tags/1/na~1me\"",
		"/1/posts/2/tags/1/name\""
	};

	for (size_t i = 0; i < sizeof(pointers) / sizeof(pointers[0]); i++) {
		char want[64];

		snprintf(want, sizeof(want), "\"pointer\":\"%s", pointers[i]);
		ck_assert_msg(strstr(store.error.errors, want) != NULL, "%s: %s", want,
			      store.error.errors);
	}
	ck_assert_str_eq(store_get("/user", ""), "[]");
	/* What a relationship may not write. */
	store_write("/user", "", "{\"username\":\"a\",\"drafts\":[{\"text\":\"d\"}]}", post);
	ck_assert_str_eq(store_write("/user/1", "", "{\"drafts\":[1]}", patch), "428C9");
	ck_assert_str_eq(store_write("/user/1", "",
				     "{\"posts\":[{\"id\":1,\"title\":\"\"}],"
				     "\"secret\":\"x\"}",
				     patch),
			 "PGRST204");
	ck_assert_str_eq(store_write("/user", "", "{\"username\":\"b\",\"posts\":{}}", post),
			 "PGRST102");
	ck_assert_str_eq(store_write("/user", "", "{\"username\":\"b\",\"posts\":[true]}", post),
			 "PGRST102");
	store_stop();
}
END_TEST

START_TEST(constraints_are_told_with_a_pointer_and_undo_all)
{
	start_blog();
	store_write("/tag", "", "{\"name\":\"x\"}", post);
	ck_assert_str_eq(store_write("/user", "",
				     "{\"username\":\"a\",\"posts\":[{\"title\":\"t\",\"tags\":"
				     "[{\"name\":\"y\"},{\"name\":\"x\"}]}]}",
				     post),
			 "23505");
	ck_assert_ptr_nonnull(strstr(store.error.errors, "\"/posts/0/tags/1\""));
	ck_assert_str_eq(
		store_write("/post", "", "{\"title\":\"t\",\"author_id\":null,\"tags\":[5]}", post),
		"23502");
	ck_assert_str_eq(store_write("/user", "",
				     "{\"username\":\"a\",\"posts\":[{\"title\":\"t\",\"tags\":[1,"
				     "5]}]}",
				     post),
			 "23503");
	ck_assert_str_eq(store_get("/user", ""), "[]");
	ck_assert_str_eq(store_get("/tag", "select=name"), "[{\"name\":\"x\"}]");
	store_stop();
}
END_TEST

START_TEST(a_rehearsal_and_limits_leave_nothing)
{
	struct md_write_ask rehearsal = post_full;
	char deep[256] = "{\"name\":\"0\"";
	md_auto_buf wide = MD_BUF(1u << 20);

	store_start();
	rehearsal.dry_run = true;
	ck_assert_str_eq(store_write("/nodes", "select=name,nodes!parent_id(name)",
				     "{\"name\":\"n\",\"nodes\":[{\"name\":\"c\"}]}", rehearsal),
			 "[{\"name\":\"n\",\"nodes\":[{\"name\":\"c\"}]}]");
	for (int i = 0; i < 6; i++)
		strcat(deep, ",\"nodes\":[{\"name\":\"1\"");
	for (int i = 0; i < 6; i++)
		strcat(deep, "}]");
	strcat(deep, "}");
	ck_assert_str_eq(store_write("/nodes", "", deep, post), "MD413");
	md_buf_puts(&wide, "{\"name\":\"0\",\"nodes\":[");
	for (int i = 0; i < 1000; i++)
		md_buf_puts(&wide, i == 0 ? "{}" : ",{}");
	md_buf_puts(&wide, "]}");
	ck_assert_str_eq(store_write("/nodes", "", md_buf_text(&wide), post), "MD413");
	ck_assert_str_eq(store_get("/nodes", "id=gt.4"), "[]");
	store_stop();
}
END_TEST

START_TEST(in_a_session_it_is_one_step_that_is_undone_alone)
{
	start_blog();
	store_begin();
	ck_assert_str_eq(store_write("/user", "",
				     "{\"username\":\"a\",\"posts\":[{\"title\":\"t\"}]}", post),
			 "");
	ck_assert_str_eq(store_write("/user", "",
				     "{\"username\":\"b\",\"posts\":[{\"id\":1,\"title\":\"t\"}]}",
				     post),
			 "23505");
	ck_assert_str_eq(store_get("/user", "select=username,posts(title)"),
			 "[{\"username\":\"a\",\"posts\":[{\"title\":\"t\"}]}]");
	ck_assert_int_eq(store_commit(), MD_OK);
	ck_assert_str_eq(store_get("/user", "select=username"), "[{\"username\":\"a\"}]");
	store_stop();
}
END_TEST

/* One link more, one less, and all of them. */
START_TEST(the_links_of_a_row_are_written_by_themselves)
{
	struct md_write_ask link = patch, full = patch;

	start_blog();
	store_write("/post", "",
		    "{\"title\":\"t\",\"author\":{\"username\":\"ann\"},\"tags\":"
		    "[{\"name\":\"x\"},{\"name\":\"y\"}]}",
		    post);
	store_write("/tag", "", "[{\"name\":\"z\"}]", post);
	link.link = MD_LINK_SET;
	ck_assert_str_eq(store_write("/post/1", "", "{\"tags\":[3,1]}", link), "");
	ck_assert_str_eq(store_get("/post_tags", "select=tag_id"),
			 "[{\"tag_id\":1},{\"tag_id\":3}]");
	link.link = MD_LINK_ADD;
	for (int i = 0; i < 2; i++)
		ck_assert_str_eq(store_write("/post/1", "", "{\"tags\":[2]}", link), "");
	ck_assert_str_eq(store_get("/post_tags", "select=tag_id"),
			 "[{\"tag_id\":1},{\"tag_id\":2},{\"tag_id\":3}]");
	full.link = MD_LINK_ADD;
	full.link_single = true;
	full.give = MD_GIVE_ROWS;
	ck_assert_str_eq(store_write("/user/1", "select=title,author_id",
				     "{\"posts\":[{\"title\":\"n\"}]}", full),
			 "[{\"title\":\"n\",\"author_id\":1}]");
	ck_assert_str_eq(store_write("/user/1", "", "{\"posts\":[{\"title\":\"\"}]}", full),
			 "23514");
	ck_assert_ptr_nonnull(strstr(store.error.errors, "\"pointer\":\"/title\""));
	link.link = MD_LINK_REMOVE;
	ck_assert_str_eq(store_write("/post/1", "", "{\"tags\":[1]}", link), "");
	ck_assert_str_eq(store_write("/post/1", "", "{\"tags\":[1]}", link), "MD404");
	ck_assert_str_eq(store_write("/post/9", "", "{\"tags\":[2]}", link), "MD404");
	ck_assert_str_eq(store_get("/post_tags", "select=tag_id"),
			 "[{\"tag_id\":2},{\"tag_id\":3}]");
	store_stop();
}
END_TEST

START_TEST(survives_a_failure_of_every_allocation)
{
	static const char body[] = "{\"username\":\"a\",\"posts\":[{\"title\":\"t\",\"tags\":[1,"
				   "{\"name\":\"n\"}]},{\"id\":1}],\"profile\":{\"bio\":\"b\"}}";
	int missed = 0;
	bool fired = true;

	for (int n = 0; fired; n++) {
		const char *wire;
		char got[32];

		start_blog();
		store_write("/post", "",
			    "{\"title\":\"t\",\"author\":{\"username\":\"ann\"},"
			    "\"tags\":[{\"name\":\"x\"}]}",
			    post);
		fault_arm(n);
		wire = store_write("/user", "", body, post);
		fired = fault_fired();
		fault_disarm();
		snprintf(got, sizeof(got), "%s", wire);
		missed += got[0] != '\0';
		if (got[0] != '\0')
			ck_assert(fired);
		ck_assert_str_eq(store_get("/user", "select=username,posts(id)&id=gt.1"),
				 got[0] ? "[]"
					: "[{\"username\":\"a\",\"posts\":[{\"id\":1},{\"id\":2}]"
					  "}]");
		ck_assert_str_eq(store_get("/tag", "select=id&id=gt.1"),
				 got[0] ? "[]" : "[{\"id\":2}]");
		store_stop();
		ck_assert_int_lt(n, 2000);
	}
	ck_assert_int_gt(missed, 20);
}
END_TEST

SUITE_MAIN("nested", parents_come_with_their_children, rows_point_to_rows_of_the_same_body,
	   every_kind_of_relationship_is_written, a_change_adds_links_and_changes_children,
	   a_put_says_what_is_there, problems_of_all_levels_are_told_at_once,
	   constraints_are_told_with_a_pointer_and_undo_all, a_rehearsal_and_limits_leave_nothing,
	   in_a_session_it_is_one_step_that_is_undone_alone,
	   the_links_of_a_row_are_written_by_themselves, survives_a_failure_of_every_allocation)
