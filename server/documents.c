/* Small documents made from the registry: the root (OpenAPI 2.0, or a page for browsers) and
 * /-/models. Made for each request; nobody asks for them often. */
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/json/write.h"
#include "core/model/define.h"
#include "server/aside.h"
#include "server/loop.h"
#include "server/params.h"
#include "server/run.h"
#include "server/schema.h"

#include "core/base/banned.h"

/* OpenAPI's type and format of a field. */
static const struct {
	const char *type, *format;
} types_table[] = {
	[MD_TYPE_ANY] = { NULL, NULL },
	[MD_TYPE_INT2] = { "integer", "smallint" },
	[MD_TYPE_INT4] = { "integer", "integer" },
	[MD_TYPE_INT8] = { "integer", "bigint" },
	[MD_TYPE_FLOAT] = { "number", "double precision" },
	[MD_TYPE_NUMERIC] = { "number", "numeric" },
	[MD_TYPE_BOOL] = { "boolean", "boolean" },
	[MD_TYPE_TEXT] = { "string", "text" },
	[MD_TYPE_DATE] = { "string", "date" },
	[MD_TYPE_TIME] = { "string", "time" },
	[MD_TYPE_TIMESTAMP] = { "string", "timestamp without time zone" },
	[MD_TYPE_TIMESTAMPTZ] = { "string", "timestamp with time zone" },
	[MD_TYPE_UUID] = { "string", "uuid" },
	[MD_TYPE_JSON] = { NULL, "json" },
	[MD_TYPE_BYTES] = { "string", "bytea" },
	[MD_TYPE_OTHER] = { "string", NULL },
	[MD_TYPE_KEPT_DATE] = { "string", "date" },
	[MD_TYPE_KEPT_TIME] = { "string", "time" },
	[MD_TYPE_KEPT_TIMESTAMP] = { "string", "timestamp without time zone" },
	[MD_TYPE_KEPT_TIMESTAMPTZ] = { "string", "timestamp with time zone" },
	[MD_TYPE_KEPT_UUID] = { "string", "uuid" },
	[MD_TYPE_KEPT_NUMERIC] = { "number", "numeric" },
	[MD_TYPE_KEPT_BYTES] = { "string", "bytea" },
};

static void put_string(struct md_buf *out, struct md_str s)
{
	md_json_write_string(out, s.ptr, s.len);
}

/* The name with something before it, as one string. */
static void put_prefixed(const char *prefix, struct md_str name, struct md_buf *out)
{
	size_t start = out->len, len;

	put_string(out, name);
	len = strlen(prefix);
	if (!md_buf_room(out, len))
		return;
	memmove(out->data + start + 1 + len, out->data + start + 1, out->len - start - 1);
	memcpy(out->data + start + 1, prefix, len);
	md_buf_wrote(out, len);
}

static void put_path(const struct md_model *model, struct md_buf *out)
{
	put_prefixed("/", model->name, out);
	md_buf_puts(out, ":{\"get\":{\"tags\":[");
	put_string(out, model->name);
	md_buf_puts(out, "],\"produces\":[\"application/json\","
			 "\"application/vnd.pgrst.object+json\"],"
			 "\"responses\":{\"200\":{\"description\":\"OK\",\"schema\":"
			 "{\"type\":\"array\",\"items\":{\"$ref\":");
	put_prefixed("#/definitions/", model->name, out);
	md_buf_puts(out, "}}},\"206\":{\"description\":\"Partial Content\"}}}}");
}

/* What the definition says and the type does not. */
static void put_bounds(const struct md_def_field *def, struct md_buf *out)
{
	if (def->type == MD_DEF_STRING && def->max_length > 0)
		md_buf_printf(out, ",\"maxLength\":%u", def->max_length);
	for (unsigned i = 0; def->type == MD_DEF_ENUM && i < def->labels.count; i++) {
		md_buf_puts(out, i == 0 ? ",\"enum\":[" : ",");
		put_string(out, md_str_of(def->labels.items[i]));
	}
	if (def->type == MD_DEF_ENUM)
		md_buf_putc(out, ']');
	if (def->type == MD_DEF_ARRAY)
		md_buf_puts(out, ",\"items\":{}");
}

static const char *type_of(const struct md_field *field)
{
	if (field->as_string)
		return "string";
	if (field->def && field->def->type == MD_DEF_ARRAY)
		return "array";
	return types_table[field->type].type;
}

static void put_field(const struct md_field *field, struct md_buf *out)
{
	const char *type = type_of(field);
	bool list = field->def && field->def->type == MD_DEF_ARRAY;
	const char *format = list ? NULL : types_table[field->type].format;

	put_string(out, field->name);
	md_buf_puts(out, ":{");
	if (type)
		md_buf_printf(out, "\"type\":\"%s\"", type);
	if (format)
		md_buf_printf(out, "%s\"format\":\"%s\"", type ? "," : "", format);
	if (field->key_position >= 0)
		md_buf_printf(out, "%s\"description\":\"Note:\\nThis is a Primary Key.<pk/>\"",
			      type || format ? "," : "");
	if (field->def)
		put_bounds(field->def, out);
	md_buf_putc(out, '}');
}

/* Of a declared field the definition tells, else the table. */
static bool is_required(const struct md_field *field)
{
	if (field->hidden)
		return false;
	if (field->def)
		return field->def->required;
	return !field->nullable && !field->fallback;
}

static void put_definition(const struct md_model *model, struct md_buf *out)
{
	bool first = true;

	put_string(out, model->name);
	md_buf_puts(out, ":{\"type\":\"object\",\"properties\":{");
	for (unsigned i = 0; i < model->field_count; i++) {
		if (model->fields[i].hidden)
			continue;
		md_buf_puts(out, first ? "" : ",");
		put_field(&model->fields[i], out);
		first = false;
	}
	md_buf_putc(out, '}');
	first = true;
	for (unsigned i = 0; i < model->field_count; i++) {
		if (!is_required(&model->fields[i]))
			continue;
		md_buf_puts(out, first ? ",\"required\":[" : ",");
		put_string(out, model->fields[i].name);
		first = false;
	}
	md_buf_puts(out, first ? "}" : "]}");
}

static void put_openapi(const struct md_registry *registry, struct md_buf *out)
{
	unsigned count;
	const struct md_model *models = md_registry_models(registry, &count);

	md_buf_puts(out, "{\"swagger\":\"2.0\",\"info\":{\"title\":\"modeld\","
			 "\"description\":\"Relations of the database, in the PostgREST dialect\","
			 "\"version\":\"" PACKAGE_VERSION "\"},\"basePath\":\"/\","
			 "\"schemes\":[\"http\"],\"consumes\":[\"application/json\"],"
			 "\"produces\":[\"application/json\"],\"paths\":{\"/\":{\"get\":"
			 "{\"tags\":[\"Introspection\"],\"summary\":"
			 "\"OpenAPI description (this document)\",\"produces\":"
			 "[\"application/openapi+json\",\"application/json\"],"
			 "\"responses\":{\"200\":{\"description\":\"OK\"}}}}");
	for (unsigned i = 0; i < count; i++) {
		md_buf_putc(out, ',');
		put_path(&models[i], out);
	}
	md_buf_puts(out, "},\"definitions\":{");
	for (unsigned i = 0; i < count; i++) {
		if (i > 0)
			md_buf_putc(out, ',');
		put_definition(&models[i], out);
	}
	md_buf_puts(out, "}}");
}

static void put_html(struct md_buf *out, struct md_str text)
{
	for (size_t i = 0; i < text.len; i++) {
		switch (text.ptr[i]) {
		case '<':
			md_buf_puts(out, "&lt;");
			break;
		case '>':
			md_buf_puts(out, "&gt;");
			break;
		case '&':
			md_buf_puts(out, "&amp;");
			break;
		case '"':
			md_buf_puts(out, "&quot;");
			break;
		default:
			md_buf_putc(out, text.ptr[i]);
		}
	}
}

/* A path segment: everything but unreserved characters is percent-encoded. */
static void put_segment(struct md_buf *out, struct md_str text)
{
	static const char digits[] = "0123456789ABCDEF";

	for (size_t i = 0; i < text.len; i++) {
		unsigned char c = (unsigned char)text.ptr[i];

		if (md_is_token((struct md_str){ text.ptr + i, 1 }) && c != '%' && c != '&' &&
		    c != '\'' && c != '`' && c != '^' && c != '|' && c != '#') {
			md_buf_putc(out, (char)c);
		} else {
			md_buf_putc(out, '%');
			md_buf_putc(out, digits[c >> 4]);
			md_buf_putc(out, digits[c & 15]);
		}
	}
}

static void put_page(const struct md_registry *registry, struct md_buf *out)
{
	unsigned count;
	const struct md_model *models = md_registry_models(registry, &count);

	md_buf_puts(out, "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
			 "<title>modeld</title></head><body>\n<h1>modeld</h1>\n<ul>\n");
	for (unsigned i = 0; i < count; i++) {
		md_buf_puts(out, "<li><a href=\"/");
		put_segment(out, models[i].name);
		md_buf_puts(out, "?limit=100\">");
		put_html(out, models[i].name);
		md_buf_puts(out, "</a></li>\n");
	}
	md_buf_puts(out, "</ul>\n<p><a href=\"/-/models\">models</a></p>\n</body></html>\n");
}

static enum md_go finish(struct md_request *request, const char *type)
{
	request->type = type;
	request->status = 200;
	request->length = request->out.len;
	if (!request->out.failed)
		return MD_GO_ON;
	md_fail_nomem(&request->error);
	return MD_GO_FAIL;
}

static enum md_code make_root(struct md_aside *aside, struct md_error *err)
{
	struct md_buf *out = &aside->request->out;

	(void)err;
	md_buf_clear(out);
	if (aside->request->media == MD_MEDIA_HTML)
		put_page(aside->registry, out);
	else
		put_openapi(aside->registry, out);
	return MD_OK; /* finish() looks */
}

enum md_go md_run_root(struct md_request *request)
{
	enum md_go go = md_aside_run(request, &(struct md_aside){ .make = make_root });

	return go == MD_GO_ON ? finish(request, md_media_type(request->media)) : go;
}

static int put_chunk(const char *text, size_t len, void *cls)
{
	struct md_buf *out = cls;

	md_buf_put(out, text, len);
	return out->failed ? -1 : 0;
}

/* What is told of the models, all or one. */
struct told {
	const struct md_model *model; /* NULL: of all */
	bool empty;                   /* abstract ones, too */
	uint64_t generation;
};

static enum md_code make_models(struct md_aside *aside, struct md_error *err)
{
	struct told *told = aside->arg;
	struct md_buf *out = &aside->request->out;
	json_t *document = told->empty && !told->model
				   ? md_registry_to_json_all(aside->registry)
				   : md_registry_to_json(aside->registry, told->model);
	int rc = -1;

	told->generation = md_registry_generation(aside->registry);
	md_buf_clear(out);
	if (document)
		rc = json_dump_callback(document, put_chunk, out, JSON_COMPACT);
	json_decref(document);
	return rc == 0 ? MD_OK : md_fail_nomem(err);
}

enum md_go md_run_models(struct md_request *request)
{
	struct md_aside work = { .make = make_models };
	const struct told *told;
	enum md_go go;

	if (!request->aside) {
		struct told *asked = md_arena_zalloc(request->arena, sizeof(*asked));

		if (!asked) {
			md_fail_nomem(&request->error);
			return MD_GO_FAIL;
		}
		if (!md_schema_wants_empty(request, &asked->empty))
			return MD_GO_FAIL;
		asked->model = request->route.model;
		work.is_small = asked->model != NULL;
		work.arg = asked;
	}
	go = md_aside_run(request, &work);
	if (go != MD_GO_ON)
		return go;
	told = request->aside->arg;
	request->etag = md_arena_printf(request->arena, "\"%" PRIx64 "\"", told->generation);
	if (!request->etag) {
		md_fail_nomem(&request->error);
		return MD_GO_FAIL;
	}
	return finish(request, "application/json; charset=utf-8");
}
