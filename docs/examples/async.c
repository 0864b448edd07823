/* Two sessions at the same time, in an event loop of one's own: each adds a user with posts, then
 * counts them. Nothing waits but poll().
 *
 *	cc async.c $(pkg-config --cflags --libs modeld) -o async
 *	./async sqlite:///blog.db blog.json
 *
 * blog.json is the definition file that is installed beside this one. */
#include <inttypes.h>
#include <modeld.h>
#include <poll.h>
#include <stdio.h>

/* What one session does. Each step begins a verb, whose end calls the next step. */
struct job {
	const char *name;
	unsigned posts;
	struct md_work *work;
	uint64_t counted;
	int failed;
	int over;
};

/* What it holds is given back at once: the other may be waiting for it. */
static void fail(struct job *job, const struct md_error *err)
{
	fprintf(stderr, "%s: %s %s\n", job->name, err->wire, err->message);
	job->work = md_work_close(job->work);
	job->failed = job->over = 1;
}

static void counted(struct md_work *work, const struct md_outcome *outcome, void *arg)
{
	struct job *job = arg;

	(void)work;
	if (outcome->code) {
		fail(job, outcome->error);
		return;
	}
	job->counted = outcome->count;
	job->over = 1;
}

static void committed(struct md_work *work, const struct md_outcome *outcome, void *arg)
{
	struct job *job = arg;
	struct md_then then = { .done = counted, .arg = job };
	struct md_error err;
	struct md_ask *ask;

	if (outcome->code) {
		fail(job, outcome->error);
		return;
	}
	if (md_ask_new(work, "Post", &ask, &err)) {
		fail(job, &err);
		return;
	}
	md_join(ask, "author", NULL, true);
	md_where(ask, "author.username", "eq", job->name);
	if (md_async_count(ask, &then, &err))
		fail(job, &err);
	md_ask_free(ask); /* the verb on its way keeps what it needs */
}

static void created(struct md_work *work, const struct md_outcome *outcome, void *arg)
{
	struct job *job = arg;
	struct md_then then = { .done = committed, .arg = job };
	struct md_error err;
	enum md_code code = MD_OK;
	int64_t id = 0;
	char post[256];

	if (outcome->code) {
		fail(job, outcome->error);
		return;
	}
	md_result_i64(outcome->result, 0, "id", &id);
	md_result_free(outcome->result);
	for (unsigned i = 1; i <= job->posts && code == MD_OK; i++) {
		snprintf(post, sizeof(post),
			 "{\"title\": \"Post %u\", \"content\": \"…\", \"author_id\": %" PRId64
			 ", \"published\": true}",
			 i, id);
		code = md_add(work, "Post", post, &err); /* written by the commit */
	}
	if (code == MD_OK)
		code = md_async_commit(work, &then, &err);
	if (code)
		fail(job, &err);
}

static void begin(struct job *job, struct md_store *store)
{
	struct md_then then = { .done = created, .arg = job };
	struct md_error err;
	char user[256];

	snprintf(user, sizeof(user), "{\"username\": \"%s\", \"email\": \"%s@example.com\"}",
		 job->name, job->name);
	if (md_work_open(store, &job->work, &err) ||
	    md_async_create(job->work, "User", user, &then, &err))
		fail(job, &err);
}

/* A program has more descriptors to wait for, and more to do. */
static int loop(struct md_store *store, const struct job *jobs)
{
	struct pollfd ready = { .fd = md_store_fd(store), .events = POLLIN };

	while (!jobs[0].over || !jobs[1].over) {
		if (poll(&ready, 1, md_store_wait_ms(store)) < 0)
			return -1;
		md_store_turn(store, 0, NULL); /* calls back */
	}
	return 0;
}

int main(int argc, char **argv)
{
	struct md_store_options options = { .migrate = true };
	struct job jobs[] = { { .name = "john", .posts = 3 }, { .name = "ann", .posts = 2 } };
	struct md_store *store;
	struct md_error err;
	int rc = 0;

	if (argc != 3) {
		fprintf(stderr, "usage: async URL MODELS\n");
		return 64;
	}
	options.models = argv[2];
	if (md_store_open(argv[1], &options, &store, &err) != MD_OK) {
		fprintf(stderr, "%s %s\n", err.wire, err.message);
		return 1;
	}
	for (unsigned i = 0; i < 2; i++)
		begin(&jobs[i], store);
	if (loop(store, jobs) != 0)
		rc = 1;
	for (unsigned i = 0; i < 2; i++) {
		if (!jobs[i].failed)
			printf("%s: %" PRIu64 " posts\n", jobs[i].name, jobs[i].counted);
		rc |= jobs[i].failed;
		md_work_close(jobs[i].work);
	}
	md_store_close(store);
	return rc;
}
