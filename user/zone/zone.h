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

#include "model/view.h"

#define WEIR_DNS_UDP_SIZE 1232  /* largest UDP answer we give or announce (RFC 9715) */
#define WEIR_DNS_MAX_SIZE 65535 /* over TCP */

struct weir_zones;

/* Zones, records and load balancers of view's model: a proxied balancer's name has its VIPs; a
 * DNS-only one the addresses of the origins that serve. Where their weights differ (within a
 * family) each answer names one of them, as often as its weight says; where they are equal it
 * names all, in turn. A balancer hides records of its name; one that is disabled does not exist.
 * Names in none of the zones are left out. The snapshot copies what it needs. */
struct weir_zones *weir_zones_build(const struct weir_view *view);
void weir_zones_free(struct weir_zones *z); /* takes NULL */

/* Answers one message. out has cap bytes: WEIR_DNS_UDP_SIZE over UDP, WEIR_DNS_MAX_SIZE over TCP.
 * random chooses among weighted members and rotates sets. Returns the answer's length; 0: no
 * answer is due (a response, a message without a header). Never more than the client can take
 * over UDP (512, or what its OPT says): TC is set instead. z NULL has no zones: REFUSED. out does
 * not overlap query. RFC 1034, 1035, 2308, 6604, 6891, 8482. */
size_t weir_zones_answer(const struct weir_zones *z, const uint8_t *query, size_t len, bool tcp,
			 uint64_t random, uint8_t *out, size_t cap);

#endif
