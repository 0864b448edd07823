/* Credentials of systemd: a file in $CREDENTIALS_DIRECTORY that has the name of a secret setting is
 * its value, so that a unit needs no more than LoadCredential=. */
#include <stdio.h>
#include <unistd.h>

#include "config/loader.h"

#include "core/base/banned.h"

enum { PATH_MAX_BYTES = 4096 };

static const char *folder_of(char *const *environment)
{
	struct md_str name = MD_STR("CREDENTIALS_DIRECTORY=");

	for (char *const *variable = environment; variable && *variable; variable++)
		if (md_str_starts_with(md_str_of(*variable), name))
			return *variable + name.len;
	return "";
}

void md_loader_put_credentials(struct md_loader *loader, char *const *environment)
{
	const char *folder = folder_of(environment);
	char value[PATH_MAX_BYTES];

	for (unsigned id = 0; folder[0] == '/' && id < MD_OPTION_COUNT; id++) {
		const struct md_option *option = md_option_at(id);
		struct md_origin origin = { .layer = MD_LAYER_CREDENTIAL };
		int len = snprintf(value, sizeof(value), "@%s/%s", folder, option->name);

		if (!(option->flags & MD_OPTION_SECRET) || len < 0 || len >= PATH_MAX_BYTES ||
		    access(value + 1, F_OK) != 0)
			continue;
		origin.name = md_arena_strndup(loader->arena, value + 1, (size_t)len - 1);
		if (!origin.name) {
			loader->failed = true;
			return;
		}
		md_loader_put(loader, &origin, md_str_of(option->name),
			      (struct md_str){ value, (size_t)len });
	}
}
