/* A blog without a server: make the tables, add rows in a session, ask.
 *
 *	cc blog.c $(pkg-config --cflags --libs modeld) -o blog
 *	./blog sqlite:///blog.db blog.json
 *
 * blog.json is the definition file that is installed beside this one. */
#include <inttypes.h>
#include <modeld.h>
#include <stdio.h>

static int fail(const char *what, const struct md_error *err)
{
	fprintf(stderr, "%s: %s %s\n%s%s", what, err->wire, err->message, err->details,
		err->details[0] ? "\n" : "");
	return 1;
}

/* Everything or nothing: without the commit at the end, closing the work undoes it. */
static enum md_code write_posts(struct md_work *work, struct md_error *err)
{
	struct md_result *john;
	enum md_code code =
		md_create(work, "User", "{\"username\": \"john\", \"email\": \"john@example.com\"}",
			  &john, err);
	int64_t id = 0;
	char post[256];

	if (code)
		return code;
	md_result_i64(john, 0, "id", &id);
	md_result_free(john);
	for (int i = 1; i <= 3; i++) {
		snprintf(post, sizeof(post),
			 "{\"title\": \"Post %d\", \"content\": \"…\", \"author_id\": %" PRId64
			 ", \"published\": %s}",
			 i, id, i == 2 ? "false" : "true");
		code = md_add(work, "Post", post, err); /* written by the commit */
		if (code)
			return code;
	}
	return md_work_commit(work, err);
}

/* What john has published, newest first. A verb that fails is reported by md_all(). */
static enum md_code show_posts(struct md_work *work, struct md_error *err)
{
	struct md_ask *ask;
	struct md_result *posts;
	uint64_t count;
	enum md_code code = md_ask_new(work, "Post", &ask, err);

	if (code)
		return code;
	md_join(ask, "author", NULL, true);
	md_where(ask, "author.username", "eq", "john");
	md_where(ask, "published", "is", "true");
	md_order_by(ask, "id.desc");
	md_limit(ask, 2);
	code = md_all(ask, &posts, err);
	if (code == MD_OK) {
		for (unsigned i = 0; i < md_result_rows(posts); i++)
			printf("%s: %s\n", md_result_text(posts, i, "id"),
			       md_result_text(posts, i, "title"));
		md_result_free(posts);
		code = md_count(ask, &count, err);
	}
	if (code == MD_OK)
		printf("%" PRIu64 " in all\n", count);
	md_ask_free(ask);
	return code;
}

/* Nobody is called john twice: the database refuses, and what came before stands. */
static enum md_code try_again(struct md_work *work, struct md_error *err)
{
	enum md_code code =
		md_create(work, "User",
			  "{\"username\": \"john\", \"email\": \"other@example.com\"}", NULL, err);

	if (code != MD_CONFLICT)
		return code ? code : MD_INTERNAL;
	printf("refused: %s\n", err->wire);
	return md_work_rollback(work, err);
}

int main(int argc, char **argv)
{
	struct md_store_options options = { .migrate = true };
	struct md_store *store;
	struct md_work *work;
	struct md_error err;
	enum md_code code;
	int rc = 0;

	if (argc != 3) {
		fprintf(stderr, "usage: blog URL MODELS\n");
		return 64;
	}
	options.models = argv[2];
	if (md_store_open(argv[1], &options, &store, &err) != MD_OK)
		return fail("open", &err);
	code = md_work_open(store, &work, &err);
	if (code == MD_OK) {
		code = write_posts(work, &err);
		if (code == MD_OK)
			code = show_posts(work, &err);
		if (code == MD_OK)
			code = try_again(work, &err);
		md_work_close(work);
	}
	if (code != MD_OK)
		rc = fail("blog", &err);
	md_store_close(store);
	return rc;
}
