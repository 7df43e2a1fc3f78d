/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cloudflare_events.c - what happened, and who was told, newest first. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "agent/alerts.h"
#include "api/cloudflare_impl.h"

#define MOST 10000 /* who wants those before them says until when */

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

/* What the agent has made, or why it has not. */
static void reply_list(struct api_request *r, int failed, json_t *list, const struct weir_err *err,
		       unsigned usual, unsigned least, unsigned most)
{
	if (!failed)
		cf_reply_list(r, list, usual, least, most);
	else if (failed == -EIO)
		cf_fail(r, 500, CF_SERVER, NULL, "%s: %s", err->path, err->text);
	else /* there is no store, and nothing in it */
		cf_reply_list(r, json_array(), usual, least, most);
}

/* -1: it is not asked for. */
static int truth_of(const struct api_request *r, const char *name)
{
	const char *s = api_arg(r, name);

	return s && *s ? strcmp(s, "true") == 0 : -1;
}

static const char *text_of(const struct api_request *r, const char *name)
{
	const char *s = api_arg(r, name);

	return s && *s ? s : NULL;
}

void cf_events(struct api_request *r, const struct cf_kind *k)
{
	struct weir_event_query q = {
		.pool_id = text_of(r, "pool_id"),
		.pool_name = text_of(r, "pool_name"),
		.origin_name = text_of(r, "origin_name"),
		.pool_healthy = truth_of(r, "pool_healthy"),
		.origin_healthy = truth_of(r, "origin_healthy"),
		.limit = MOST,
	};
	struct weir_err err;
	json_t *list = NULL;
	int failed;

	(void)k;
	if (!take_time(r, "since", 0, &q.since_ms) ||
	    !take_time(r, "until", r->now_ms + 1, &q.until_ms))
		return;
	failed = weir_agent_pool_events(r->agent, &q, &list, &err);
	reply_list(r, failed, list, &err, 0, 1, MOST);
}

void cf_history(struct api_request *r, const struct cf_kind *k)
{
	uint64_t since, before;
	struct weir_err err;
	json_t *list = NULL;
	int failed;

	(void)k;
	if (!take_time(r, "since", 0, &since) || !take_time(r, "before", r->now_ms + 1, &before))
		return;
	failed = weir_agent_alert_history(r->agent, since, before, 0, MOST, &list, &err);
	reply_list(r, failed, list, &err, 25, 5, 1000);
}
