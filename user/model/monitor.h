/* SPDX-License-Identifier: GPL-2.0-or-later */
/* monitor.h - how an endpoint is probed, by one monitor or by a group of them. */
#ifndef WEIR_MODEL_MONITOR_H
#define WEIR_MODEL_MONITOR_H

#include <stdbool.h>
#include <stdint.h>

#include "base/addr.h"

enum weir_monitor_type {
	WEIR_MONITOR_HTTP,
	WEIR_MONITOR_HTTPS,
	WEIR_MONITOR_TCP,
	WEIR_MONITOR_UDP_ICMP,
	WEIR_MONITOR_ICMP_PING,
	WEIR_MONITOR_SMTP
};

struct weir_header {
	const char *name, *value;
};

/* The way that a probe takes to an endpoint, as clients' packets do. */
struct weir_via {
	uint8_t mode; /* enum weir_mode: a tunnel */
	uint16_t gue_port;
	union weir_addr vip; /* what is probed at the end of the tunnel */
};

/* How an endpoint is probed. Defaults are the API's: interval 60 s, timeout 5 s (but not longer
 * than the interval), retries 2. */
struct weir_monitor {
	const char *id, *description;
	enum weir_monitor_type type;
	/* http and https, up to n_headers */
	const char *method, *path;
	const char *expected_body;         /* substring, ASCII case ignored; "" matches all */
	const char *expected_text;         /* expected_codes as written */
	uint8_t expected_codes[125];       /* bit N is set when status N passes (100 .. 999) */
	const struct weir_header *headers; /* in the order of the document */
	uint32_t n_headers;
	const char *probe_zone; /* kept: no probe comes from another network than this host's */
	uint32_t interval_ms, timeout_ms;
	uint16_t port; /* 0: the origin's, else the type's default (http 80, https 443) */
	uint16_t consecutive_up, consecutive_down; /* at least 1 */
	/* When window is not 0 its last so many results decide, healthy by threshold passes among
	 * them, and not those in a row; it begins with so many passes as if they had been seen. */
	uint8_t window, threshold, initial;
	uint8_t retries;
	bool follow_redirects;
	bool allow_insecure;        /* https: any certificate will do */
	const struct weir_via *via; /* tcp; NULL: straight to the endpoint */
};

static inline bool weir_monitor_is_http(const struct weir_monitor *m)
{
	return m->type == WEIR_MONITOR_HTTP || m->type == WEIR_MONITOR_HTTPS;
}

/* What type says for it. */
const char *weir_monitor_type_text(enum weir_monitor_type type);

static inline bool weir_monitor_expects(const struct weir_monitor *m, unsigned status)
{
	return status >= 100 && status < 1000 &&
	       (m->expected_codes[status / 8] >> (status % 8) & 1);
}

/* A monitor as one of several of a group. */
struct weir_member {
	const struct weir_monitor *monitor;
	bool enabled;         /* false: it neither probes nor votes */
	bool monitoring_only; /* it probes, but has no vote, whatever must_be_healthy says */
	bool must_be_healthy; /* who fails it is unhealthy, whatever the others say */
};

static inline bool weir_member_votes(const struct weir_member *m)
{
	return m->enabled && !m->monitoring_only;
}

struct weir_monitor_group {
	const char *id, *description;
	const struct weir_member *members;
	uint32_t n_members, n_voters;
};

#endif
