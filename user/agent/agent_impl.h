/* SPDX-License-Identifier: GPL-2.0-or-later */
/* agent_impl.h - the agent's state, for the files of this folder. */
#ifndef WEIR_AGENT_AGENT_IMPL_H
#define WEIR_AGENT_AGENT_IMPL_H

#include "agent/agent.h"
#include "base/mem.h"
#include "compile/compile.h"
#include "dataplane/plane.h"
#include "dns/dns.h"
#include "probe/prober.h"
#include "zone/zone.h"

struct weir_agent {
	uv_loop_t *loop;
	const char *config_path;
	struct weir_model *model;
	struct weir_health *health; /* by origin index of model */

	struct weir_plane *plane;
	struct weir_prober *prober;
	struct weir_dns *dns;

	/* What was decided last: view and tables live in decided, the rows of tables in memo. */
	struct weir_memo *memo;
	struct weir_arena *decided;
	const struct weir_view *view;
	const struct weir_tables *tables;
	struct weir_zones *zones;

	uv_poll_t netlink;
	uv_timer_t tick;    /* every second */
	bool behind;        /* the packet path had no room for what was decided last */
	uv_timer_t flush;   /* a reconcile is due at the end of this turn of the loop */
	uint32_t n_handles; /* of these, not yet closed */
	bool ready;         /* every monitored origin had a verdict, or time is up */
	bool answering;     /* DNS listens on all that is configured */
	bool dns_refused;   /* it could not, and that was said */
	uint64_t answer_by_ms;

	uint64_t started_ms, loaded_ms; /* wall clock */
	uint32_t revision;
	char error[1024]; /* of the last reload, "" when it was taken */
};

/* Wall clock and a monotonic one, in ms. */
uint64_t agent_now_ms(void);
uint64_t agent_uptime_ms(const struct weir_agent *a);

/* status.c: a reason as clients know it. Static texts. */
const char *agent_reason_name(enum weir_reason why);
const char *agent_reason_text(enum weir_reason why);

/* trace.c: the origin that has this address, in pool first; NULL: no pool has it any more. */
const struct weir_origin *agent_origin(const struct weir_agent *a, const struct weir_pool *pool,
				       const union weir_addr *addr, const struct weir_pool **in);

#endif
