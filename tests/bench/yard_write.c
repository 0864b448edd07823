/* The yardstick of writes: prepared inserts by the least code, in this process, on one connection
 * with modeld's settings. The rows are those of a JSON text, read before the clock starts.
 *
 *   yard_write DATABASE ROWS.json TRANSACTIONS [rows]
 *
 * ROWS.json is a list of objects with the columns of table `made`. Each transaction inserts all of
 * them, or, with `rows`, each row is a transaction of its own, until there were so many. Prints one
 * line of JSON: rows, seconds, CPU nanoseconds per row. */
#include <jansson.h>
#include <sqlite3.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

static const char *const columns[] = { "name",       "email", "age",         "active", "score",
				       "created_at", "bio",   "category_id", "price" };
enum { COLUMNS = sizeof(columns) / sizeof(columns[0]) };

static sqlite3 *db;
static sqlite3_stmt *insert, *begin, *commit;

static void die(const char *what)
{
	fprintf(stderr, "yard_write: %s: %s\n", what, db ? sqlite3_errmsg(db) : "");
	exit(2);
}

static void prepare(const char *sql, sqlite3_stmt **ret_statement)
{
	if (sqlite3_prepare_v3(db, sql, -1, SQLITE_PREPARE_PERSISTENT, ret_statement, NULL) !=
	    SQLITE_OK)
		die(sql);
}

static void open_database(const char *path)
{
	if (sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL) !=
		    SQLITE_OK ||
	    sqlite3_exec(db,
			 "PRAGMA foreign_keys=ON; PRAGMA mmap_size=0; PRAGMA cache_size=-2000;"
			 "PRAGMA cell_size_check=ON; PRAGMA synchronous=FULL",
			 NULL, NULL, NULL) != SQLITE_OK)
		die(path);
	prepare("INSERT INTO made (name, email, age, active, score, created_at, bio, category_id,"
		" price) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
		&insert);
	prepare("BEGIN IMMEDIATE", &begin);
	prepare("COMMIT", &commit);
}

static void run(sqlite3_stmt *statement)
{
	if (sqlite3_step(statement) != SQLITE_DONE || sqlite3_reset(statement) != SQLITE_OK)
		die(sqlite3_sql(statement));
}

/* The values of all rows in the order of the columns. */
static const json_t **spread(const json_t *rows, size_t count)
{
	const json_t **values = calloc(count * COLUMNS, sizeof(*values));

	if (!values)
		die("memory");
	for (size_t i = 0; i < count * COLUMNS; i++)
		values[i] =
			json_object_get(json_array_get(rows, i / COLUMNS), columns[i % COLUMNS]);
	return values;
}

static void put(const json_t *const *row)
{
	for (int i = 0; i < COLUMNS; i++) {
		const json_t *value = row[i];

		if (json_is_string(value))
			sqlite3_bind_text(insert, i + 1, json_string_value(value),
					  (int)json_string_length(value), SQLITE_STATIC);
		else if (json_is_real(value))
			sqlite3_bind_double(insert, i + 1, json_real_value(value));
		else if (json_is_boolean(value))
			sqlite3_bind_int(insert, i + 1, json_is_true(value));
		else
			sqlite3_bind_int64(insert, i + 1, json_integer_value(value));
	}
	run(insert);
}

static double seconds(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

int main(int argc, char **argv)
{
	json_t *rows = argc >= 4 ? json_load_file(argv[2], 0, NULL) : NULL;
	size_t count = json_array_size(rows), total = 0;
	unsigned long transactions = argc >= 4 ? strtoul(argv[3], NULL, 10) : 0;
	int single = argc == 5 && strcmp(argv[4], "rows") == 0;
	const json_t **values;
	double wall, cpu;

	if (count == 0 || transactions == 0) {
		fputs("usage: yard_write DATABASE ROWS.json TRANSACTIONS [rows]\n", stderr);
		return 64;
	}
	values = spread(rows, count);
	open_database(argv[1]);
	wall = seconds(CLOCK_MONOTONIC);
	cpu = seconds(CLOCK_PROCESS_CPUTIME_ID);
	for (unsigned long t = 0; t < transactions; t++) {
		run(begin);
		for (size_t i = 0; i < (single ? 1 : count); i++)
			put(values + COLUMNS * (single ? t % count : i));
		run(commit);
		total += single ? 1 : count;
	}
	cpu = seconds(CLOCK_PROCESS_CPUTIME_ID) - cpu;
	wall = seconds(CLOCK_MONOTONIC) - wall;
	printf("{\"rows\":%zu,\"seconds\":%.4f,\"cpu_ns\":%.0f}\n", total, wall,
	       cpu * 1e9 / (double)total);
	sqlite3_finalize(insert);
	sqlite3_finalize(begin);
	sqlite3_finalize(commit);
	sqlite3_close(db);
	free(values);
	json_decref(rows);
	return 0;
}
