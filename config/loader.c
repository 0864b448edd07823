#include "config/loader.h"

#include "config/file.h"

#include "core/base/banned.h"

static const struct md_str app_prefix = { "app.settings.", 13 };
enum { VALUE_FILE_MAX = MD_OPTION_TEXT_MAX, APPS_MAX = 1000 };

void md_loader_defaults(struct md_loader *loader)
{
	for (unsigned id = 0; id < MD_OPTION_COUNT; id++) {
		const struct md_option *option = md_option_at(id);

		loader->origins[id] =
			(struct md_origin){ .layer = MD_LAYER_DEFAULT, .key = option->name };
		if (md_option_parse(loader->arena, id, md_str_of(option->def), false,
				    loader->options) != MD_OK)
			loader->failed = true;
	}
}

static const char *copy(struct md_loader *loader, struct md_str text)
{
	const char *made = md_arena_strndup(loader->arena, text.ptr, text.len);

	if (!made)
		loader->failed = true;
	return made;
}

static bool same_key(const char *a, const char *b)
{
	for (; *a && *b; a++, b++)
		if ((*a == '-' ? '_' : *a) != (*b == '-' ? '_' : *b))
			return false;
	return *a == *b;
}

/* `app.settings.X`: the name is kept as it is, the later one wins. */
static void put_app(struct md_loader *loader, const struct md_origin *origin, struct md_str value)
{
	unsigned i = 0;

	while (i < loader->app_count && strcmp(loader->apps[i].name, origin->key) != 0)
		i++;
	if (i == APPS_MAX) {
		md_problem_add(loader->problems, false, origin, "more than %d app.settings",
			       APPS_MAX);
		return;
	}
	if (i == loader->app_room) {
		unsigned room = i ? 2 * i : 8;
		struct md_app_setting *apps = md_arena_alloc(loader->arena, room * sizeof(*apps));
		struct md_origin *origins = md_arena_alloc(loader->arena, room * sizeof(*origins));

		if (!apps || !origins) {
			loader->failed = true;
			return;
		}
		for (unsigned j = 0; j < i; j++) {
			apps[j] = loader->apps[j];
			origins[j] = loader->app_origins[j];
		}
		loader->apps = apps;
		loader->app_origins = origins;
		loader->app_room = room;
	}
	loader->apps[i] = (struct md_app_setting){ origin->key, copy(loader, value) };
	loader->app_origins[i] = *origin;
	loader->app_count += i == loader->app_count;
}

static void put_unknown(struct md_loader *loader, const struct md_origin *origin)
{
	const char *near = md_option_suggest(md_str_of(origin->key));
	md_auto_buf key = { .max = 1024 };

	md_problem_quote(md_str_of(origin->key), &key);
	md_problem_add(loader->problems, false, origin, "%s: no such setting%s%s%s",
		       md_buf_text(&key), near ? "; did you mean '" : "", near ? near : "",
		       near ? "'?" : "");
}

static void put_invalid(struct md_loader *loader, const struct md_origin *origin, unsigned id,
			struct md_str value)
{
	md_auto_buf shown = { .max = 1024 };
	md_auto_buf expected = { .max = 1024 };

	if (md_option_at(id)->flags & MD_OPTION_SECRET)
		md_buf_puts(&shown, "***");
	else
		md_problem_quote(value, &shown);
	md_option_expects(id, &expected);
	md_problem_add(loader->problems, false, origin, "%s = \"%s\": expected %s", origin->key,
		       md_buf_text(&shown), md_buf_text(&expected));
}

/* "@path" is the content of a file without its last newline, "@@x" is "@x". False: a problem was
 * noted. */
static bool resolve(struct md_loader *loader, const struct md_origin *origin,
		    struct md_buf *content, struct md_str *value)
{
	struct md_error err;
	const char *path;

	if (value->len == 0 || value->ptr[0] != '@')
		return true;
	*value = (struct md_str){ value->ptr + 1, value->len - 1 };
	if (value->len > 0 && value->ptr[0] == '@')
		return true;
	path = copy(loader, *value);
	if (!path)
		return false;
	if (loader->no_files) {
		md_problem_add(loader->problems, false, origin,
			       "%s: values from files are not allowed here", origin->key);
		return false;
	}
	if (md_file_read(path, VALUE_FILE_MAX, content, &err) != MD_OK) {
		md_problem_add(loader->problems, false, origin, "%s: %s", origin->key, err.message);
		return false;
	}
	*value = (struct md_str){ content->data ? content->data : "", content->len };
	while (value->len > 0 &&
	       (value->ptr[value->len - 1] == '\n' || value->ptr[value->len - 1] == '\r'))
		value->len--;
	if (value->len == 0 || !memchr(value->ptr, '\0', value->len))
		return true;
	md_problem_add(loader->problems, false, origin, "%s: %s has a NUL byte", origin->key, path);
	return false;
}

/* Two names of one setting in one layer must agree. */
static bool agrees(struct md_loader *loader, const struct md_origin *origin, unsigned id,
		   struct md_str value)
{
	const struct md_origin *before = &loader->origins[id];
	struct md_options other = *loader->options;
	md_auto_buf place = { .max = 1024 };

	if (before->layer != origin->layer || same_key(before->key, origin->key))
		return true;
	if (md_option_parse(loader->arena, id, value, false, &other) != MD_OK ||
	    md_option_equal(id, loader->options, &other))
		return true;
	md_origin_put(before, &place);
	md_problem_add(loader->problems, false, origin,
		       "%s contradicts %s (%s): both are names of %s", origin->key, before->key,
		       md_buf_text(&place), md_option_at(id)->name);
	return false;
}

static void put_known(struct md_loader *loader, const struct md_origin *origin, unsigned id,
		      struct md_str value)
{
	const struct md_origin *before = &loader->origins[id];
	bool append = before->layer == origin->layer && same_key(before->key, origin->key);

	if (!agrees(loader, origin, id, value))
		return;
	switch ((int)md_option_parse(loader->arena, id, value, append, loader->options)) {
	case MD_OK:
		loader->origins[id] = *origin;
		break;
	case MD_NOMEM:
		loader->failed = true;
		break;
	default:
		put_invalid(loader, origin, id, value);
	}
}

void md_loader_put(struct md_loader *loader, const struct md_origin *origin, struct md_str key,
		   struct md_str value)
{
	struct md_origin here = *origin;
	bool is_app;
	md_auto_buf content = { .max = VALUE_FILE_MAX + 8192 };
	unsigned id = 0;

	here.key = copy(loader, key);
	if (!here.key)
		return;
	is_app = md_str_starts_with(key, app_prefix) && key.len > app_prefix.len;
	if (!is_app && !md_option_find(key, &id))
		put_unknown(loader, &here);
	else if (!resolve(loader, &here, &content, &value))
		return;
	else if (is_app)
		put_app(loader, &here, value);
	else
		put_known(loader, &here, id, value);
}

struct reader {
	struct md_file_reader base;
	struct md_loader *loader;
	const char *name;
};

static void take_value(struct md_file_reader *base, unsigned line, struct md_str key,
		       struct md_str value)
{
	struct reader *reader = (struct reader *)base;
	struct md_origin origin = { .layer = MD_LAYER_FILE, .line = line, .name = reader->name };

	md_loader_put(reader->loader, &origin, key, value);
}

static void take_problem(struct md_file_reader *base, unsigned line, const char *what)
{
	struct reader *reader = (struct reader *)base;
	struct md_origin origin = { .layer = MD_LAYER_FILE, .line = line, .name = reader->name };

	md_problem_add(reader->loader->problems, false, &origin, "%s", what);
}

void md_loader_put_file(struct md_loader *loader, const char *name, struct md_str text)
{
	struct reader reader = { { take_value, take_problem }, loader, name };

	if (md_file_parse(text, &reader.base) != MD_OK)
		loader->failed = true;
}

static const struct whole {
	unsigned whole, host, port, path;
	const char *default_port; /* NULL: without a port there is none */
} wholes[] = {
	{ MD_OPTION_listen, MD_OPTION_server_host, MD_OPTION_server_port,
	  MD_OPTION_server_unix_socket, "8080" },
	{ MD_OPTION_admin_listen, MD_OPTION_admin_server_host, MD_OPTION_admin_server_port,
	  MD_OPTION_admin_server_unix_socket, NULL },
};

/* Of the origins of three parts, the one of the highest layer. */
static const struct md_origin *highest(const struct md_loader *loader, const struct whole *w)
{
	const unsigned parts[] = { w->path, w->port, w->host };
	const struct md_origin *best = &loader->origins[parts[0]];

	for (size_t i = 1; i < sizeof(parts) / sizeof(parts[0]); i++)
		if (loader->origins[parts[i]].layer > best->layer)
			best = &loader->origins[parts[i]];
	return best;
}

static const char *text_of(const struct md_loader *loader, unsigned id)
{
	const char *base = (const char *)loader->options;

	return *(const char *const *)(base + md_option_at(id)->offset);
}

/* PostgREST's words for "every address". */
static void put_host(const char *host, struct md_buf *out)
{
	static const struct {
		const char *word, *address;
	} words[] = {
		{ "", "127.0.0.1" }, { "*", "0.0.0.0" }, { "*4", "0.0.0.0" },
		{ "!4", "0.0.0.0" }, { "*6", "[::]" },   { "!6", "[::]" },
	};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strcmp(host, words[i].word) == 0) {
			md_buf_puts(out, words[i].address);
			return;
		}
	if (strchr(host, ':') && host[0] != '[')
		md_buf_printf(out, "[%s]", host);
	else
		md_buf_puts(out, host);
}

static void put_together(struct md_loader *loader, const struct whole *w)
{
	const struct md_origin *origin = highest(loader, w);
	const char *port = text_of(loader, w->port), *path = text_of(loader, w->path);
	struct md_options parsed = *loader->options;
	md_auto_buf text = { .max = MD_OPTION_TEXT_MAX };

	if (origin->layer == MD_LAYER_DEFAULT || origin->layer < loader->origins[w->whole].layer)
		return;
	if (port[0] == '\0' && path[0] == '\0' && !w->default_port) {
		md_problem_add(loader->problems, true, origin, "%s has no effect without %s",
			       origin->key, md_option_at(w->port)->name);
		return;
	}
	if (path[0] != '\0') {
		md_buf_printf(&text, "unix:%s", path);
	} else {
		put_host(text_of(loader, w->host), &text);
		md_buf_printf(&text, ":%s", port[0] != '\0' ? port : w->default_port);
	}
	if (!md_buf_text(&text) || md_option_parse(loader->arena, w->whole, md_str_of(text.data),
						   false, &parsed) != MD_OK) {
		put_invalid(loader, origin, w->whole, (struct md_str){ text.data, text.len });
		return;
	}
	if (origin->layer == loader->origins[w->whole].layer &&
	    !md_option_equal(w->whole, &parsed, loader->options)) {
		md_problem_add(loader->problems, false, origin,
			       "%s contradicts %s: both set the address", origin->key,
			       md_option_at(w->whole)->name);
		return;
	}
	*loader->options = parsed;
	loader->origins[w->whole] = *origin;
}

void md_loader_finish(struct md_loader *loader)
{
	for (size_t i = 0; i < sizeof(wholes) / sizeof(wholes[0]); i++)
		put_together(loader, &wholes[i]);
	loader->options->app_settings = loader->apps;
	loader->options->app_settings_count = loader->app_count;
}
