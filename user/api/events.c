/* SPDX-License-Identifier: GPL-2.0-or-later */
/* events.c - what happened to pools and origins, newest first, on weir's own path. */
#include <errno.h>
#include <stdlib.h>

#include "agent/alerts.h"
#include "api/api_impl.h"
#include "api/objects.h"

#define USUAL 50
#define MOST  1000

static bool number_of(struct api_request *r, const char *name, uint64_t most, uint64_t *out)
{
	const char *s = api_arg(r, name);
	struct weir_err err;
	char *end;

	if (!s)
		return true;
	*out = strtoull(s, &end, 10);
	if (*s >= '0' && *s <= '9' && !*end && *out <= most)
		return true;
	weir_err_set(&err, name, "%s must be a whole number of at most %llu", name,
		     (unsigned long long)most);
	r->vendor->fail(r, MHD_HTTP_BAD_REQUEST, &err);
	return false;
}

/* Those with an id above after. */
static json_t *later(json_t *events, uint64_t after)
{
	json_t *out = json_array(), *e;
	size_t i;

	json_array_foreach(events, i,
			   e) if ((uint64_t)json_integer_value(json_object_get(e, "id")) > after)
		json_array_append(out, e);
	json_decref(events);
	return out;
}

void api_events(struct api_request *r)
{
	struct weir_event_query q = {
		.until_ms = UINT64_MAX >> 1,
		.pool_id = api_arg(r, "pool"),
		.pool_healthy = -1,
		.origin_healthy = -1,
	};
	uint64_t after = 0, limit = USUAL;
	struct weir_err err;
	json_t *list;
	int failed;

	if (!number_of(r, "after", INT64_MAX, &after) || !number_of(r, "limit", MOST, &limit))
		return;
	q.limit = (unsigned)limit;
	failed = weir_agent_pool_events(r->agent, &q, &list, &err);
	if (failed)
		r->vendor->fail(r,
				failed == -EIO ? MHD_HTTP_INTERNAL_SERVER_ERROR
					       : MHD_HTTP_SERVICE_UNAVAILABLE,
				&err);
	else
		r->reply = json_pack("{s:o}", "events", later(list, after));
}
