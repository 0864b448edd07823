/* Private to core/migrate: pieces of the generator. */
#ifndef MD_CORE_MIGRATE_DDL_PRIVATE_H
#define MD_CORE_MIGRATE_DDL_PRIVATE_H
#include "core/migrate/ddl.h"

/** One value of a template. */
struct md_ddl_slot {
	char letter;
	const char *text;
};
/** A template with "{x}" replaced by the text of the slot x; ends with letter 0. */
void md_ddl_put_template(struct md_buf *sql, const char *template, const struct md_ddl_slot *slots);

/** A JSON value as a literal of a text. */
void md_ddl_put_json(struct md_buf *sql, const struct md_def_value *value);
/** Bytes of a definition file (base64, or \x and hexadecimal digits) in these 16 digits. */
void md_ddl_put_hex(struct md_buf *sql, const char *text, const char *digits);

/** What the CHECK of a field says; nothing when there is nothing to check. */
void md_ddl_put_rule(const struct md_ddl_dialect *dialect, struct md_buf *sql,
		     const struct md_def_field *field);
/** The named CHECK of a field, with a line in front of it; nothing when there is nothing to check.
 */
void md_ddl_put_check(const struct md_ddl_dialect *dialect, struct md_buf *sql,
		      const struct md_def_field *field);
/** Parts of a column: its type, its COLLATE with a blank in front, GENERATED … with one. */
void md_ddl_put_type(const struct md_ddl_dialect *dialect, struct md_buf *sql,
		     const struct md_def_field *field);
void md_ddl_put_collation(const struct md_ddl_dialect *dialect, struct md_buf *sql,
			  const struct md_def_field *field);
void md_ddl_put_generated(const struct md_ddl_dialect *dialect, struct md_buf *sql,
			  const struct md_def_field *field);
/** CONSTRAINT … FOREIGN KEY … */
void md_ddl_put_foreign_key(const struct md_ddl_dialect *dialect, struct md_buf *sql,
			    const struct md_def_foreign_key *key);
/** Whether a unique key stands in its table as a constraint; else it is an index, made by a
 * statement of its own. */
bool md_ddl_is_constraint(const struct md_ddl_dialect *dialect, const struct md_def_index *index);
/** A decimal with more digits than a number of the engine keeps. */
bool md_ddl_is_long(const struct md_ddl_dialect *dialect, const struct md_def_field *field);

/** What a table has besides its definition. All NULL: nothing. */
struct md_ddl_extra {
	const char *name;                  /* another than the model's */
	const char *columns, *constraints; /* each with ",\n  " in front of it */
};
/** CREATE TABLE with all foreign keys. */
void md_ddl_put_table(const struct md_ddl_dialect *dialect, struct md_buf *sql,
		      const struct md_def_model *model, const struct md_ddl_extra *extra);
#endif
