/* SPDX-License-Identifier: GPL-2.0-or-later */
/* weirctl_refs.c - who refers to an object, and to what it refers. */
#include <stdlib.h>
#include <string.h>

#include "weir/api.h"
#include "weirctl.h"

static void print_refs(const json_t *answer, bool colour)
{
	static const char *const titles[] = {
		"<REFERENCE", "<TYPE", "<NAME", "<ID", "<FIELD", NULL
	};
	struct weirctl_table t;
	const json_t *ref;
	size_t i;

	weirctl_table_init(&t, titles);
	json_array_foreach(json_object_get(answer, "references"), i, ref)
	{
		weirctl_table_add(&t, WEIRCTL_PLAIN, "%s", weirctl_str(ref, "reference_type"));
		weirctl_table_add(&t, WEIRCTL_PLAIN, "%s", weirctl_str(ref, "resource_type"));
		weirctl_table_add(&t, WEIRCTL_PLAIN, "%s", weirctl_str(ref, "resource_name"));
		weirctl_table_add(&t, WEIRCTL_PLAIN, "%s", weirctl_str(ref, "resource_id"));
		weirctl_table_add(&t, WEIRCTL_PLAIN, "%s", weirctl_str(ref, "field"));
	}
	if (t.n)
		weirctl_table_print(&t, colour);
	weirctl_say(stdout, "%s",
		    weirctl_yes(answer, "removable") ? "nobody refers to it"
						     : weirctl_str(answer, "why"));
	putchar('\n');
}

int weirctl_refs(struct weirctl *ctl)
{
	char *path = weirctl_ask(strdup(WEIR_API_REFERENCES), "type", ctl->args[0]);
	int exit_status;
	json_t *answer;

	path = weirctl_ask(path, "id", ctl->args[1]);
	answer = weirctl_fetch(ctl, path, &exit_status);
	free(path);
	return weirctl_show(ctl, answer, exit_status, print_refs);
}
