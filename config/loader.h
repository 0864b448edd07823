/* Puts values of all layers together into one options object. Private to config/. Values must
 * arrive in the order of their layers: a later one wins. One thread. */
#ifndef MD_CONFIG_LOADER_H
#define MD_CONFIG_LOADER_H
#include "config/problems.h"

struct md_loader {
	struct md_arena *arena; /* of the options object */
	struct md_options *options;
	struct md_origin *origins; /* MD_OPTION_COUNT of them */
	struct md_app_setting *apps;
	struct md_origin *app_origins;
	unsigned app_count, app_room;
	struct md_problems *problems;
	bool no_files; /* "@path" values are refused */
	bool failed;   /* out of memory */
};

/** Set every option to its default. */
void md_loader_defaults(struct md_loader *loader);
/** One value of one layer. `origin->name` must live as long as the options; the key is copied. */
void md_loader_put(struct md_loader *loader, const struct md_origin *origin, struct md_str key,
		   struct md_str value);
/** A whole configuration file; `name` is told in messages. */
void md_loader_put_file(struct md_loader *loader, const char *name, struct md_str text);
/** The secrets in the folder that CREDENTIALS_DIRECTORY names. */
void md_loader_put_credentials(struct md_loader *loader, char *const *environment);
/** The PGRST_ and MODELD_ names of an environment ("NAME=VALUE", NULL at the end). */
void md_loader_put_environment(struct md_loader *loader, char *const *environment);
/** Last: put PART options together into what they are parts of. */
void md_loader_finish(struct md_loader *loader);
#endif
