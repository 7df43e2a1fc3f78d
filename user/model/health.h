/* SPDX-License-Identifier: GPL-2.0-or-later */
/* health.h - the health of origins, fed by verdicts of probes, by live traffic and by hand. Pure:
 * time is an argument.
 *
 * Each monitor of a pool has its own state about each origin (a check); those that vote make the
 * origin's state together. What counts then is, in this order:
 *   1. what was said by hand (forced);
 *   2. live traffic: an origin whose connections nobody answers is ejected for a while;
 *   3. damping: an origin that failed too often is held down for a while;
 *   4. the state.
 * Each goes on beneath those above it, so that nothing has to be found out again when they end. An
 * origin that is not enabled is nowhere in this list: it serves nobody, whatever its health. */
#ifndef WEIR_MODEL_HEALTH_H
#define WEIR_MODEL_HEALTH_H

#include <stdbool.h>
#include <stdint.h>

#include "model/model.h"

/* An effective weight: all of what is configured. */
#define WEIR_WEIGHT_ONE 65536u

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
#define WEIR_REASON_TLS_UNTRUSTED "TLS untrusted certificate error"
#define WEIR_REASON_TLS_NAME      "TLS name mismatch error"
#define WEIR_REASON_TLS_PROTOCOL  "TLS protocol error"
#define WEIR_REASON_TLS_UNKNOWN   "TLS unrecognized name error"
#define WEIR_REASON_TLS_HANDSHAKE "TLS Handshake Failure"
#define WEIR_REASON_CONFIG        "Monitor Config Error"
#define WEIR_REASON_OTHER         "Other Failure"
/* Ours: what that has no word for. */
#define WEIR_REASON_ICMP_TIMEOUT "ICMP timeout occurred"
#define WEIR_REASON_UDP_CLOSED   "UDP port unreachable"
#define WEIR_REASON_SMTP_TIMEOUT "SMTP timeout occurred"
/* Ours: what no probe says. */
#define WEIR_REASON_LIVE       "Live connections not answered"
#define WEIR_REASON_DAMPED     "Failed too often"
#define WEIR_REASON_NO_MONITOR "no monitor"

/* One moment, by the clock that people read, which may be set, and by one that only goes on and
 * is never 0. */
struct weir_now {
	uint64_t wall_ms, steady_ms;
};

/* What one monitor says of one origin. */
struct weir_check {
	enum weir_state state;
	const char *reason;  /* static; of the last verdict that agrees with state */
	uint64_t checked_ms; /* wall clock of the last verdict, 0: none */
	uint64_t results;    /* the last ones, the latest in bit 0; 1: it passed */
	uint32_t rtt_us;     /* EWMA over passes, alpha 1/8; 0: none */
	uint16_t status;     /* of the last verdict */
	uint16_t streak;     /* verdicts in a row against the present state */
};

struct weir_health {
	enum weir_state state; /* what its monitors say together */
	const char *reason;    /* static; of the check that decided */
	uint64_t since_ms;     /* wall clock of the last change of state */
	uint64_t checked_ms;   /* wall clock of the last verdict, 0: none */
	uint32_t rtt_us;       /* mean of the checks that vote; 0: none */
	uint16_t status;
	struct weir_check *checks; /* by member of the pool's monitors */

	/* All below by the steady clock. Slow start: */
	uint64_t ramp_ms;  /* when it began; 0: it is over */
	uint32_t withheld; /* of WEIR_WEIGHT_ONE */
	/* Damping: */
	uint32_t penalty; /* thousandths of a failure, as of penalty_ms */
	uint64_t penalty_ms;
	uint64_t held_until_ms; /* 0: it is not held down */
	/* Live traffic's verdict: */
	uint64_t ejected_until_ms; /* 0: it is not ejected */
	uint64_t readmitted_ms;    /* when it last was */
	uint32_t ejections;        /* in a row, without a longer time between them */

	const struct weir_override *forced; /* NULL: nothing was said by hand */
	const char *fault; /* the origin's, which counts before all else; NULL: it has none */
};

/* An origin without verdicts, and without checks. */
void weir_health_init(struct weir_health *h, uint64_t wall_ms);

/* The same for all origins of a model, by index, with their checks. The caller's: free(). */
struct weir_health *weir_health_new(const struct weir_model *m, uint64_t wall_ms);

/* Takes what is known of an origin over, checks by the ids of their monitors: to is new, of
 * pool; from is of the pool it was in, which may have had other monitors. What was said by hand is
 * not taken. */
void weir_health_carry(struct weir_health *to, const struct weir_pool *pool,
		       const struct weir_health *from, const struct weir_pool *was,
		       struct weir_now now);

/* Takes it for healthy until its monitors say otherwise. */
void weir_health_assume(struct weir_health *h, const struct weir_pool *pool);

/* Takes a verdict of one monitor in. The first one decides at once; after that consecutive_up
 * passes (or consecutive_down failures) in a row change the check's state; with a window its
 * results do. An origin is unhealthy by one check that must be healthy and is not, or by more than
 * half of those that vote; with fewer it is healthy, once each of them has had a verdict. True: the
 * state of the origin changed. */
bool weir_health_update(struct weir_health *h, const struct weir_pool *pool, uint32_t member,
			const struct weir_verdict *v, struct weir_now now);

/* Whether every monitor that is to probe it has done so. */
bool weir_health_complete(const struct weir_health *h, const struct weir_pool *pool);

/* Lets time pass: a slow start goes on, what was held down is free. *due becomes the time when this
 * is to be done again, if that is earlier. True: something changed. */
bool weir_health_pass(struct weir_health *h, const struct weir_pool *pool, uint64_t now_ms,
		      uint64_t *due);

/* Live traffic says that nobody answers: no new flows for 10 s, and each time again for twice as
 * long, up to 320 s; ten minutes after it was readmitted that is forgotten. What flows it has may
 * stay: it is for probes to say that it is dead. */
void weir_health_eject(struct weir_health *h, uint64_t now_ms);

/* Whether its time is over: then it is not ejected any more. */
bool weir_health_readmit(struct weir_health *h, const struct weir_pool *pool, uint64_t now_ms);

/* Whether one more may be ejected where so many are of so many. */
bool weir_may_eject(const struct weir_pool *pool, uint32_t ejected, uint32_t enabled);

/* Whether it may have new flows, by the order above; whether it may keep those it has. */
bool weir_health_up(const struct weir_health *h, const struct weir_pool *pool);
bool weir_health_alive(const struct weir_health *h, const struct weir_pool *pool);

const char *weir_state_text(enum weir_state s); /* unknown, healthy, unhealthy */

/* The word for what counts, one of the above, unmonitored or draining, and why. */
const char *weir_health_text(const struct weir_health *h, const struct weir_pool *pool);
const char *weir_health_reason(const struct weir_health *h, const struct weir_pool *pool);

const char *weir_forced_text(enum weir_forced f); /* up, down, draining */

#endif
