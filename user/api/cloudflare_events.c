/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cloudflare_events.c - what happened: events of the store, newest first. Those of pools have
 * "pool" and "origins" as the event log has them; those that were sent to somebody have "policy_id"
 * and what else the history of alerts has. Who reads further back than so many events says until
 * when. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "api/cloudflare_impl.h"

#define AT_ONCE 1000
#define MOST    10000

/* RFC 3339, or a date; UINT64_MAX: it is neither. */
static uint64_t time_of(const char *s)
{
	struct tm tm = { 0 };
	const char *end = strptime(s, "%Y-%m-%d", &tm);
	long offset = 0;

	if (end && (*end == 'T' || *end == ' '))
		end = strptime(end + 1, "%H:%M:%S", &tm);
	if (end && *end == '.')
		end += 1 + strspn(end + 1, "0123456789");
	if (end && (*end == '+' || *end == '-') && strlen(end) == 6)
		offset = (*end == '-' ? -1 : 1) * (atol(end + 1) * 60 + atol(end + 4)) * 60;
	if (!end || timegm(&tm) - offset < 0)
		return UINT64_MAX;
	return (uint64_t)(timegm(&tm) - offset) * 1000;
}

static bool take_time(struct api_request *r, const char *name, uint64_t usual, uint64_t *out)
{
	const char *s = api_arg(r, name);

	*out = s && *s ? time_of(s) : usual;
	return !s || !*s || *out != UINT64_MAX ||
	       cf_fail(r, 400, CF_INVALID, NULL,
		       "%s \"%s\" is not a time, as in 2026-01-31T12:00:00Z: validation failed",
		       name, s);
}

/* What an event is for the reply, the caller's; NULL: it is not wanted. */
typedef json_t *show_fn(const struct api_request *r, const json_t *event);

/* Those of the store that are wanted; NULL: the reply says why not. */
static json_t *collect(struct api_request *r, uint64_t since, uint64_t until, show_fn *show)
{
	struct weir_store *store = weir_agent_store(r->agent);
	json_t *out = json_array(), *some = NULL, *event;
	uint64_t before = 0;
	struct weir_err err;
	size_t n, i;

	for (size_t all = 0; store && all < MOST; all += n) {
		if (!weir_store_events(store, since, until, before, AT_ONCE, &some, &err)) {
			cf_fail(r, 500, CF_SERVER, NULL, "%s", err.text);
			json_decref(out);
			return NULL;
		}
		n = json_array_size(some);
		json_array_foreach(some, i, event)
		{
			json_t *shown = show(r, event);

			before = (uint64_t)json_integer_value(json_object_get(event, "id"));
			if (shown)
				json_array_append_new(out, shown);
		}
		json_decref(some);
		if (n < AT_ONCE)
			break;
	}
	return out;
}

static json_t *time_at(const json_t *event)
{
	char text[CF_TIME];

	return json_string(
		api_time((uint64_t)json_integer_value(json_object_get(event, "at")), 6, text));
}

/* --- the event log --- */

static bool text_fits(const struct api_request *r, const char *arg, const char *value)
{
	const char *want = api_arg(r, arg);

	return !want || !*want || strcmp(want, value) == 0;
}

static bool bool_fits(const struct api_request *r, const char *arg, const json_t *value)
{
	const char *want = api_arg(r, arg);

	return !want || !*want || json_is_true(value) == (strcmp(want, "true") == 0);
}

static bool origin_fits(const struct api_request *r, const json_t *origins)
{
	const json_t *o;
	size_t i;

	if (!api_arg(r, "origin_name") && !api_arg(r, "origin_healthy"))
		return true;
	json_array_foreach(origins, i, o) if (text_fits(r, "origin_name", cf_text(o, "name")) &&
					      bool_fits(r, "origin_healthy",
							json_object_get(o, "healthy"))) return true;
	return false;
}

static json_t *show_event(const struct api_request *r, const json_t *event)
{
	const json_t *body = json_object_get(event, "body");
	json_t *pool = json_object_get(body, "pool"), *origins = json_object_get(body, "origins");

	if (!json_is_object(pool) || !text_fits(r, "pool_id", cf_text(pool, "id")) ||
	    !text_fits(r, "pool_name", cf_text(pool, "name")) ||
	    !bool_fits(r, "pool_healthy", json_object_get(pool, "healthy")) ||
	    !origin_fits(r, origins))
		return NULL;
	return json_pack("{s:O, s:o, s:O, s:o}", "id", json_object_get(event, "id"), "timestamp",
			 time_at(event), "pool", pool, "origins",
			 origins ? json_incref(origins) : json_array());
}

void cf_events(struct api_request *r, const struct cf_kind *k)
{
	uint64_t since, until;
	json_t *list;

	(void)k;
	if (!take_time(r, "since", 0, &since) || !take_time(r, "until", r->now_ms + 1, &until))
		return;
	list = collect(r, since, until, show_event);
	if (list)
		cf_reply_list(r, list, 0, 1, MOST);
}

/* --- the history of alerts --- */

static json_t *show_alert(const struct api_request *r, const json_t *event)
{
	static const char *const keys[] = { "policy_id",     "name",       "description",
					    "alert_type",    "alert_body", "mechanism",
					    "mechanism_type" };
	const json_t *body = json_object_get(event, "body");
	char id[24];
	json_t *out;

	(void)r;
	if (!json_object_get(body, "policy_id"))
		return NULL;
	snprintf(id, sizeof(id), "%llu",
		 (unsigned long long)json_integer_value(json_object_get(event, "id")));
	out = json_pack("{s:s}", "id", id);
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		json_object_set(out, keys[i], json_object_get(body, keys[i]));
	json_object_set_new(out, "sent", time_at(event));
	return out;
}

void cf_history(struct api_request *r, const struct cf_kind *k)
{
	uint64_t since, before;
	json_t *list;

	(void)k;
	if (!take_time(r, "since", 0, &since) || !take_time(r, "before", r->now_ms + 1, &before))
		return;
	list = collect(r, since, before, show_alert);
	if (list)
		cf_reply_list(r, list, 25, 5, 1000);
}
