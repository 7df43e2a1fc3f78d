/* SPDX-License-Identifier: GPL-2.0-or-later */
/* policy.h - notification policies: which of them want to hear of an event, and what they send.
 * A policy is the JSON object of the vendor's API (vendor-apis, "Alerting"); what it lacks or has
 * in another form counts as not said. Pure; any thread. */
#ifndef WEIR_ALERT_POLICY_H
#define WEIR_ALERT_POLICY_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#define WEIR_ALERT_HEALTH     "load_balancing_health_alert"
#define WEIR_ALERT_ENABLEMENT "load_balancing_pool_enablement_alert"

/* Something changed. */
struct weir_alert_event {
	const char *type;   /* one of the above */
	const char *source; /* "pool" or "origin" */
	const char *pool_id;
	bool good;            /* it is healthy, or enabled, now */
	const char *text;     /* for people */
	const json_t *data;   /* for programs; borrowed */
	const char *incident; /* the same when it begins (!good) and when it ends (good) */
	uint64_t at_ms;       /* wall clock */
	const char *account_id;
};

/* Whether a policy wants to hear of it: it is enabled, for this type, and its filters let it
 * through. */
bool weir_alert_wants(const json_t *policy, const struct weir_alert_event *e);

/* The ids of the webhooks of a policy, one by one: NULL at the end. */
const char *weir_alert_webhook(const json_t *policy, size_t nth);

/* What is sent; the caller's. */
json_t *weir_alert_payload(const char *policy_id, const json_t *policy,
			   const struct weir_alert_event *e);

#endif
