/* The modeld program: everything is in server/cli.h and server/serve.h. */
#include <stdio.h>
#include <unistd.h>

#include "server/cli.h"
#include "server/serve.h"

#include "core/base/banned.h"

int main(int argc, char **argv)
{
	struct md_cli cli = { argc, argv, environ, stdout, stderr, md_serve };

	return md_cli_run(&cli);
}
