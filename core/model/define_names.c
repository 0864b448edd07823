/* Names of constraints and indexes: PostgreSQL's automatic ones on every engine. What the user
 * names comes first; an automatic name that is taken gets a number behind it. */
#include <stdio.h>

#include "core/base/sha256.h"
#include "core/model/define_private.h"

#include "core/base/banned.h"

enum { KEPT = 54, DIGEST = 4, NUMBERS_MAX = 100000 };

const char *md_def_short_name(struct md_def_loader *loader, const char *name)
{
	size_t len = strlen(name), kept = KEPT;
	unsigned char digest[MD_SHA256_SIZE];
	char text[MD_DEF_NAME + 1];

	if (len <= MD_DEF_NAME)
		return md_def_copy(loader, (struct md_str){ name, len });
	md_sha256(name, len, digest);
	while (((unsigned char)name[kept] & 0xC0) == 0x80)
		kept--;
	memcpy(text, name, kept);
	text[kept++] = '_';
	for (unsigned i = 0; i < DIGEST; i++, kept += 2)
		snprintf(text + kept, 3, "%02x", digest[i]);
	return md_def_copy(loader, (struct md_str){ text, kept });
}

/* Tables and indexes share their names; other constraints need only differ within a table. */
static const char *scoped(struct md_def_loader *loader, const char *table, const char *name)
{
	return md_def_lower(loader, table ? md_def_printf(loader, "%s\x01%s", table, name) : name);
}

static bool is_free(struct md_def_resolver *resolver, const char *table, const char *name)
{
	return !md_map_get(resolver->names, md_str_of(scoped(resolver->loader, table, name)));
}

static void claim(struct md_def_resolver *resolver, const char *table, const char *name)
{
	md_def_map_set(resolver, resolver->names, scoped(resolver->loader, table, name),
		       (void *)(uintptr_t)name);
}

/* Claim a name that the user gives. */
static void claim_given(struct md_def_resolver *resolver, const struct md_def_place *place,
			const char *table, const char *name)
{
	if (!name)
		return;
	if (is_free(resolver, table, name))
		claim(resolver, table, name);
	else
		md_def_report_at(resolver->loader, place, MD_DEF_M242,
				 "the name \"%s\" is used twice", name);
}

/* <table>[_<column>…]_<label>, with a number when that is taken. */
static const char *make_name(struct md_def_resolver *resolver, const struct md_def_model *model,
			     const char *columns, const char *label, bool in_table)
{
	const char *table = in_table ? model->table : NULL, *name = "";

	for (unsigned number = 0; number < NUMBERS_MAX && !resolver->loader->failed; number++) {
		md_auto_buf text = MD_BUF(64 * 1024);

		md_buf_printf(&text, "%s%s_%s", model->table, columns, label);
		if (number > 0)
			md_buf_printf(&text, "%u", number);
		if (!md_buf_text(&text)) {
			resolver->loader->failed = true;
			break;
		}
		name = md_def_short_name(resolver->loader, text.data);
		if (is_free(resolver, table, name))
			break;
	}
	claim(resolver, table, name);
	return name;
}

static const char *put_column(struct md_buf *out, const struct md_def_field *field)
{
	md_buf_putc(out, '_');
	md_buf_puts(out, md_def_column(field));
	return md_buf_text(out);
}

static void name_index(struct md_def_resolver *resolver, const struct md_def_model *model,
		       struct md_def_index *index)
{
	bool constraint = index->in_unique && !md_def_sql_is_given(&index->where);
	md_auto_buf columns = MD_BUF(4096);
	const char *text = "";

	for (unsigned i = 0; text && i < index->count; i++)
		text = put_column(&columns, index->columns[i].field);
	if (text)
		index->name = make_name(resolver, model, text, constraint ? "key" : "idx", false);
	else
		resolver->loader->failed = true;
}

static void name_foreign_key(struct md_def_resolver *resolver, const struct md_def_model *model,
			     struct md_def_foreign_key *key)
{
	md_auto_buf columns = MD_BUF(4096);
	const char *text = "";

	for (unsigned i = 0; text && i < key->count; i++)
		text = put_column(&columns, key->fields[i]);
	if (text)
		key->name = make_name(resolver, model, text, "fkey", true);
	else
		resolver->loader->failed = true;
}

static void name_field(struct md_def_resolver *resolver, const struct md_def_model *model,
		       struct md_def_field *field)
{
	md_auto_buf column = MD_BUF(256);
	const char *text = put_column(&column, field);

	if (text)
		field->check_name = make_name(resolver, model, text, "check", true);
	else
		resolver->loader->failed = true;
}

static void claim_model(struct md_def_resolver *resolver, unsigned number)
{
	struct md_def_slot *slot = &resolver->slots[number];
	const struct md_def_model *model = &resolver->models[number];

	for (unsigned i = 0; i < model->index_count; i++)
		claim_given(resolver, &slot->indexes[i].place, NULL, slot->indexes[i].name);
	for (unsigned i = 0; i < model->foreign_key_count; i++)
		claim_given(resolver, &slot->foreign_keys[i].place, model->table,
			    slot->foreign_keys[i].name);
	for (unsigned i = 0; i < model->check_count; i++)
		claim_given(resolver, &slot->checks[i].place, model->table, slot->checks[i].name);
}

static void name_model(struct md_def_resolver *resolver, unsigned number)
{
	struct md_def_slot *slot = &resolver->slots[number];
	struct md_def_model *model = &resolver->models[number];

	if (model->key_count > 0)
		model->key_name = make_name(resolver, model, "", "pkey", false);
	for (unsigned i = 0; i < model->index_count; i++)
		if (!slot->indexes[i].name)
			name_index(resolver, model, &slot->indexes[i]);
	for (unsigned i = 0; i < model->foreign_key_count; i++)
		if (!slot->foreign_keys[i].name)
			name_foreign_key(resolver, model, &slot->foreign_keys[i]);
	for (unsigned i = 0; i < model->field_count; i++)
		name_field(resolver, model, &slot->fields[i]);
	for (unsigned i = 0; i < model->check_count; i++)
		if (!slot->checks[i].name)
			slot->checks[i].name = make_name(resolver, model, "", "check", true);
}

/* Columns, which SQLite and MariaDB compare without case. */
static void check_columns(struct md_def_resolver *resolver, const struct md_def_model *model)
{
	struct md_map *columns = md_map_new();

	resolver->loader->failed = resolver->loader->failed || !columns;
	for (unsigned i = 0; !resolver->loader->failed && i < model->field_count; i++) {
		const struct md_def_field *field = &model->fields[i], *other;
		const char *key = md_def_lower(resolver->loader, md_def_column(field));

		other = md_map_get(columns, md_str_of(key));
		if (other)
			md_def_report_at(resolver->loader, &field->place, MD_DEF_M241,
					 "\"%s\" and \"%s\" have the same column \"%s\"",
					 other->name, field->name, md_def_column(field));
		else
			md_def_map_set(resolver, columns, key, (void *)(uintptr_t)field);
	}
	md_map_free(columns);
}

/* Checks that several models inherit are in one list: each needs names of its own. */
static void copy_checks(struct md_def_resolver *resolver, unsigned number)
{
	struct md_def_slot *slot = &resolver->slots[number];
	const struct md_def_model *model = &resolver->models[number];
	struct md_def_check *copy;

	copy = md_def_alloc(resolver->loader, model->check_count, sizeof(*copy));
	if (copy && model->check_count > 0)
		memcpy(copy, slot->checks, model->check_count * sizeof(*copy));
	slot->checks = copy;
	resolver->models[number].checks = copy;
}

void md_def_resolve_names(struct md_def_resolver *resolver)
{
	struct md_def_loader *loader = resolver->loader;

	for (unsigned i = 0; i < resolver->count && !loader->failed; i++) {
		if (resolver->models[i].abstract)
			continue;
		copy_checks(resolver, i);
		claim(resolver, NULL, resolver->models[i].table);
	}
	for (unsigned i = 0; i < resolver->count && !loader->failed; i++)
		if (!resolver->models[i].abstract)
			claim_model(resolver, i);
	for (unsigned i = 0; i < resolver->count && !loader->failed; i++) {
		if (resolver->models[i].abstract)
			continue;
		check_columns(resolver, &resolver->models[i]);
		name_model(resolver, i);
	}
}
