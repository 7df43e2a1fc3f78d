/* SPDX-License-Identifier: GPL-2.0-or-later */
/* health.h - the health of one origin, as a state machine fed by probe verdicts. Pure. */
#ifndef WEIR_MODEL_HEALTH_H
#define WEIR_MODEL_HEALTH_H

#include <stdbool.h>
#include <stdint.h>

#include "model/model.h"

enum weir_state {
	WEIR_UNKNOWN, /* no verdict yet: no traffic while a monitor is attached */
	WEIR_HEALTHY,
	WEIR_UNHEALTHY,
};

/* What one probe (its retries included) found. */
struct weir_verdict {
	bool pass;
	const char *reason; /* static: one of the words below */
	uint32_t rtt_us;    /* of a pass */
	uint16_t status;    /* HTTP status, 0: none */
};

/* The vendor's vocabulary of reasons (vendor-apis, pool health). */
#define WEIR_REASON_NONE          "No failures"
#define WEIR_REASON_NO_RESULT     "No result yet"
#define WEIR_REASON_TCP_FAILED    "TCP connection failed"
#define WEIR_REASON_TCP_TIMEOUT   "TCP Timeout"
#define WEIR_REASON_HTTP_TIMEOUT  "HTTP timeout occurred"
#define WEIR_REASON_CODE_MISMATCH "Response code mismatch error"
#define WEIR_REASON_BODY_MISMATCH "Response body mismatch error"
#define WEIR_REASON_NO_ROUTE      "No route to host error"
#define WEIR_REASON_UNREACHABLE   "Network Unreachable"
#define WEIR_REASON_HTTP_INVALID  "HTTP Invalid Response"
#define WEIR_REASON_RESET         "Connection Reset by Peer"
#define WEIR_REASON_OTHER         "Other Failure"

struct weir_health {
	enum weir_state state;
	const char *reason;  /* static; of the last verdict that agrees with state */
	uint64_t since_ms;   /* wall clock of the last change of state */
	uint64_t checked_ms; /* wall clock of the last verdict, 0: none */
	uint32_t rtt_us;     /* EWMA over passes, alpha 1/8; 0: none */
	uint16_t status;     /* of the last verdict */
	uint16_t streak;     /* verdicts in a row against the present state */
};

/* An origin without verdicts. */
void weir_health_init(struct weir_health *h, uint64_t now_ms);

/* Takes a verdict in. The first one decides at once; after that consecutive_up passes (or
 * consecutive_down failures) in a row change the state. True: the state changed. */
bool weir_health_update(struct weir_health *h, const struct weir_monitor *m,
			const struct weir_verdict *v, uint64_t now_ms);

const char *weir_state_text(enum weir_state s); /* unknown, healthy, unhealthy */

#endif
