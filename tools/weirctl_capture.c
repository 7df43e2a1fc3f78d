/* SPDX-License-Identifier: GPL-2.0-or-later */
/* weirctl_capture.c - packets of the balancer as a pcapng file. What is asked for is checked by the
 * agent: its arguments are called like the options. */
#include "weirctl.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "weir/api.h"

int weirctl_capture(struct weirctl *ctl)
{
	const char *file = ctl->option[WEIRCTL_WRITE];
	char *path = strdup(WEIR_API_CAPTURE);
	int status;

	if (!path)
		abort();
	for (int i = WEIRCTL_SRC; i <= WEIRCTL_RATE; i++)
		if (ctl->option[i])
			path = weirctl_ask(path, weirctl_option_name(i), ctl->option[i]);
	if (ctl->option[WEIRCTL_COUNT])
		path = weirctl_ask(path, "count", ctl->option[WEIRCTL_COUNT]);
	if ((!file || strcmp(file, "-") == 0) && isatty(STDOUT_FILENO)) {
		fputs("weirctl: a capture is no text for a terminal: write it to a file (--write "
		      "FILE) or into a pipe, as in: weirctl capture | tcpdump -r -\n",
		      stderr);
		status = WEIR_EXIT_INPUT;
	} else {
		status = weirctl_stream(ctl, path, file ? file : "-");
	}
	free(path);
	return status;
}
