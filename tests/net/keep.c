/* SPDX-License-Identifier: GPL-2.0-or-later */
/* keep.c - puts an object into a store that no agent has: keep STORE KIND ID JSON. */
#include <stdio.h>
#include <time.h>

#include "store/store.h"

int main(int argc, char **argv)
{
	const struct weir_author author = { "test", "", "keep" };
	struct weir_store *s;
	struct weir_change change;
	struct weir_err err;
	uint64_t revision;
	bool ok;

	if (argc != 5)
		return 2;
	change = (struct weir_change){ argv[2], argv[3], json_loads(argv[4], 0, NULL) };
	ok = change.body && weir_store_open(argv[1], &s, &err);
	if (ok) {
		ok = weir_store_commit(s, &author, &change, 1, (uint64_t)time(NULL) * 1000,
				       &revision, &err);
		weir_store_close(s);
	}
	if (!ok)
		fprintf(stderr, "%s: %s\n", argv[1], change.body ? err.text : "no JSON");
	json_decref(change.body);
	return !ok;
}
