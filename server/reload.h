/* Reload: settings on the main thread, then a new registry on a helper thread, so that neither
 * signals nor requests wait for introspection. What is bad is reported, and the old state stays.
 * Private to server/. */
#ifndef MD_SERVER_RELOAD_H
#define MD_SERVER_RELOAD_H
#include "config/settings.h"
#include "core/base/error.h"

struct md_db;
struct md_registry;
struct md_server;

/** Introspect and build generation `generation`. Blocking; any thread. */
enum md_code md_reload_registry(struct md_db *db, const struct md_options *options,
				uint64_t generation, struct md_registry **ret_registry,
				struct md_error *err);
/** Read settings and schema again. Main thread. While a reload is running, one more is remembered.
 */
void md_reload(struct md_server *server, struct md_settings *settings);
/** Wait for the running reload to end. Main thread. */
void md_reload_wait(void);
#endif
