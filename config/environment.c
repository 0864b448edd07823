/* Environment variables: PGRST_NAME as PostgREST has them, then MODELD_NAME. */
#include "config/loader.h"

#include "core/base/banned.h"

enum { NAME_MAX_BYTES = 128 };

static const struct {
	const char *prefix;
	enum md_layer layer;
} layers[] = {
	{ "PGRST_", MD_LAYER_PGRST },
	{ "MODELD_", MD_LAYER_MODELD },
};

static size_t put_lower(char *key, size_t len, struct md_str name)
{
	for (size_t i = 0; i < name.len; i++) {
		char c = name.ptr[i];

		if (c >= 'A' && c <= 'Z')
			c = (char)(c | 0x20);
		key[len++] = c;
	}
	return len;
}

/* DB_URL -> db_url; APP_SETTINGS_X -> app.settings.x. */
static size_t key_of(struct md_str name, char *key)
{
	struct md_str app = MD_STR("APP_SETTINGS_");
	size_t len = 0;

	if (md_str_starts_with(name, app) && name.len > app.len) {
		len = put_lower(key, 0, MD_STR("app.settings."));
		name = (struct md_str){ name.ptr + app.len, name.len - app.len };
	}
	return put_lower(key, len, name);
}

static void put_variable(struct md_loader *loader, enum md_layer layer, struct md_str prefix,
			 const char *variable)
{
	const char *equals = strchr(variable, '=');
	size_t name_len = equals ? (size_t)(equals - variable) : 0;
	struct md_origin origin = { .layer = layer };
	char key[NAME_MAX_BYTES];
	unsigned id;
	size_t len;

	if (name_len <= prefix.len || name_len > NAME_MAX_BYTES - 1 ||
	    !md_str_starts_with(md_str_of(variable), prefix))
		return;
	origin.name = md_arena_strndup(loader->arena, variable, name_len);
	if (!origin.name) {
		loader->failed = true;
		return;
	}
	len = key_of((struct md_str){ variable + prefix.len, name_len - prefix.len }, key);
	/* Only a warning: service managers and orchestrators put names of their own there. */
	if (!md_str_starts_with((struct md_str){ key, len }, MD_STR("app.settings.")) &&
	    !md_option_find((struct md_str){ key, len }, &id)) {
		const char *near = md_option_suggest((struct md_str){ key, len });

		md_problem_add(loader->problems, true, &origin, "no such setting%s%s%s",
			       near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
		return;
	}
	md_loader_put(loader, &origin, (struct md_str){ key, len }, md_str_of(equals + 1));
}

void md_loader_put_environment(struct md_loader *loader, char *const *environment)
{
	for (size_t i = 0; environment && i < sizeof(layers) / sizeof(layers[0]); i++)
		for (char *const *variable = environment; *variable; variable++)
			put_variable(loader, layers[i].layer, md_str_of(layers[i].prefix),
				     *variable);
}
