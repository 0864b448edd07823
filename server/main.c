/* The modeld program: everything is in server/cli.h and server/serve.h. */
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "server/cli.h"
#include "server/serve.h"

#include "core/base/banned.h"

/* Who starts us with standard error closed must not find the log in what is opened in its place: a
 * client's socket, or a database. */
static void fill_standard_descriptors(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDWR);
	while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd > STDERR_FILENO)
		close(fd);
}

int main(int argc, char **argv)
{
	struct md_cli cli = { argc, argv, environ, stdout, stderr, md_serve };

	fill_standard_descriptors();
	return md_cli_run(&cli);
}
