/* SPDX-License-Identifier: GPL-2.0-or-later */
/* hot.h - the answers of a snapshot that can be prepared: what is answered to a plain question does
 * not depend on who asks, has few variants, and is known beforehand. Pure.
 *
 * Each variant is what weir_zones_answer() makes of it, so that all who answer give the same. */
#ifndef WEIR_ZONE_HOT_H
#define WEIR_ZONE_HOT_H

#include "weir/abi.h"
#include "zone/zone.h"

/* An entry: as abi_dns.h says, but for its version and where it is counted. changes: with health;
 * else only with the configuration. told: what an answer with it is to be counted as. False: no
 * more is wanted. */
typedef bool weir_hot_fn(void *arg, const struct weir_hot_key *key,
			 const struct weir_hot_answer *answer, bool changes,
			 const struct weir_told *told);

/* Calls fn for each name (of up to WEIR_HOT_NAME bytes) that is in the snapshot itself (not in a
 * zone file) and some of the types that are asked for: those that it has, and the denial of
 * addresses that it has not. First names whose answers change with health, then, if all is set, the
 * others. */
void weir_hot_each(const struct weir_zones *z, bool all, weir_hot_fn *fn, void *arg);

/* Whether answers change without the configuration that do not change with health: signatures are
 * made anew, and serials counted. */
bool weir_hot_all_change(const struct weir_zones *z);

/* A zone's apex: weir_dns_zone_key(), and how many labels it has without the root's. */
typedef void weir_hot_zone_fn(void *arg, uint64_t key, uint32_t labels);

void weir_hot_zones(const struct weir_zones *z, weir_hot_zone_fn *fn, void *arg);

#endif
