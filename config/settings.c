#include "config/settings.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#include "config/check.h"
#include "config/file.h"
#include "config/loader.h"
#include "core/base/url.h"

#include "core/base/banned.h"

enum { OPTIONS_MEMORY = 64 * 1024 * 1024, REPORT_MEMORY = 4 * 1024 * 1024 };

struct md_options_owner {
	struct md_options options;
	struct md_origin origins[MD_OPTION_COUNT];
	struct md_origin *app_origins;
	struct md_arena *arena;
	atomic_uint holders;
};

static struct md_options_owner *new_owner(void)
{
	struct md_options_owner *owner = calloc(1, sizeof(*owner));

	if (!owner)
		return NULL;
	owner->arena = md_arena_new(OPTIONS_MEMORY);
	if (!owner->arena) {
		free(owner);
		return NULL;
	}
	owner->options.owner = owner;
	atomic_init(&owner->holders, 1);
	return owner;
}

const struct md_options *md_options_ref(const struct md_options *options)
{
	atomic_fetch_add_explicit(&options->owner->holders, 1, memory_order_relaxed);
	return options;
}

const struct md_options *md_options_unref(const struct md_options *options)
{
	struct md_options_owner *owner = options ? options->owner : NULL;

	if (!owner || atomic_fetch_sub_explicit(&owner->holders, 1, memory_order_acq_rel) != 1)
		return NULL;
	md_arena_free(owner->arena);
	free(owner);
	return NULL;
}

const struct md_origin *md_options_origin(const struct md_options *options, unsigned id)
{
	return &options->owner->origins[id];
}

/* MD_OK also when there is no file and none was asked for. */
static enum md_code put_file(struct md_settings *settings, struct md_loader *loader,
			     struct md_error *err)
{
	const char *path = settings->config_path;
	bool asked = path != NULL;
	struct md_error why;
	enum md_code code;
	md_auto_buf text = { .max = MD_FILE_MAX + 8192 };

	if (md_str_is_given(settings->text)) {
		md_loader_put_file(loader, "text", settings->text);
		return MD_OK;
	}
	if (!asked)
		path = settings->default_path ? settings->default_path : MD_CONFIG_PATH;
	path = md_arena_strndup(loader->arena, path, strlen(path));
	if (!path)
		return md_fail_nomem(err);
	code = md_file_read(path, MD_FILE_MAX, &text, &why);
	if (code == MD_NOT_FOUND && !asked)
		return MD_OK;
	if (code == MD_NOMEM)
		return md_fail_nomem(err);
	if (code != MD_OK)
		return md_fail(err, MD_NOT_FOUND, "MD404", "%s", why.message);
	md_loader_put_file(loader, path, (struct md_str){ text.data ? text.data : "", text.len });
	return MD_OK;
}

static void put_layer(struct md_loader *loader, enum md_layer layer,
		      const struct md_override *items, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		const struct md_override *o = &items[i];
		struct md_origin origin = { .layer = layer, .name = o->name };

		if (o->layer == layer)
			md_loader_put(loader, &origin, (struct md_str){ o->key, o->key_len },
				      md_str_of(o->value));
	}
}

static void put_overrides(const struct md_settings *settings, struct md_loader *loader)
{
	put_layer(loader, MD_LAYER_OPTION, settings->overrides, settings->override_count);
	put_layer(loader, MD_LAYER_SET, settings->overrides, settings->override_count);
	put_layer(loader, MD_LAYER_LIVE, settings->live, settings->live_count);
}

static enum md_code start_report(struct md_settings *settings, struct md_error *err)
{
	md_arena_free(settings->report);
	settings->needs_restart = settings->changed = (struct md_option_list){ NULL, 0 };
	settings->problems = (struct md_problems){ .arena = NULL };
	settings->report = md_arena_new(REPORT_MEMORY);
	if (!settings->report)
		return md_fail_nomem(err);
	settings->problems.arena = settings->report;
	return MD_OK;
}

/* Read all layers into *ret_owner, which is set also when there are problems. */
static enum md_code read_all(struct md_settings *settings, struct md_options_owner **ret_owner,
			     struct md_error *err)
{
	struct md_options_owner *owner = new_owner();
	struct md_loader loader;
	enum md_code code;

	if (!owner)
		return md_fail_nomem(err);
	loader = (struct md_loader){ .arena = owner->arena,
				     .options = &owner->options,
				     .origins = owner->origins,
				     .problems = &settings->problems,
				     .no_files = settings->no_files };
	md_loader_defaults(&loader);
	code = loader.failed ? md_fail_nomem(err) : put_file(settings, &loader, err);
	if (code != MD_OK) {
		md_options_unref(&owner->options);
		return code;
	}
	md_loader_put_credentials(&loader, settings->environment);
	md_loader_put_environment(&loader, settings->environment);
	put_overrides(settings, &loader);
	md_loader_finish(&loader);
	owner->app_origins = loader.app_origins;
	md_check_options(&owner->options, owner->origins, settings->serve, &settings->problems);
	if (loader.failed || settings->problems.failed) {
		md_options_unref(&owner->options);
		return md_fail_nomem(err);
	}
	*ret_owner = owner;
	return MD_OK;
}

static enum md_code fail_problems(const struct md_settings *settings, struct md_error *err)
{
	unsigned errors = settings->problems.errors;

	return md_fail(err, MD_INVALID, "MD400", "the configuration has %u error%s", errors,
		       errors == 1 ? "" : "s");
}

enum md_code md_settings_load(struct md_settings *settings, struct md_error *err)
{
	struct md_options_owner *owner = NULL;
	enum md_code code = start_report(settings, err);

	if (code == MD_OK)
		code = read_all(settings, &owner, err);
	if (code != MD_OK || !owner)
		return code;
	settings->draft = &owner->options;
	if (settings->problems.errors > 0)
		return fail_problems(settings, err);
	settings->options = md_options_ref(settings->draft);
	return MD_OK;
}

/* Options that differ go to the list of those that are taken over, or keep their value and go to
 * the list of those that wait for a restart. */
static enum md_code compare(struct md_settings *settings, struct md_options_owner *owner,
			    struct md_error *err)
{
	const char **changed = md_arena_alloc(settings->report, MD_OPTION_COUNT * sizeof(*changed));
	const char **restart = md_arena_alloc(settings->report, MD_OPTION_COUNT * sizeof(*restart));
	unsigned changes = 0, restarts = 0;

	if (!changed || !restart)
		return md_fail_nomem(err);
	for (unsigned id = 0; id < MD_OPTION_COUNT; id++) {
		const struct md_option *option = md_option_at(id);

		if ((option->flags & MD_OPTION_PART) ||
		    md_option_equal(id, settings->options, &owner->options))
			continue;
		if (option->flags & MD_OPTION_RELOAD) {
			changed[changes++] = option->name;
			continue;
		}
		restart[restarts++] = option->name;
		if (md_option_copy(owner->arena, id, settings->options, &owner->options) != MD_OK)
			return md_fail_nomem(err);
	}
	settings->changed = (struct md_option_list){ changed, changes };
	settings->needs_restart = (struct md_option_list){ restart, restarts };
	return MD_OK;
}

enum md_code md_settings_reload(struct md_settings *settings, struct md_error *err)
{
	struct md_options_owner *owner = NULL;
	enum md_code code = start_report(settings, err);

	if (code == MD_OK)
		code = read_all(settings, &owner, err);
	if (code != MD_OK || !owner)
		return code;
	code = settings->problems.errors > 0 ? fail_problems(settings, err)
					     : compare(settings, owner, err);
	if (code != MD_OK) {
		md_options_unref(&owner->options);
		return code;
	}
	md_options_unref(settings->draft);
	md_options_unref(settings->options);
	settings->draft = &owner->options;
	settings->options = md_options_ref(settings->draft);
	return MD_OK;
}

void md_settings_release(struct md_settings *settings)
{
	settings->options = md_options_unref(settings->options);
	md_options_unref(settings->draft);
	settings->draft = NULL;
	settings->report = md_arena_free(settings->report);
	settings->problems = (struct md_problems){ .arena = NULL };
	settings->needs_restart = settings->changed = (struct md_option_list){ NULL, 0 };
}

/* Texts and lists need quotes. */
static bool is_bare(const struct md_option *option)
{
	return option->type != MD_OPT_TEXT && option->type != MD_OPT_LIST;
}

static void put_secret(unsigned id, struct md_str value, struct md_buf *out)
{
	if (id == MD_OPTION_db_url)
		md_url_blank_password(value.ptr, out);
	else if (value.len > 0)
		md_buf_puts(out, "***");
}

static void show_quoted(struct md_str value, struct md_buf *out)
{
	md_auto_buf escaped = { .max = value.len + 2 };

	if (value.ptr && value.len > 0 && value.ptr[0] == '@') { /* "@@x" is read as "@x" */
		md_buf_putc(&escaped, '@');
		md_buf_putstr(&escaped, value);
		value = (struct md_str){ escaped.data, escaped.len };
	}
	if (escaped.failed || !md_file_quote(value, out))
		md_buf_puts(out, "\"\" # holds control characters");
}

static void show_origin(const struct md_origin *origin, struct md_buf *out)
{
	md_buf_puts(out, "  # ");
	md_origin_put(origin, out);
}

static void show_option(const struct md_options *options, unsigned id, bool reveal,
			struct md_buf *out)
{
	const struct md_option *option = md_option_at(id);
	md_auto_buf value = { .max = MD_FILE_MAX };
	md_auto_buf masked = { .max = MD_FILE_MAX };

	md_option_format(id, options, &value);
	md_buf_printf(out, "%s = ", option->name);
	if (!md_buf_text(&value))
		out->failed = true;
	else if (is_bare(option))
		md_buf_put(out, value.data, value.len);
	else if (reveal || !(option->flags & MD_OPTION_SECRET))
		show_quoted((struct md_str){ value.data, value.len }, out);
	else {
		put_secret(id, (struct md_str){ value.data, value.len }, &masked);
		show_quoted((struct md_str){ masked.data, masked.len }, out);
	}
	if (!reveal)
		show_origin(md_options_origin(options, id), out);
	md_buf_putc(out, '\n');
}

void md_settings_show(const struct md_settings *settings, bool reveal, struct md_buf *out)
{
	const struct md_options *options = settings->draft;

	for (unsigned id = 0; options && id < MD_OPTION_COUNT; id++) {
		const char *heading = md_option_heading(id);

		if (heading)
			md_buf_printf(out, "%s# %s\n", id > 0 ? "\n" : "", heading);
		if (!(md_option_at(id)->flags & MD_OPTION_PART))
			show_option(options, id, reveal, out);
	}
	for (unsigned i = 0; options && i < options->app_settings_count; i++) {
		const struct md_app_setting *app = &options->app_settings[i];

		md_buf_printf(out, "%s%s = ", i == 0 ? "\n# For the database session\n" : "",
			      app->name);
		/* They are free-form and often secrets. */
		show_quoted(reveal ? md_str_of(app->value) : MD_STR("***"), out);
		if (!reveal)
			show_origin(&options->owner->app_origins[i], out);
		md_buf_putc(out, '\n');
	}
}
