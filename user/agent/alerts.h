/* SPDX-License-Identifier: GPL-2.0-or-later */
/* alerts.h - what became of pools and origins, for those who ask: the event log and the history of
 * notifications, in the words of vendor-apis ("Event log", "Alerting"), and how webhooks fare. On
 * the loop's thread only.
 *
 * Policies and webhooks are stored objects (objects.h) of the kinds below, with the fields of the
 * vendor's API; a webhook has its "secret" as well. The agent looks at them whenever something
 * happens: who changes them has nothing to tell. A webhook that is new gets a test message. */
#ifndef WEIR_AGENT_ALERTS_H
#define WEIR_AGENT_ALERTS_H

#include "agent/agent.h"

#define WEIR_KIND_ALERT_POLICY  "alert_policy"
#define WEIR_KIND_ALERT_WEBHOOK "alert_webhook"

/* When a webhook took something last, and when it did not, by the wall clock; 0: never. */
void weir_agent_webhook_marks(const struct weir_agent *a, const char *webhook, uint64_t *success_ms,
			      uint64_t *failure_ms);

/* What an event must be: texts NULL and numbers -1 let all through. The events of a pool are those
 * of its origins, too. */
struct weir_event_query {
	uint64_t since_ms, until_ms; /* since <= at < until */
	const char *pool_id, *pool_name, *origin_name;
	int pool_healthy, origin_healthy; /* 0, 1; of the origin named, or of any that changed */
	unsigned limit;
};

/* Both make a list, newest first, the caller's. 0; -ENOENT: agent.store is not configured, and
 * there is nothing; -EBUSY: the store is being written, ask again when the agent is idle
 * (objects.h); -EIO: it cannot be read; any error is in *err.
 *
 * [ { "id", "timestamp", "pool": { "id", "name", "healthy", "changed", "minimum_origins" },
 *     "origins": [ { "name", "address", "ip", "enabled", "healthy", "changed",
 *                    "failure_reason" } ] } ] */
int weir_agent_pool_events(struct weir_agent *a, const struct weir_event_query *q, json_t **out,
			   struct weir_err *err);

/* Notifications that were delivered at since <= sent < until; without the first skip, at most
 * limit: [ { "id", "policy_id", "name", "description", "alert_type", "alert_body", "mechanism",
 * "mechanism_type", "sent" } ] */
int weir_agent_alert_history(struct weir_agent *a, uint64_t since_ms, uint64_t until_ms,
			     unsigned skip, unsigned limit, json_t **out, struct weir_err *err);

#endif
