/* SPDX-License-Identifier: GPL-2.0-or-later */
/* zone.h - names and answers: query bytes in, answer bytes out.
 *
 * A weir_zones is an immutable snapshot built from a view: everything an answer needs is decided
 * when it is built (weights as cumulative thresholds, addresses of healthy endpoints only), and
 * answering takes nothing but a random number. Pure; any thread may answer from one snapshot. */
#ifndef WEIR_ZONE_ZONE_H
#define WEIR_ZONE_ZONE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "model/view.h"
#include "zone/edns.h"

#define WEIR_DNS_UDP_SIZE 1232  /* largest UDP answer we give or announce (RFC 9715) */
#define WEIR_DNS_MAX_SIZE 65535 /* over TCP */

struct weir_zones;
struct weir_zone_file;
struct weir_signer;
struct weir_serials;

/* Zones, records and load balancers of view's model: a proxied balancer's name has its VIPs; a
 * DNS-only one the addresses of the origins that serve the client that asks. Where their weights
 * differ (within a family) each answer names one of them, as often as its weight says; where they
 * are equal it names all, in turn. A balancer hides addresses and aliases of its name; one that is
 * disabled does not exist. Names in none of the zones are left out. files: what zone files say, by
 * zone of the model (NULL: has none, and one that is to have one is not answered for; files NULL:
 * none has), under what the document says of a name and type. signer: zones to sign, and how
 * (zone/sign.h; NULL: none); of those the files are in order and signed. serials: what serials
 * zones had that are counted, and have from now on (zone/serial.h; NULL: none is counted). The
 * snapshot copies what it needs, but for files and their signatures, the places of view and what
 * its classes refer to: those outlive it. */
struct weir_zones *weir_zones_build(const struct weir_view *view,
				    const struct weir_zone_file *const *files,
				    const struct weir_self *self, const struct weir_signer *signer,
				    struct weir_serials *serials);
void weir_zones_free(struct weir_zones *z); /* takes NULL */

/* When the first of its own signatures ends, seconds since 1970; UINT32_MAX: it has none. */
uint32_t weir_zones_signed_until(const struct weir_zones *z);

/* Keys of agent.dns.tsig_keys, which are the snapshot's; z NULL has none. */
const struct weir_tsig_key *weir_zones_tsig_keys(const struct weir_zones *z, uint32_t *n);

/* What is known of a query beside its bytes. */
struct weir_asker {
	union weir_addr client;   /* who sent it */
	uint64_t random;          /* chooses among weighted members and rotates sets */
	uint32_t now_s;           /* wall clock, seconds since 1970: for cookies */
	struct weir_draws *draws; /* what chooses instead of random (hot.c); NULL: nothing does */
	bool tcp, tls;            /* tls: and tcp */
};

/* What became of a query, for counters and for those who watch. */
#define WEIR_DNS_OUTCOMES(X)                                     \
	X(SILENT, "no answer is due")                            \
	X(FORMERR, "not a correct query")                        \
	X(NOTIMP, "an opcode other than QUERY")                  \
	X(BADVERS, "an EDNS version other than 0")               \
	X(REFUSED, "a name of none of the zones, or a transfer") \
	X(ANSWER, "answered with records")                       \
	X(REFERRAL, "of a zone that others serve")               \
	X(NODATA, "the name has no records of the type")         \
	X(NXDOMAIN, "no such name")                              \
	X(SERVFAIL, "what an ALIAS stands for is not known")     \
	X(TRUNCATED, "the answer did not fit: the client asks by TCP")

enum weir_dns_outcome {
#define OUTCOME(name, text) WEIR_DNS_##name##_TOLD,
	WEIR_DNS_OUTCOMES(OUTCOME)
#undef OUTCOME
	WEIR_DNS_OUTCOME_COUNT
};

struct weir_told {
	enum weir_dns_outcome outcome;
	uint32_t zone; /* by index in the model that was built from; UINT32_MAX: none */
	uint16_t type; /* of the question; 0: none was understood */
};

/* A query that is answered soon. */
struct weir_ahead {
	const uint8_t *query;
	size_t len;
};

#define WEIR_AHEAD_MAX 32

/* Fetches what the answers to n queries will look at, of the first WEIR_AHEAD_MAX of them. For who
 * answers them one after the other then, with the same z (NULL: nothing is fetched); answers are
 * the same without it. */
void weir_zones_ahead(const struct weir_zones *z, const struct weir_ahead *queries, unsigned n);

/* Answers one message. out has cap bytes: WEIR_DNS_UDP_SIZE over UDP, WEIR_DNS_MAX_SIZE over TCP.
 * Returns the answer's length; 0: no answer is due (a response, a message without a header). Never
 * more than the client can take over UDP (512, or what its OPT says): TC is set instead. z NULL has
 * no zones: REFUSED. out does not overlap query. told is always set. RFC 1034, 1035, 2308, 6604,
 * 6891, 8482; of zones that are signed 4035. */
size_t weir_zones_answer(const struct weir_zones *z, const uint8_t *query, size_t len,
			 const struct weir_asker *asker, uint8_t *out, size_t cap,
			 struct weir_told *told);

#endif
