/* A store with two models, a session in it, and short ways to ask. The program that includes it
 * gives api_url(), a database without tables of ours. */
#ifndef MD_TESTS_UNIT_API_RIG_H
#define MD_TESTS_UNIT_API_RIG_H
#include <stdio.h>

#include "include/modeld.h"
#include "tests/support/folder.h"
#include "tests/support/suite.h"

#ifndef API_SCHEMA
#define API_SCHEMA NULL
#endif

static const char *api_url(void);

static const char models[] =
	"{ \"version\": 1, \"models\": {"
	"\"User\": { \"fields\": { \"name\": \"string(20) unique\", \"age\": \"integer?\","
	"  \"active\": \"boolean = true\", \"balance\": \"decimal(20,4)?\", \"data\": \"json?\","
	"  \"word\": \"text? hidden\" }, \"relations\": { \"posts\": \"Post[] <-> author\" } },"
	"\"Post\": { \"fields\": { \"title\": \"string(40)\", \"author_id\": \"-> User\" },"
	"  \"relations\": { \"author\": \"User <-> posts\" } } } }";

static struct md_store *store;
static struct md_work *work;
static struct md_error err;

#define OK(call) ck_assert_msg((call) == MD_OK, "%s: %s %s", #call, err.wire, err.message)
/** `call` fails with this code of the wire. */
#define FAILS(code, call)                           \
	do {                                        \
		ck_assert_int_ne((call), MD_OK);    \
		ck_assert_str_eq(err.wire, (code)); \
	} while (0)

/* file_at() keeps one name only. */
static const char *models_file(void)
{
	static char name[128];

	snprintf(name, sizeof(name), "%s", file_at("models.json"));
	return name;
}

static void start(void)
{
	const struct md_store_options options = { .models = models_file(),
						  .schema = API_SCHEMA,
						  .migrate = true };

	write_file("models.json", models);
	OK(md_store_open(api_url(), &options, &store, &err));
	OK(md_work_open(store, &work, &err));
}

static void stop(void)
{
	work = md_work_close(work);
	store = md_store_close(store);
}

/* Two users with a post each, and one without. */
static void fill(void)
{
	OK(md_create(work, "User",
		     "[{\"name\":\"ann\",\"age\":30,\"balance\":12345678901234.5678,"
		     "\"data\":{\"city\":\"Bern\"}},"
		     "{\"name\":\"bob\",\"age\":null,\"balance\":null,\"data\":null},"
		     "{\"name\":\"cid\",\"age\":25,\"balance\":1,\"data\":null}]",
		     NULL, &err));
	OK(md_create(work, "Post",
		     "[{\"title\":\"one\",\"author_id\":1},"
		     "{\"title\":\"two\",\"author_id\":2}]",
		     NULL, &err));
	OK(md_work_commit(work, &err));
}

static struct md_ask *users(void)
{
	struct md_ask *ask;

	OK(md_ask_new(work, "User", &ask, &err));
	return ask;
}

static uint64_t count_of(const char *model)
{
	struct md_ask *ask;
	uint64_t count = 0;

	OK(md_ask_new(work, model, &ask, &err));
	OK(md_count(ask, &count, &err));
	md_ask_free(ask);
	return count;
}
#endif
