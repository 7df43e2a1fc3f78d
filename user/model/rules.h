/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rules.h - what rules make of load balancers, and which clients they tell apart. In packets a
 * condition knows the client's address, the balancer's name, and the region: the client's, or where
 * that is not known the balancer's own. A question (of a DNS-only balancer) is known besides, and
 * the client is the resolver. Pure; any thread. */
#ifndef WEIR_MODEL_RULES_H
#define WEIR_MODEL_RULES_H

#include "model/model.h"

/* Every prefix that a condition of a proxied balancer names, sorted by address and length, each
 * once; lives in arena. A client's part is the longest of them that holds it: its index + 1, or 0.
 */
const struct weir_prefix *weir_rules_prefixes(const struct weir_model *m, struct weir_arena *arena,
					      uint32_t *n);

/* An address whose part is this one (not 0). False: other parts have all of them. */
bool weir_rules_address(const struct weir_prefix *prefixes, uint32_t n, uint32_t part,
			union weir_addr *out);

#define WEIR_MAX_RULES 200 /* of a balancer */
#define WEIR_MAX_DNS_RULES                                                    \
	6 /* of one that is DNS-only: each set of them has answers of its own \
	   */

/* Which rules hold of q, as bits by their index in lb->rules: none behind one that terminates. */
void weir_rules_hold(const struct weir_lb *lb, const struct weir_expr_query *q,
		     uint64_t bits[(WEIR_MAX_RULES + 63) / 64]);

/* The balancer with what a pool set (NULL: none) says of its steering, and over that what these
 * rules do, the later ones over the earlier. Lives in arena. */
const struct weir_lb *weir_rules_apply(const struct weir_lb *lb, const struct weir_pool_set *set,
				       const uint64_t *bits, struct weir_arena *arena);

#endif
