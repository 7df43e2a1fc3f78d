/* SPDX-License-Identifier: GPL-2.0-or-later */
/* alerts_read.c - the event log and the history of notifications, for those who ask. */
#include "agent/alerts_impl.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define PAGE 500 /* events read at a time */

void weir_agent_webhook_marks(const struct weir_agent *a, const char *webhook, uint64_t *success_ms,
			      uint64_t *failure_ms)
{
	const json_t *marks = a->alerts ? json_object_get(a->alerts->webhooks, webhook) : NULL;

	*success_ms = (uint64_t)json_integer_value(json_object_get(marks, "success"));
	*failure_ms = (uint64_t)json_integer_value(json_object_get(marks, "failure"));
}

/* 0: *s can be read now. */
static int store_of(struct weir_agent *a, struct weir_store **s, struct weir_err *err)
{
	if (!a->store) {
		weir_err_set(err, "agent.store", "is not configured: nothing is kept");
		return -ENOENT;
	}
	*s = weir_agent_store(a);
	if (*s)
		return 0;
	weir_err_set(err, "agent.store", "is being written; ask again in a moment");
	return -EBUSY;
}

/* --- events --- */

static bool is_text(const json_t *of, const char *key, const char *want)
{
	const char *s = json_string_value(json_object_get(of, key));

	return !want || (s && strcmp(s, want) == 0);
}

static bool is_health(const json_t *of, int want)
{
	return want < 0 || json_is_true(json_object_get(of, "healthy")) == (want > 0);
}

static bool has_origin(const json_t *origins, const struct weir_event_query *q)
{
	const json_t *o;
	size_t i;

	if (!q->origin_name && q->origin_healthy < 0)
		return true;
	json_array_foreach(origins, i, o)
	{
		if (is_text(o, "name", q->origin_name) && is_health(o, q->origin_healthy) &&
		    json_is_true(json_object_get(o, "changed")))
			return true;
	}
	return false;
}

static bool fits(const json_t *event, const struct weir_event_query *q)
{
	const json_t *pool = json_object_get(event, "pool");

	return is_text(pool, "id", q->pool_id) && is_text(pool, "name", q->pool_name) &&
	       is_health(pool, q->pool_healthy) && has_origin(json_object_get(event, "origins"), q);
}

/* An event as it is shown, from the store's; NULL: it is not asked for. */
static json_t *shown(json_t *stored, const struct weir_event_query *q)
{
	json_t *body = json_object_get(stored, "body"), *row;
	char time[32];

	if (!fits(body, q))
		return NULL;
	row = json_pack("{s:O, s:s}", "id", json_object_get(stored, "id"), "timestamp",
			agent_alert_time(
				(uint64_t)json_integer_value(json_object_get(stored, "at")), time));
	json_object_update(row, body);
	return row;
}

int weir_agent_pool_events(struct weir_agent *a, const struct weir_event_query *q, json_t **out,
			   struct weir_err *err)
{
	struct weir_store *s;
	json_t *page, *stored, *row;
	uint64_t before = 0;
	size_t i, n;
	int failed = store_of(a, &s, err);

	if (failed)
		return failed;
	*out = json_array();
	do {
		if (!weir_store_events(s, q->since_ms, q->until_ms, before, PAGE, &page, err)) {
			json_decref(*out);
			*out = NULL;
			return -EIO;
		}
		n = json_array_size(page);
		json_array_foreach(page, i, stored)
		{
			before = (uint64_t)json_integer_value(json_object_get(stored, "id"));
			row = json_array_size(*out) < q->limit ? shown(stored, q) : NULL;
			if (row)
				json_array_append_new(*out, row);
		}
		json_decref(page);
	} while (n == PAGE && json_array_size(*out) < q->limit);
	return 0;
}

/* --- notifications --- */

static json_t *notification(const json_t *stored)
{
	const json_t *body = json_object_get(stored, "body");
	char id[33], time[32], *payload;
	json_t *row;

	snprintf(id, sizeof(id), "%032llx",
		 (unsigned long long)json_integer_value(json_object_get(stored, "id")));
	payload = json_dumps(json_object_get(body, "payload"), JSON_COMPACT | JSON_ENCODE_ANY);
	row = json_pack(
		"{s:s, s:O?, s:O?, s:O?, s:O?, s:s, s:O?, s:s, s:s}", "id", id, "policy_id",
		json_object_get(body, "policy"), "name", json_object_get(body, "name"),
		"description", json_object_get(body, "description"), "alert_type",
		json_object_get(body, "type"), "alert_body", payload ? payload : "", "mechanism",
		json_object_get(body, "webhook"), "mechanism_type", "webhook", "sent",
		agent_alert_time((uint64_t)json_integer_value(json_object_get(stored, "done")),
				 time));
	free(payload);
	return row;
}

int weir_agent_alert_history(struct weir_agent *a, uint64_t since_ms, uint64_t until_ms,
			     unsigned skip, unsigned limit, json_t **out, struct weir_err *err)
{
	struct weir_store *s;
	json_t *list, *stored;
	size_t i;
	int failed = store_of(a, &s, err);

	if (failed)
		return failed;
	if (!weir_store_deliveries(s, since_ms, until_ms, skip, limit, &list, err))
		return -EIO;
	*out = json_array();
	json_array_foreach(list, i, stored) json_array_append_new(*out, notification(stored));
	json_decref(list);
	return 0;
}
