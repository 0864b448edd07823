#include "core/json/sink_json.h"

#include "core/json/codec.h"
#include "core/json/raw.h"
#include "core/json/walk.h"
#include "core/json/write.h"

#include "core/base/banned.h"

struct walk {
	struct md_rows *rows; /* the cursor whose cells are being converted */
	struct md_value *const *child_args;
	const struct md_walk_path *path;
	struct md_error *err;
};

/* Functions that return json_t * return a new reference, or NULL with walk->err filled. */
static json_t *convert_row(struct walk *walk, const struct md_shape *shape,
			   const struct md_value *cells);

static json_t *or_nomem(struct walk *walk, json_t *json)
{
	if (!json)
		md_fail_nomem(walk->err);
	return json;
}

/* ---- cells ---- */

/* What a writer puts into a buffer, as a value. */
static json_t *parse_of(void (*write)(struct md_buf *out, const char *ptr, size_t len),
			const char *ptr, size_t len)
{
	md_auto_buf text;

	md_buf_init(&text, SIZE_MAX);
	write(&text, ptr, len);
	if (text.failed)
		return NULL;
	return json_loadb(text.data, text.len, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
}

/* Text of any bytes; jansson takes well-formed UTF-8 only. */
static json_t *string_of(const char *ptr, size_t len)
{
	if (len > 0 && !md_utf8_is_valid(ptr, len))
		return parse_of(md_json_write_string, ptr, len);
	return json_stringn(len > 0 ? ptr : "", len);
}

static void write_hex(struct md_buf *out, const char *ptr, size_t len)
{
	md_json_write_hex(out, ptr, len);
}

/* A value as its text, parsed back: for what the text sink quotes. */
static json_t *string_by(size_t (*put)(char *out, const struct md_value *cell),
			 const struct md_value *cell)
{
	char text[MD_TIMESTAMP_ROOM];
	size_t len = put(text, cell);

	return len > 0 ? json_stringn(text, len) : string_of(cell->text, cell->len);
}

static size_t put_int(char *out, const struct md_value *cell)
{
	return (size_t)(md_raw_i64(out, cell->i) - out);
}

/* Infinity and NaN come quoted; the quotes are taken off. */
static size_t put_real(char *out, const struct md_value *cell)
{
	size_t len = (size_t)(md_raw_real(out, cell->r) - out);

	if (*out != '"')
		return len;
	memmove(out, out + 1, len - 2);
	return len - 2;
}

static size_t put_timestamp(char *out, const struct md_value *cell)
{
	return md_timestamp_text(out, cell->text, cell->len);
}

static size_t put_kept(char *out, const struct md_value *cell)
{
	return md_kept_text(out, cell->text, cell->len);
}

static json_t *real_of(const struct md_value *cell)
{
	return __builtin_isfinite(cell->r) ? json_real(cell->r) : string_by(put_real, cell);
}

/* Significant digits of a decimal and the power of ten of the last one. */
struct decimal {
	bool negative;
	unsigned count;
	int64_t exponent;
	char digits[32];
};

/* False: more digits than a double can hold. */
static bool to_decimal(const char *ptr, size_t len, struct decimal *ret_decimal)
{
	struct decimal d = { .negative = len > 0 && *ptr == '-' };
	unsigned zeros = 0; /* seen, not yet known to be inside the number */
	bool fraction = false;
	int64_t exponent = 0;
	size_t i = d.negative;

	for (; i < len && ptr[i] != 'e' && ptr[i] != 'E'; i++) {
		if (ptr[i] == '.') {
			fraction = true;
			continue;
		}
		d.exponent -= fraction;
		if (ptr[i] == '0') {
			zeros += d.count > 0;
			continue;
		}
		if (d.count + zeros >= sizeof(d.digits))
			return false;
		memset(d.digits + d.count, '0', zeros);
		d.count += zeros;
		zeros = 0;
		d.digits[d.count++] = ptr[i];
	}
	if (i < len && !md_str_to_i64((struct md_str){ ptr + i + 1, len - i - 1 }, &exponent))
		return false;
	if (exponent > INT32_MAX || exponent < INT32_MIN)
		return false;
	d.exponent = d.count > 0 ? d.exponent + zeros + exponent : 0;
	*ret_decimal = d;
	return true;
}

static bool is_same_number(const char *a, size_t a_len, const char *b, size_t b_len)
{
	struct decimal x, y;

	return to_decimal(a, a_len, &x) && to_decimal(b, b_len, &y) && x.negative == y.negative &&
	       x.count == y.count && x.exponent == y.exponent &&
	       memcmp(x.digits, y.digits, x.count) == 0;
}

/* An integer, a double when its shortest text is this number, else a string. */
static json_t *number_of(const struct md_value *cell)
{
	struct md_str text = { cell->text, cell->len };
	char shortest[MD_RAW_NUMBER_ROOM];
	int64_t i;
	double r;

	if (md_str_to_i64(text, &i) && !(i == 0 && *text.ptr == '-'))
		return json_integer(i);
	if (md_str_to_double(text, &r) &&
	    is_same_number(text.ptr, text.len, shortest,
			   (size_t)(md_raw_real(shortest, r) - shortest)))
		return json_real(r);
	return string_of(text.ptr, text.len);
}

/* JSON that jansson cannot hold (numbers out of range) becomes a string. */
static json_t *document_of(const struct md_value *cell)
{
	json_t *json = json_loadb(cell->text, cell->len, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);

	return json ? json : string_of(cell->text, cell->len);
}

static json_t *cell_of(enum md_codec codec, const struct md_value *cell)
{
	switch (md_form_of(codec, cell)) {
	case MD_FORM_NULL:
		return json_null();
	case MD_FORM_INT:
		return json_integer(cell->i);
	case MD_FORM_REAL:
		return real_of(cell);
	case MD_FORM_QUOTED_INT:
		return string_by(put_int, cell);
	case MD_FORM_QUOTED_REAL:
		return string_by(put_real, cell);
	case MD_FORM_FALSE:
		return json_false();
	case MD_FORM_TRUE:
		return json_true();
	case MD_FORM_STRING:
		return string_of(cell->text, cell->len);
	case MD_FORM_NUMBER:
		return number_of(cell);
	case MD_FORM_JSON:
		return document_of(cell);
	case MD_FORM_TIMESTAMP:
		return string_by(put_timestamp, cell);
	case MD_FORM_KEPT:
		return string_by(put_kept, cell);
	case MD_FORM_HEX:
		return parse_of(write_hex, cell->text, cell->len);
	}
	__builtin_unreachable();
}

/* ---- child statements ---- */

static json_t *convert_rows(struct walk *walk, const struct md_shape *shape, struct md_rows *rows,
			    enum md_step *ret_step)
{
	const struct md_value *cells;
	json_auto_t *array = or_nomem(walk, json_array());

	while (array && (*ret_step = md_walk_next(rows, &cells, walk->err)) == MD_STEP_ROW) {
		json_t *row = convert_row(walk, shape, cells);

		if (!row)
			return NULL;
		if (json_array_append_new(array, row) != 0)
			return or_nomem(walk, NULL);
	}
	return array && *ret_step == MD_STEP_END ? json_incref(array) : NULL;
}

static json_t *convert_first(struct walk *walk, const struct md_shape *shape, struct md_rows *rows)
{
	const struct md_value *cells;

	switch (md_walk_next(rows, &cells, walk->err)) {
	case MD_STEP_ROW:
		return convert_row(walk, shape, cells);
	case MD_STEP_END:
		return json_null();
	case MD_STEP_WAIT:
	case MD_STEP_FAIL:
		break;
	}
	return NULL;
}

static json_t *convert_child(struct walk *walk, const struct md_shape_item *item,
			     const struct md_value *cells)
{
	struct md_rows *parent = walk->rows, *child;
	enum md_step step;
	json_t *json;

	if (md_walk_open(parent, item->call, walk->child_args, cells, &child, walk->err) != MD_OK)
		return NULL;
	walk->rows = child;
	json = item->nest == MD_NEST_ARRAY ? convert_rows(walk, item->child, child, &step)
					   : convert_first(walk, item->child, child);
	walk->rows = parent;
	md_walk_close(child);
	return json;
}

static json_t *convert_item(struct walk *walk, const struct md_shape_item *item,
			    const struct md_value *cells)
{
	switch (item->nest) {
	case MD_NEST_CELL:
		return or_nomem(walk, cell_of(item->codec, &cells[item->column]));
	case MD_NEST_OBJECT:
		if (cells[item->column].type == MD_NULL)
			return json_null();
		return convert_row(walk, item->child, cells);
	case MD_NEST_ROW:
	case MD_NEST_ARRAY:
		return convert_child(walk, item, cells);
	case MD_NEST_COLUMNS: /* has no key and comes to add_columns() */
		break;
	}
	__builtin_unreachable();
}

/* ---- objects ---- */

static bool set(struct walk *walk, json_t *object, const struct md_shape_item *item, json_t *value)
{
	size_t len = item->key_len - 3; /* quotes and colon */
	json_auto_t *key = NULL;

	if (!memchr(item->key, '\\', item->key_len))
		return json_object_setn_new(object, item->key + 1, len, value) == 0 ||
		       or_nomem(walk, NULL);
	key = json_loadb(item->key, item->key_len - 1, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
	if (!key) {
		json_decref(value);
		return or_nomem(walk, NULL);
	}
	return json_object_setn_new(object, json_string_value(key), json_string_length(key),
				    value) == 0 ||
	       or_nomem(walk, NULL);
}

/* The object that members are added to. */
struct target {
	json_t *object;
	bool strip;
};

/* Members that are null, in a value that is JSON itself. Depth: that of JSON that is valid. */
static void strip_nulls(json_t *value)
{
	const char *key;
	json_t *inner;
	void *next;
	size_t i;

	json_object_foreach_safe(value, next, key, inner)
	{
		if (json_is_null(inner))
			json_object_del(value, key);
		else
			strip_nulls(inner);
	}
	json_array_foreach(value, i, inner) strip_nulls(inner);
}

/* ---- columns: an array of arrays, one for each item ---- */

static unsigned count_leaves(const struct md_shape *shape)
{
	unsigned count = 0;

	for (unsigned i = 0; i < shape->count; i++)
		count += shape->items[i].key ? 1 : count_leaves(shape->items[i].child);
	return count;
}

static bool collect_row(struct walk *walk, const struct md_shape *shape,
			const struct md_value *cells, json_t *arrays, size_t *at);

static bool append(struct walk *walk, json_t *arrays, size_t *at, json_t *value)
{
	return (value && json_array_append_new(json_array_get(arrays, (*at)++), value) == 0) ||
	       or_nomem(walk, NULL);
}

static bool collect_rows(struct walk *walk, const struct md_shape_item *item, json_t *arrays,
			 struct md_rows *child)
{
	const struct md_value *cells;
	enum md_step step;

	while ((step = md_walk_next(child, &cells, walk->err)) == MD_STEP_ROW) {
		size_t at = 0;

		if (!collect_row(walk, item->child, cells, arrays, &at))
			return false;
	}
	return step == MD_STEP_END;
}

/* A new array with the lists; NULL: walk->err is filled. */
static json_t *collect_columns(struct walk *walk, const struct md_shape_item *item,
			       const struct md_value *cells)
{
	struct md_rows *parent = walk->rows, *child;
	json_auto_t *arrays = or_nomem(walk, json_array());
	bool ok = arrays != NULL;

	for (unsigned i = count_leaves(item->child); ok && i > 0; i--)
		ok = json_array_append_new(arrays, json_array()) == 0 || or_nomem(walk, NULL);
	if (!ok ||
	    md_walk_open(parent, item->call, walk->child_args, cells, &child, walk->err) != MD_OK)
		return NULL;
	walk->rows = child;
	ok = collect_rows(walk, item, arrays, child);
	walk->rows = parent;
	md_walk_close(child);
	return ok ? json_incref(arrays) : NULL;
}

/* Lists inside are elements of lists; null where there is no row. */
static bool collect_inner(struct walk *walk, const struct md_shape_item *item,
			  const struct md_value *cells, json_t *arrays, size_t *at)
{
	json_auto_t *inner = cells ? collect_columns(walk, item, cells) : NULL;
	bool ok = !cells || inner;

	for (size_t i = 0, count = count_leaves(item->child); ok && i < count; i++)
		ok = append(walk, arrays, at,
			    cells ? json_incref(json_array_get(inner, i)) : json_null());
	return ok;
}

static bool collect_first(struct walk *walk, const struct md_shape_item *item,
			  const struct md_value *cells, json_t *arrays, size_t *at)
{
	struct md_rows *parent = walk->rows, *child;
	const struct md_value *row;
	enum md_step step;
	bool ok;

	if (md_walk_open(parent, item->call, walk->child_args, cells, &child, walk->err) != MD_OK)
		return false;
	walk->rows = child;
	step = md_walk_next(child, &row, walk->err);
	ok = (step == MD_STEP_ROW || step == MD_STEP_END) &&
	     collect_row(walk, item->child, step == MD_STEP_ROW ? row : NULL, arrays, at);
	walk->rows = parent;
	md_walk_close(child);
	return ok;
}

static bool collect_item(struct walk *walk, const struct md_shape_item *item,
			 const struct md_value *cells, json_t *arrays, size_t *at)
{
	json_t *value;

	if (item->key) {
		value = cells ? convert_item(walk, item, cells) : json_null();
		return value && append(walk, arrays, at, value);
	}
	if (item->nest == MD_NEST_COLUMNS)
		return collect_inner(walk, item, cells, arrays, at);
	if (cells && item->nest == MD_NEST_ROW)
		return collect_first(walk, item, cells, arrays, at);
	if (cells && cells[item->column].type == MD_NULL)
		cells = NULL;
	return collect_row(walk, item->child, cells, arrays, at);
}

/* One more element for each list, from *at on. `cells` NULL: there is no row. */
static bool collect_row(struct walk *walk, const struct md_shape *shape,
			const struct md_value *cells, json_t *arrays, size_t *at)
{
	for (unsigned i = 0; i < shape->count; i++)
		if (!collect_item(walk, &shape->items[i], cells, arrays, at))
			return false;
	return true;
}

/* The lists as members; null without a row, and then left out when nulls are. */
static bool add_lists(struct walk *walk, const struct target *target, const struct md_shape *shape,
		      json_t *arrays, size_t *at)
{
	for (unsigned i = 0; i < shape->count; i++) {
		const struct md_shape_item *item = &shape->items[i];

		if (!item->key) {
			if (!add_lists(walk, target, item->child, arrays, at))
				return false;
			continue;
		}
		if (arrays && target->strip)
			strip_nulls(json_array_get(arrays, *at));
		if (arrays &&
		    !set(walk, target->object, item, json_incref(json_array_get(arrays, *at))))
			return false;
		if (!arrays && !target->strip && !set(walk, target->object, item, json_null()))
			return false;
		(*at)++;
	}
	return true;
}

static bool add_columns(struct walk *walk, const struct target *target,
			const struct md_shape_item *item, const struct md_value *cells)
{
	json_auto_t *arrays = cells ? collect_columns(walk, item, cells) : NULL;
	size_t at = 0;

	return (!cells || arrays) && add_lists(walk, target, item->child, arrays, &at);
}

/* ---- members ---- */

static bool add_items(struct walk *walk, const struct target *target, const struct md_shape *shape,
		      unsigned count, const struct md_value *cells);

/* The members of the first row of a child statement. */
static bool add_child(struct walk *walk, const struct target *target,
		      const struct md_shape_item *item, const struct md_value *cells)
{
	struct md_rows *parent = walk->rows, *child;
	const struct md_value *child_cells;
	enum md_step step;
	bool ok;

	if (md_walk_open(parent, item->call, walk->child_args, cells, &child, walk->err) != MD_OK)
		return false;
	walk->rows = child;
	step = md_walk_next(child, &child_cells, walk->err);
	ok = step != MD_STEP_FAIL && add_items(walk, target, item->child, item->child->count,
					       step == MD_STEP_ROW ? child_cells : NULL);
	walk->rows = parent;
	md_walk_close(child);
	return ok;
}

static bool add_spread(struct walk *walk, const struct target *target,
		       const struct md_shape_item *item, const struct md_value *cells)
{
	if (item->nest == MD_NEST_COLUMNS)
		return add_columns(walk, target, item, cells);
	if (cells && item->nest == MD_NEST_ROW)
		return add_child(walk, target, item, cells);
	if (cells && cells[item->column].type == MD_NULL)
		cells = NULL;
	return add_items(walk, target, item->child, item->child->count, cells);
}

/* `cells` NULL: there is no row, every member is null. */
static bool add_items(struct walk *walk, const struct target *target, const struct md_shape *shape,
		      unsigned count, const struct md_value *cells)
{
	for (unsigned i = 0; i < count; i++) {
		const struct md_shape_item *item = &shape->items[i];
		json_t *value;

		if (!item->key) {
			if (!add_spread(walk, target, item, cells))
				return false;
			continue;
		}
		value = cells ? convert_item(walk, item, cells) : json_null();
		if (!value)
			return false;
		if (target->strip && json_is_null(value))
			continue; /* null is never counted */
		if (target->strip && item->nest == MD_NEST_CELL)
			strip_nulls(value);
		if (!set(walk, target->object, item, value))
			return false;
	}
	return true;
}

static json_t *convert_row(struct walk *walk, const struct md_shape *shape,
			   const struct md_value *cells)
{
	struct md_walk_path here = { walk->path, shape, cells };
	json_auto_t *object = or_nomem(walk, json_object());
	struct target target = { object, shape->strip_nulls };
	unsigned count = shape->count;
	bool ok;

	if (!object)
		return NULL;
	if (!shape->cycle)
		return add_items(walk, &target, shape, count, cells) ? json_incref(object) : NULL;
	if (md_walk_is_on_path(walk->path, shape, cells))
		count = shape->cycle->key_count;
	walk->path = &here;
	ok = add_items(walk, &target, shape, count, cells);
	walk->path = here.up;
	return ok ? json_incref(object) : NULL;
}

enum md_code md_json_sink(struct md_arena *arena, const struct md_shape *shape,
			  const struct md_text_sink_options *options, struct md_rows *rows,
			  json_t **ret_json, struct md_error *err)
{
	struct md_error local;
	struct walk walk = { rows, options->child_args, NULL, err ? err : &local };
	enum md_step step = MD_STEP_END;
	json_t *json;

	(void)arena;
	md_error_clear(&local);
	json = options->frame == MD_FRAME_ARRAY ? convert_rows(&walk, shape, rows, &step)
						: convert_first(&walk, shape, rows);
	if (!json)
		return walk.err->code;
	*ret_json = json;
	return MD_OK;
}
