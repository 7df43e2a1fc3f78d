/* SPDX-License-Identifier: GPL-2.0-or-later */
/* weirctl_handshakes.c - how long handshakes of live traffic took, by pool and region of clients.
 */
#include "weirctl.h"

#include <stdio.h>

#include "weir/api.h"

static void add_region(struct weirctl_table *t, const json_t *pool, const json_t *region)
{
	static const char *const times[] = { "p50_us", "p90_us", "p99_us" };
	char text[WEIRCTL_NUMBER];

	weirctl_table_add(t, WEIRCTL_PLAIN, "%s", weirctl_str(pool, "pool"));
	weirctl_table_add(t, WEIRCTL_PLAIN, "%s", weirctl_str(region, "region"));
	weirctl_table_add(t, WEIRCTL_PLAIN, "%s",
			  weirctl_count(weirctl_int(region, "handshakes"), text));
	for (int i = 0; i < 3; i++)
		weirctl_table_add(t, WEIRCTL_PLAIN, "%s",
				  weirctl_rtt(weirctl_int(region, times[i]), text));
}

static void print(const json_t *all, bool colour)
{
	static const char *const titles[] = { "<POOL", "<REGION", ">HANDSHAKES", ">P50",
					      ">P90",  ">P99",    NULL };
	const json_t *pool, *region;
	struct weirctl_table t;
	size_t i, k;

	weirctl_table_init(&t, titles);
	json_array_foreach(json_object_get(all, "pools"), i, pool)
		json_array_foreach(json_object_get(pool, "regions"), k, region)
			add_region(&t, pool, region);
	weirctl_say(stdout, "handshakes of one connection in %lld", weirctl_int(all, "sample"));
	putchar('\n');
	weirctl_table_print(&t, colour);
}

int weirctl_handshakes(struct weirctl *ctl)
{
	int status;
	json_t *all = weirctl_fetch(ctl, WEIR_API_HANDSHAKES, &status);

	return weirctl_show(ctl, all, status, print);
}
