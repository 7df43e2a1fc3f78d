/* SPDX-License-Identifier: GPL-2.0-or-later */
/* parse_flow.c - what a load balancer says about flows and clients. */
#include "model/parse.h"

#include <string.h>

#define MAX_DRAIN_MS 86400000u

bool weir_take_affinity(const struct weir_at *at, void *lb)
{
	static const char *const words[] = { "none", "", "ip_cookie", NULL };
	const char *s = json_string_value(at->v);
	unsigned i;

	if (s && (strcmp(s, "cookie") == 0 || strcmp(s, "header") == 0))
		return weir_at_fail(at,
				    "a %s is inside of encrypted connections, which packets do "
				    "not show; ip_cookie keeps clients by their address",
				    s);
	if (!weir_take_word(at, words, &i))
		return false;
	((struct weir_lb *)lb)->affinity = i == 2;
	return true;
}

bool weir_take_udp(const struct weir_at *at, void *lb)
{
	static const char *const words[] = { "flow", "request", NULL };
	unsigned i;

	if (!weir_take_word(at, words, &i))
		return false;
	((struct weir_lb *)lb)->udp_request = i == 1;
	return true;
}

bool weir_check_flows(const struct weir_at *at, const struct weir_lb *l)
{
	if (l->affinity && l->udp_request)
		return weir_at_fail_key(at, "udp",
					"request sends each datagram by itself, which "
					"session_affinity forbids; leave one of them out");
	return true;
}

bool weir_take_affinity_attributes(const struct weir_at *at, void *lb)
{
	static const struct weir_field fields[] = {
		WEIR_DECIMAL(weir_lb, "drain_duration", drain_ms, 1000, 0, MAX_DRAIN_MS, 0),
		WEIR_LATER("samesite"),
		WEIR_LATER("secure"),
		WEIR_LATER("zero_downtime_failover"),
		WEIR_LATER("headers"),
		WEIR_LATER("require_all_headers"),
	};

	return weir_take_fields(at, fields, WEIR_COUNT(fields), lb);
}
