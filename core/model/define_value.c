/* Whether a value of a file (a default, a minimum, an example) fits a field's type. */
#include "core/base/moment.h"
#include "core/model/define_private.h"

#include "core/base/banned.h"

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* `count` digits at *p as a number in a range; moves behind them. */
static bool take_digits(const char **p, unsigned count, unsigned min, unsigned max,
			unsigned *ret_value)
{
	unsigned value = 0;

	for (unsigned i = 0; i < count; i++, (*p)++) {
		if (!is_digit(**p))
			return false;
		value = value * 10 + (unsigned)(**p - '0');
	}
	*ret_value = value;
	return value >= min && value <= max;
}

static bool take_char(const char **p, const char *allowed)
{
	if (**p == '\0' || !strchr(allowed, **p))
		return false;
	(*p)++;
	return true;
}

/* YYYY-MM-DD */
static bool take_date(const char **p)
{
	static const unsigned char days[] = { 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	unsigned year, month, day;

	if (!take_digits(p, 4, 1, 9999, &year) || !take_char(p, "-") ||
	    !take_digits(p, 2, 1, 12, &month) || !take_char(p, "-") ||
	    !take_digits(p, 2, 1, days[month - 1], &day))
		return false;
	return month != 2 || day < 29 || (year % 4 == 0 && (year % 100 != 0 || year % 400 == 0));
}

/* HH:MM:SS[.ffffff] */
static bool take_time(const char **p)
{
	unsigned part, digits = 0;

	if (!take_digits(p, 2, 0, 23, &part) || !take_char(p, ":") ||
	    !take_digits(p, 2, 0, 59, &part) || !take_char(p, ":") ||
	    !take_digits(p, 2, 0, 59, &part))
		return false;
	if (**p != '.')
		return true;
	for ((*p)++; is_digit(**p); (*p)++)
		digits++;
	return digits > 0 && digits <= 6;
}

/* Z or +HH:MM */
static bool take_offset(const char **p)
{
	unsigned part;

	if (take_char(p, "Zz"))
		return true;
	return take_char(p, "+-") && take_digits(p, 2, 0, 15, &part) && take_char(p, ":") &&
	       take_digits(p, 2, 0, 59, &part);
}

static bool is_textual(const struct md_def_value *value)
{
	return value->kind == MD_DEF_TEXTUAL;
}

/* The columns `md_def_field` and `md_def_value` of each test: true when it fits. */
typedef bool fits_fn(const struct md_def_field *field, const struct md_def_value *value);

static bool fits_integer(const struct md_def_field *field, const struct md_def_value *value)
{
	int64_t most = field->type == MD_DEF_SMALLINT  ? INT16_MAX
		       : field->type == MD_DEF_INTEGER ? INT32_MAX
						       : INT64_MAX;
	int64_t number;

	return value->kind == MD_DEF_NUMBER && md_str_to_i64(md_str_of(value->text), &number) &&
	       number <= most && number >= -most - 1;
}

static bool fits_float(const struct md_def_field *field, const struct md_def_value *value)
{
	double number;

	(void)field;
	return value->kind == MD_DEF_NUMBER && md_str_to_double(md_str_of(value->text), &number);
}

/* Digits before the point, leading zeros left out, and behind it. */
static bool fits_decimal(const struct md_def_field *field, const struct md_def_value *value)
{
	const char *p = value->text;
	unsigned whole = 0, behind = 0;

	if (value->kind != MD_DEF_NUMBER && value->kind != MD_DEF_TEXTUAL)
		return false;
	p += *p == '-';
	if (!is_digit(*p))
		return false;
	for (; is_digit(*p); p++)
		whole += whole > 0 || *p != '0';
	if (*p == '.') {
		for (p++; is_digit(*p); p++)
			behind++;
		if (behind == 0)
			return false;
	}
	return *p == '\0' && behind <= field->scale && whole <= field->precision - field->scale;
}

static bool has_length(const struct md_def_field *field, size_t length)
{
	return (field->max_length == 0 || length <= field->max_length) &&
	       length >= field->min_length;
}

static bool fits_text(const struct md_def_field *field, const struct md_def_value *value)
{
	size_t length = 0;

	if (!is_textual(value))
		return false;
	for (const char *p = value->text; *p != '\0'; p++)
		length += ((unsigned char)*p & 0xC0) != 0x80;
	return has_length(field, length);
}

static bool fits_boolean(const struct md_def_field *field, const struct md_def_value *value)
{
	(void)field;
	return value->kind == MD_DEF_BOOL;
}

unsigned md_def_moment(enum md_def_type type)
{
	static const unsigned char parts[MD_DEF_TYPE_COUNT] = {
		[MD_DEF_DATETIME] = MD_MOMENT_DATE | MD_MOMENT_TIME | MD_MOMENT_ZONE,
		[MD_DEF_DATETIME_LOCAL] = MD_MOMENT_DATE | MD_MOMENT_TIME,
		[MD_DEF_DATE] = MD_MOMENT_DATE,
		[MD_DEF_TIME] = MD_MOMENT_TIME,
	};

	return parts[type];
}

static bool fits_moment(const struct md_def_field *field, const struct md_def_value *value)
{
	const char *p = value->text;
	unsigned parts = md_def_moment(field->type);
	bool date = parts & MD_MOMENT_DATE, time = parts & MD_MOMENT_TIME;

	return is_textual(value) && (!date || take_date(&p)) &&
	       (!date || !time || take_char(&p, "Tt ")) && (!time || take_time(&p)) &&
	       (!(parts & MD_MOMENT_ZONE) || take_offset(&p)) && *p == '\0';
}

static bool fits_uuid(const struct md_def_field *field, const struct md_def_value *value)
{
	static const char shape[] = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";
	const char *p = value->text;

	(void)field;
	if (!is_textual(value) || strlen(p) != sizeof(shape) - 1)
		return false;
	for (size_t i = 0; shape[i] != '\0'; i++)
		if (shape[i] == 'x' ? !strchr("0123456789abcdef", p[i]) : p[i] != '-')
			return false;
	return true;
}

static bool fits_json(const struct md_def_field *field, const struct md_def_value *value)
{
	(void)field;
	(void)value;
	return true;
}

/* Base64, or \x and hexadecimal digits. */
static bool fits_bytes(const struct md_def_field *field, const struct md_def_value *value)
{
	static const char digits[] = "0123456789abcdefABCDEF";
	static const char letters[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const char *p = value->text;
	size_t len, body;

	if (!is_textual(value))
		return false;
	len = strlen(p);
	if (p[0] == '\\' && p[1] == 'x')
		return p[2 + strspn(p + 2, digits)] == '\0' && len % 2 == 0 &&
		       has_length(field, len / 2 - 1);
	body = strspn(p, letters);
	return len % 4 == 0 && len - body <= 2 && p[body + strspn(p + body, "=")] == '\0' &&
	       has_length(field, body * 3 / 4);
}

static bool fits_enum(const struct md_def_field *field, const struct md_def_value *value)
{
	if (!is_textual(value))
		return false;
	for (unsigned i = 0; i < field->labels.count; i++)
		if (strcmp(field->labels.items[i], value->text) == 0)
			return true;
	return false;
}

static bool fits_array(const struct md_def_field *field, const struct md_def_value *value)
{
	(void)field;
	return value->kind == MD_DEF_TREE && value->text[0] == '[';
}

static const struct {
	fits_fn *fits;
	const char *expected; /* NULL: it depends on the field */
} types[MD_DEF_TYPE_COUNT] = {
	[MD_DEF_SMALLINT] = { fits_integer, "a whole number from -32768 to 32767" },
	[MD_DEF_INTEGER] = { fits_integer, "a whole number from -2147483648 to 2147483647" },
	[MD_DEF_BIGINT] = { fits_integer, "a whole number" },
	[MD_DEF_FLOAT] = { fits_float, "a number" },
	[MD_DEF_DECIMAL] = { fits_decimal, NULL },
	[MD_DEF_STRING] = { fits_text, NULL },
	[MD_DEF_TEXT] = { fits_text, NULL },
	[MD_DEF_BOOLEAN] = { fits_boolean, "true or false" },
	[MD_DEF_DATETIME] = { fits_moment, "a text like 2026-01-31T12:00:00Z" },
	[MD_DEF_DATETIME_LOCAL] = { fits_moment, "a text like 2026-01-31T12:00:00" },
	[MD_DEF_DATE] = { fits_moment, "a text like 2026-01-31" },
	[MD_DEF_TIME] = { fits_moment, "a text like 12:00:00" },
	[MD_DEF_UUID] = { fits_uuid, "a UUID in lower case" },
	[MD_DEF_JSON] = { fits_json, "JSON" },
	[MD_DEF_BYTES] = { fits_bytes, NULL },
	[MD_DEF_ENUM] = { fits_enum, NULL },
	[MD_DEF_ARRAY] = { fits_array, "a list" },
};

/* " of 2 to 80 characters" */
static const char *put_length(struct md_def_loader *loader, const struct md_def_field *field,
			      const char *unit)
{
	if (field->min_length > 0 && field->max_length > 0)
		return md_def_printf(loader, " of %u to %u %s", field->min_length,
				     field->max_length, unit);
	if (field->max_length > 0)
		return md_def_printf(loader, " of at most %u %s", field->max_length, unit);
	if (field->min_length > 0)
		return md_def_printf(loader, " of at least %u %s", field->min_length, unit);
	return "";
}

/* The first labels of an enum. */
static const char *put_labels(struct md_def_loader *loader, const struct md_def_names *labels)
{
	enum { SHOWN = 8 };
	md_auto_buf text = MD_BUF(64 * 1024);
	const char *list;

	for (unsigned i = 0; i < labels->count && i < SHOWN; i++)
		md_buf_printf(&text, "%s%s", i > 0 ? ", " : "", labels->items[i]);
	if (labels->count > SHOWN)
		md_buf_puts(&text, ", …");
	list = md_buf_text(&text);
	loader->failed = loader->failed || !list;
	return md_def_printf(loader, "one of the labels %s", list ? list : "");
}

static const char *expected(struct md_def_loader *loader, const struct md_def_field *field)
{
	if (field->type == MD_DEF_DECIMAL)
		return md_def_printf(loader,
				     "a number with at most %u digits before the point and %u "
				     "behind it",
				     field->precision - field->scale, field->scale);
	if (field->type == MD_DEF_STRING || field->type == MD_DEF_TEXT)
		return md_def_printf(loader, "a text%s", put_length(loader, field, "characters"));
	if (field->type == MD_DEF_BYTES)
		return md_def_printf(loader, "base64, or \\x and hexadecimal digits%s",
				     put_length(loader, field, "bytes"));
	if (field->type == MD_DEF_ENUM)
		return put_labels(loader, &field->labels);
	return types[field->type].expected;
}

const char *md_def_misfit(struct md_def_loader *loader, const struct md_def_field *field,
			  const struct md_def_value *value)
{
	if (!types[field->type].fits || types[field->type].fits(field, value))
		return NULL;
	return expected(loader, field);
}
