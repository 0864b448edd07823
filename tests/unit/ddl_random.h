/* Small definition files made of a seed: what is written here, every engine must be able to keep.
 */
#ifndef MD_TESTS_DDL_RANDOM_H
#define MD_TESTS_DDL_RANDOM_H
#include <stdbool.h>
#include <stdint.h>

#include "core/base/buf.h"

static uint32_t random_state;
static bool random_stored_only; /* no generated values that are not stored */

/* xorshift; 0 to below - 1 */
static unsigned dice(unsigned below)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 17;
	random_state ^= random_state << 5;
	return random_state % below;
}

static const char *const random_fields[] = {
	"\"string(%u) unique\"",
	"\"string?\"",
	"\"text min_length(%u)\"",
	"\"text = 'it''s'\"",
	"\"text? collate(nocase) index\"",
	"\"boolean = true\"",
	"\"integer = -%u min(-100) max(1000)\"",
	"\"bigint? index\"",
	"\"smallint multiple_of(2) exclusive_min(-4)\"",
	"\"float = 1.5e3\"",
	"\"decimal(8, 2) = 0.10 min(0)\"",
	"\"decimal(30, 4)?\"",
	"\"datetime = now() on update now()\"",
	"\"datetime? = '2020-02-29T23:30:00.5-01:30'\"",
	"\"datetime_local = now()\"",
	"\"date = today() min('2000-01-01')\"",
	"\"time? = '12:30:00'\"",
	"\"uuid = uuid() unique\"",
	"\"uuid? = uuid7()\"",
	"\"text = random_hex()\"",
	"\"enum(a, 'b c', 'd''e') = a\"",
	"\"bytes? = 'AAEC'\"",
	"{ \"type\": \"json\", \"default\": { \"a\": [1, \"'\"] } }",
	"{ \"type\": \"array\", \"items\": \"integer\", \"default\": [] }",
	"{ \"type\": \"bigint\", \"generated\": { \"sql\": \"1 + 1\" } }",
	"{ \"type\": \"text\", \"nullable\": true, \"generated\": { \"sql\": \"'x'\", \"stored\": "
	"%s } }",
	"{ \"type\": \"text\", \"column\": \"select \\\"it\\\" %n\", \"check\": \"1 = 1\" }",
	"{ \"type\": \"int\", \"default\": { \"sql\": \"1 + %u\" } }",
};
enum { RANDOM_FIELDS = sizeof(random_fields) / sizeof(random_fields[0]), RANDOM_MODELS = 5 };

static const char *const random_actions[] = {
	"",
	" on delete cascade",
	" on delete restrict on update cascade",
	" on delete set null",
	" unique on delete no action",
};

static void random_field(struct md_buf *out, unsigned number)
{
	const char *text = random_fields[dice(RANDOM_FIELDS)];

	md_buf_printf(out, ",\n   \"f%u\": ", number);
	for (; *text != '\0'; text++) {
		if (text[0] == '%' && text[1] == 'u') {
			md_buf_printf(out, "%u", 1 + dice(90));
			text++;
		} else if (text[0] == '%' && text[1] == 'n') {
			md_buf_printf(out, "%u", number);
			text++;
		} else if (text[0] == '%' && text[1] == 's') {
			md_buf_puts(out, random_stored_only ? "true" : "false");
			text++;
		} else if (text[0] == '\'' && text[1] == '\'') {
			md_buf_puts(out, "\\\\'");
			text++;
		} else {
			md_buf_putc(out, *text);
		}
	}
}

static void random_model(struct md_buf *out, unsigned number, unsigned models)
{
	static const char *const tables[] = { "order", "a b", "it's", "x\\\"y", "Grün" };
	unsigned fields = dice(7), references = dice(3), targets[3];
	bool pair = dice(4) == 0, odd = dice(3) == 0;

	md_buf_printf(out, "%s\n \"M%u\": {", number > 0 ? "," : "", number);
	if (odd)
		md_buf_printf(out, " \"table\": \"%s%u\",", tables[dice(5)], number);
	if (pair)
		md_buf_printf(out, " \"primary_key\": [\"b\", \"a\"],");
	if (pair && dice(2) == 0)
		md_buf_puts(out, " \"options\": { \"sqlite\": { \"without_rowid\": true } },");
	if (dice(3) == 0)
		md_buf_puts(out, " \"checks\": [\"1 = 1\"], \"timestamps\": true,");
	if (dice(3) == 0)
		md_buf_puts(out, " \"indexes\": [[\"a\", \"b\"], { \"fields\": [\"b desc\"], "
				 "\"where\": \"a is not null\", \"unique\": true }],");
	if (dice(3) == 0)
		md_buf_puts(out, " \"unique\": [[\"a\", \"b\"]],");
	md_buf_puts(out, " \"fields\": {\n   \"a\": \"integer\", \"b\": \"string(20)\"");
	for (unsigned i = 0; i < fields; i++)
		random_field(out, i);
	for (unsigned i = 0; i < references; i++) {
		targets[i] = dice(models);
		md_buf_printf(out, ",\n   \"r%u\": \"-> M%u.%s?%s\"", i, targets[i], "u",
			      random_actions[dice(5)]);
	}
	md_buf_puts(out, ",\n   \"u\": \"bigint unique\" }");
	for (unsigned i = 0; i < references; i++)
		md_buf_printf(out, "%s\"to_%u\": \"M%u via r%u\"",
			      i == 0 ? ",\n  \"relations\": { " : ", ", i, targets[i], i);
	md_buf_puts(out, references > 0 ? " } }" : " }");
}

static void random_definitions(struct md_buf *out, uint32_t seed)
{
	unsigned models;

	random_state = seed * 2654435761u + 1;
	models = 1 + dice(RANDOM_MODELS);
	md_buf_puts(out, "{ \"version\": 1, \"models\": {");
	for (unsigned i = 0; i < models; i++)
		random_model(out, i, models);
	md_buf_puts(out, "\n} }\n");
}
#endif
