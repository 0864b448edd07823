/* The configuration of a process: where it is read from, what it says now, and reading it again.
 * Belongs to the main thread. The options it hands out are immutable and counted; a thread that
 * keeps them across a reload holds a reference of its own. */
#ifndef MD_CONFIG_SETTINGS_H
#define MD_CONFIG_SETTINGS_H
#include <stdbool.h>

#include "config/options.h"
#include "config/problems.h"

#define MD_CONFIG_PATH "/etc/modeld/modeld.conf"

/** A value of the command line. */
struct md_override {
	enum md_layer layer; /* MD_LAYER_OPTION, MD_LAYER_SET; of `live` MD_LAYER_LIVE */
	const char *name;    /* "--db", for messages */
	const char *key;     /* need not end in NUL: */
	size_t key_len;
	const char *value;
};

/** Fill the first block, zero the rest, then load. What the first block points to must outlive the
 * settings (argv and environ do). */
struct md_settings {
	const char *config_path;  /* NULL: MD_CONFIG_PATH, when it exists */
	const char *default_path; /* instead of MD_CONFIG_PATH, for tests; NULL */
	char *const *environment; /* NULL: none */
	const struct md_override *overrides;
	unsigned override_count;
	const struct md_override *live; /* MD_LAYER_LIVE, above all others; may change between loads
					 */
	unsigned live_count;
	int ready_fd;       /* where the server says that it is ready; -1: nowhere */
	bool serve;         /* a database must be named; else its absence is only a warning */
	bool no_files;      /* refuse "@path" values */
	struct md_str text; /* when given, read instead of any file */

	/* Read only. */
	const struct md_options *options;    /* valid ones, or NULL */
	struct md_problems problems;         /* of the last load or reload */
	struct md_option_list needs_restart; /* changed, and not taken over by the reload */
	struct md_option_list changed;       /* taken over by the reload */
	struct md_options *draft;            /* private: the last load, also when it is not valid */
	struct md_arena *report;             /* private: memory of the problems and lists */
};

/** Read everything for the first time. On success `options` is set; `problems` holds warnings. Else
 * `problems` tells everything that is wrong: MD_INVALID, MD_NOT_FOUND (config_path does not exist
 * or cannot be read), MD_NOMEM. */
enum md_code md_settings_load(struct md_settings *settings, struct md_error *err);
/** Read everything again. On success `options` is a new object: what may change has changed,
 * what needs a restart has kept its value and is named in `needs_restart`. The old object lives as
 * long as somebody holds a reference. On failure `options` stays. */
enum md_code md_settings_reload(struct md_settings *settings, struct md_error *err);
/** Free all that load and reload made; the settings' own reference of the options too. */
void md_settings_release(struct md_settings *settings);
/** Write every setting in the syntax of the file, with its origin as a comment. Works with what
 * could be read, also after a failed load. `reveal`: with the secrets, and without the comments. */
void md_settings_show(const struct md_settings *settings, bool reveal, struct md_buf *out);

/** One more holder. Any thread. Returns `options`. */
const struct md_options *md_options_ref(const struct md_options *options);
/** One holder less; the last frees it. NULL is fine; returns NULL. Any thread. */
const struct md_options *md_options_unref(const struct md_options *options);
/** Where option `id` came from; valid as long as the options. */
const struct md_origin *md_options_origin(const struct md_options *options, unsigned id);
#endif
