/* The settings, typed. struct md_options, the table behind it and the parsers are made from
 * config/options.def. An options object is filled once by config/settings.h, then immutable and
 * counted: any thread may read it, and whoever keeps a pointer across a reload holds a reference.
 * All texts belong to the object. */
#ifndef MD_CONFIG_OPTIONS_H
#define MD_CONFIG_OPTIONS_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/arena.h"
#include "core/base/buf.h"
#include "core/base/error.h"
#include "core/base/str.h"

struct md_option_list {
	const char *const *items;
	unsigned count;
};
/** `app.settings.NAME = value`, kept for the database session. */
struct md_app_setting {
	const char *name; /* with the "app.settings." in front */
	const char *value;
};

/** Where a value comes from; a later one wins. */
enum md_layer {
	MD_LAYER_DEFAULT,
	MD_LAYER_FILE,
	MD_LAYER_CREDENTIAL, /* a file in $CREDENTIALS_DIRECTORY */
	MD_LAYER_PGRST,      /* environment PGRST_NAME */
	MD_LAYER_MODELD,     /* environment MODELD_NAME */
	MD_LAYER_OPTION,     /* --db, --listen */
	MD_LAYER_SET,        /* --set NAME=VALUE */
	MD_LAYER_LIVE        /* changed while the daemon runs */
};
struct md_origin {
	enum md_layer layer;
	unsigned line;    /* file only */
	const char *name; /* path, environment name or command line option */
	const char *key;  /* the key as it was given, so that an alias can be named */
};

#define MD_MEMBER_TEXT     const char * /* never NULL; "" is unset */
#define MD_MEMBER_LIST     struct md_option_list
#define MD_MEMBER_BOOL     bool
#define MD_MEMBER_UINT     unsigned
#define MD_MEMBER_INT      int
#define MD_MEMBER_COUNT    uint64_t
#define MD_MEMBER_DURATION uint64_t /* milliseconds */
#define MD_MEMBER_SIZE     uint64_t /* bytes */
#define MD_MEMBER_CHOICE   int

/* The order is the table's. */
struct md_options {
#define OPTION(name, type, def, min, max, flags, help) MD_MEMBER_##type name;
#include "config/options.def"
	const struct md_app_setting *app_settings;
	unsigned app_settings_count;
	struct md_options_owner *owner; /* private */
};

/* clang-format off */
enum md_option_id {
#define OPTION(name, type, def, min, max, flags, help) MD_OPTION_##name,
#include "config/options.def"
	MD_OPTION_COUNT
};
enum md_option_choice {
#define CHOICE(option, constant, value, text) constant = (value),
#include "config/options.def"
};
/* clang-format on */
enum md_option_type {
	MD_OPT_TEXT,
	MD_OPT_LIST,
	MD_OPT_BOOL,
	MD_OPT_UINT,
	MD_OPT_INT,
	MD_OPT_COUNT,
	MD_OPT_DURATION,
	MD_OPT_SIZE,
	MD_OPT_CHOICE
};
enum {
	MD_OPTION_RELOAD = 1,
	MD_OPTION_SECRET = 2,
	MD_OPTION_OFF = 4,
	MD_OPTION_IDLE = 8,
	MD_OPTION_GUARD = 16,
	MD_OPTION_PART = 32
};
/** Longest text of one value. */
enum { MD_OPTION_TEXT_MAX = 64 * 1024, MD_OPTION_LIST_MAX = 1000 };

/** One row of the table. */
struct md_option {
	const char *name;
	const char *def;
	const char *help;
	int64_t min, max; /* both 0: no range */
	size_t offset;    /* of the member */
	enum md_option_type type;
	unsigned flags;
};

/** Row `id`, below MD_OPTION_COUNT. */
const struct md_option *md_option_at(unsigned id);
/** The option a key means: its name or an alias, `-` and `_` alike. False: there is none. */
bool md_option_find(struct md_str key, unsigned *ret_id);
/** The key that `key` may have been meant to be, or NULL. */
const char *md_option_suggest(struct md_str key);
/** The heading in front of option `id`, or NULL. */
const char *md_option_heading(unsigned id);

/** Read `text` into the member of option `id`; memory comes from `arena`. `append`: a LIST keeps
 * the items it has. MD_INVALID: not a valid value, nothing changed; md_option_expects() tells what
 * is. MD_NOMEM. */
enum md_code md_option_parse(struct md_arena *arena, unsigned id, struct md_str text, bool append,
			     struct md_options *options);
/** What a valid value looks like: "a whole number from 0 to 1000". */
void md_option_expects(unsigned id, struct md_buf *out);
/** The value as md_option_parse() reads it, without quotes. */
void md_option_format(unsigned id, const struct md_options *options, struct md_buf *out);
bool md_option_equal(unsigned id, const struct md_options *a, const struct md_options *b);
/** Deep copy of one member. */
enum md_code md_option_copy(struct md_arena *arena, unsigned id, const struct md_options *from,
			    struct md_options *to);
#endif
