/* SQLite's result codes and texts, as the errors PostgreSQL would give. */
#include "core/db/sqlite.h"

#include <stdio.h>
#include <string.h>

#include "core/base/banned.h"

/* Extended codes first: the first match, whole or by primary code, wins. `message` NULL: SQLite's
 * own text. */
static const struct {
	int rc;
	enum md_code code;
	const char *wire, *message;
} table[] = {
	{ SQLITE_CONSTRAINT_UNIQUE, MD_CONFLICT, "23505", NULL },
	{ SQLITE_CONSTRAINT_PRIMARYKEY, MD_CONFLICT, "23505", NULL },
	{ SQLITE_CONSTRAINT_ROWID, MD_CONFLICT, "23505", NULL },
	{ SQLITE_CONSTRAINT_NOTNULL, MD_INVALID, "23502", NULL },
	{ SQLITE_CONSTRAINT_FOREIGNKEY, MD_CONFLICT, "23503", NULL },
	{ SQLITE_CONSTRAINT_CHECK, MD_INVALID, "23514", NULL },
	{ SQLITE_CONSTRAINT_TRIGGER, MD_INVALID, "P0001", NULL },
	{ SQLITE_CONSTRAINT, MD_CONFLICT, "23000", NULL },
	{ SQLITE_IOERR_NOMEM, MD_NOMEM, "53200", "out of memory" },
	{ SQLITE_IOERR_CORRUPTFS, MD_INTERNAL, "XX001", "the file system is corrupt" },
	{ SQLITE_BUSY_SNAPSHOT, MD_BUSY, "40001",
	  "could not serialize access due to concurrent update" },
	{ SQLITE_BUSY, MD_BUSY, "55P03", "could not obtain the lock: the database is locked" },
	{ SQLITE_LOCKED, MD_BUSY, "55P03", "could not obtain the lock: the table is locked" },
	{ SQLITE_PROTOCOL, MD_BUSY, "55P03", "could not obtain the lock: too many attempts" },
	{ SQLITE_FULL, MD_UNAVAILABLE, "53100", "the disk or the database is full" },
	{ SQLITE_IOERR, MD_UNAVAILABLE, "58030", "could not read or write the database file" },
	{ SQLITE_CANTOPEN, MD_UNAVAILABLE, "58030", "could not open the database file" },
	{ SQLITE_CORRUPT, MD_INTERNAL, "XX001", NULL },
	{ SQLITE_NOTADB, MD_INTERNAL, "XX001", "the file is not a database" },
	{ SQLITE_NOMEM, MD_NOMEM, "53200", "out of memory" },
	{ SQLITE_TOOBIG, MD_TOO_LARGE, "54000", "a text or a row is too large" },
	{ SQLITE_AUTH, MD_INVALID, "42501", "permission denied" },
	{ SQLITE_PERM, MD_INVALID, "42501", "permission denied" },
	{ SQLITE_MISMATCH, MD_INVALID, "42804", NULL },
	{ SQLITE_RANGE, MD_INTERNAL, "XX000", NULL },
};

/* SQLITE_ERROR has no finer code: its text tells. What stands behind the prefix is kept. */
static const struct {
	const char *prefix;
	enum md_code code;
	const char *wire, *before, *after;
} texts[] = {
	{ "no such table: ", MD_NOT_FOUND, "42P01", "relation \"", "\" does not exist" },
	{ "no such column: ", MD_INVALID, "42703", "column \"", "\" does not exist" },
	{ "ambiguous column name: ", MD_INVALID, "42702", "column reference \"",
	  "\" is ambiguous" },
	{ "no such function: ", MD_INVALID, "42883", "function ", " does not exist" },
	{ "no such collation sequence: ", MD_INVALID, "42704", "collation \"",
	  "\" does not exist" },
	{ "not authorized", MD_INVALID, "42501", "permission denied", "" },
	{ "malformed JSON", MD_INVALID, "22P02", "invalid input syntax for type json", "" },
	{ "integer overflow", MD_INVALID, "22003", "integer out of range", "" },
	{ "cannot modify ", MD_INVALID, "55000", "cannot modify ", "" },
	{ "cannot UPSERT a view", MD_INVALID, "0A000", "cannot upsert into a view", "" },
	{ "ON CONFLICT clause does not match any PRIMARY KEY or UNIQUE constraint", MD_INVALID,
	  "42P10",
	  "there is no unique or exclusion constraint matching the ON CONFLICT specification", "" },
};

/* Its name comes in quotes. */
static enum md_code fail_generated(const char *text, struct md_error *err)
{
	static const struct {
		const char *prefix, *before, *after;
	} ways[] = {
		{ "cannot INSERT into generated column ",
		  "cannot insert a non-DEFAULT value into column ", "" },
		{ "cannot UPDATE generated column ", "column ", " can only be updated to DEFAULT" },
	};

	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		const char *name = text + strlen(ways[i].prefix);

		if (strncmp(text, ways[i].prefix, strlen(ways[i].prefix)) != 0)
			continue;
		md_fail(err, MD_INVALID, "428C9", "%s%s%s", ways[i].before, name, ways[i].after);
		md_error_details(err, "Column %s is a generated column.", name);
		return MD_INVALID;
	}
	return MD_OK;
}

static enum md_code fail_read_only(const char *sql, struct md_error *err)
{
	static const char *const verbs[] = { "INSERT", "UPDATE", "DELETE", "REPLACE" };

	for (size_t i = 0; sql && i < sizeof(verbs) / sizeof(verbs[0]); i++)
		if (sqlite3_strnicmp(sql, verbs[i], (int)strlen(verbs[i])) == 0)
			return md_fail(err, MD_INVALID, "25006",
				       "cannot execute %s in a read-only transaction", verbs[i]);
	return md_fail(err, MD_INVALID, "25006",
		       "cannot execute a write in a read-only transaction");
}

/* Our functions report "MD:" SQLSTATE ":" message. */
static enum md_code fail_by_text(const char *text, struct md_error *err)
{
	if (strncmp(text, "MD:", 3) == 0 && strlen(text) > 9 && text[8] == ':') {
		char wire[6];

		memcpy(wire, text + 3, 5);
		wire[5] = '\0';
		return md_fail(err, MD_INVALID, wire, "%s", text + 9);
	}
	if (fail_generated(text, err) != MD_OK)
		return MD_INVALID;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		size_t len = strlen(texts[i].prefix);

		if (strncmp(text, texts[i].prefix, len) == 0)
			return md_fail(err, texts[i].code, texts[i].wire, "%s%s%s", texts[i].before,
				       text + len, texts[i].after);
	}
	return md_fail(err, MD_INTERNAL, "XX000", "%s", text);
}

/* "cannot store TEXT value in REAL column t.a", of STRICT tables. */
static enum md_code fail_datatype(const char *text, struct md_error *err)
{
	const char *dot = strrchr(text, '.');
	char value[16], column[16], *p;

	if (!dot || sscanf(text, "cannot store %15s value in %15s column ", value, column) != 2)
		return md_fail(err, MD_INVALID, "42804", "%s", text);
	for (p = value; *p; p++)
		*p |= 0x20; /* SQLite's names of types are capital letters */
	for (p = column; *p; p++)
		*p |= 0x20;
	return md_fail(err, MD_INVALID, "42804",
		       "column \"%s\" is of type %s but expression is of type %s", dot + 1, column,
		       value);
}

/* "UNIQUE constraint failed: t.a, t.b" and the like in PostgreSQL's words. They lack names and
 * values; what stands behind the colon is kept for unit->ops->explain(). */
static enum md_code fail_constraint(struct md_sqlite *sq, int rc, const char *text,
				    struct md_error *err)
{
	const char *what = strstr(text, " failed: ");
	const char *dot = what ? strrchr(what, '.') : NULL;

	what = what ? what + strlen(" failed: ") : "";
	/* ON DELETE RESTRICT is a trigger of SQLite's own. */
	if (rc == SQLITE_CONSTRAINT_TRIGGER && strcmp(text, "FOREIGN KEY constraint failed") == 0)
		rc = SQLITE_CONSTRAINT_FOREIGNKEY;
	if (sq->unit)
		snprintf(sq->unit->violated, sizeof(sq->unit->violated), "%s", what);
	if (rc == SQLITE_CONSTRAINT_NOTNULL && dot)
		return md_fail(err, MD_INVALID, "23502",
			       "null value in column \"%s\" of relation \"%.*s\" violates not-null "
			       "constraint",
			       dot + 1, (int)(dot - what), what);
	if (rc == SQLITE_CONSTRAINT_UNIQUE || rc == SQLITE_CONSTRAINT_PRIMARYKEY ||
	    rc == SQLITE_CONSTRAINT_ROWID) {
		md_fail(err, MD_CONFLICT, "23505",
			"duplicate key value violates unique constraint");
		if (*what)
			md_error_details(err, "Key (%s) already exists.", what);
		return MD_CONFLICT;
	}
	if (rc == SQLITE_CONSTRAINT_CHECK && *what)
		return md_fail(err, MD_INVALID, "23514", "row violates check constraint \"%s\"",
			       what);
	if (rc == SQLITE_CONSTRAINT_FOREIGNKEY)
		return md_fail(err, MD_CONFLICT, "23503",
			       "insert, update or delete violates a foreign key constraint");
	return rc == SQLITE_CONSTRAINT_DATATYPE ? fail_datatype(text, err) : MD_OK;
}

enum md_code md_sqlite_fail_stopped(enum md_sqlite_stop stop, struct md_error *err)
{
	switch (stop) {
	case MD_SQLITE_TIMEOUT:
		return md_fail(err, MD_TIMEOUT, "57014",
			       "canceling statement due to statement timeout");
	case MD_SQLITE_LOCK_TIMEOUT:
		return md_fail(err, MD_BUSY, "55P03", "canceling statement due to lock timeout");
	case MD_SQLITE_OVER_BUDGET:
		return md_fail(err, MD_BUSY, "MDOVER", "the inline read ran over its budget");
	case MD_SQLITE_GO_ON:
	case MD_SQLITE_CANCELLED:
		break;
	}
	return md_fail(err, MD_CANCELLED, "57014", "canceling statement due to user request");
}

enum md_code md_sqlite_fail(struct md_sqlite *sq, int rc, const char *sql, struct md_error *err)
{
	const char *text = sq->db ? sqlite3_errmsg(sq->db) : sqlite3_errstr(rc);
	int primary = rc & 0xFF;
	enum md_code code;

	/* Some calls return the primary code only. */
	if (sq->db && rc == primary && (sqlite3_extended_errcode(sq->db) & 0xFF) == rc)
		rc = sqlite3_extended_errcode(sq->db);
	if (primary == SQLITE_INTERRUPT || (primary == SQLITE_BUSY && sq->stop != MD_SQLITE_GO_ON))
		return md_sqlite_fail_stopped(sq->stop, err);
	if (primary == SQLITE_READONLY)
		return fail_read_only(sql, err);
	if (primary == SQLITE_ERROR)
		return fail_by_text(text, err);
	code = primary == SQLITE_CONSTRAINT ? fail_constraint(sq, rc, text, err) : MD_OK;
	if (code != MD_OK)
		return code;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		if (table[i].rc == rc || table[i].rc == primary)
			return md_fail(err, table[i].code, table[i].wire, "%s",
				       table[i].message ? table[i].message : text);
	return md_fail(err, MD_INTERNAL, "XX000", "%s (SQLite %d)", text, rc);
}
