/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "compile/sizes.h"

#include "compile/rendezvous.h"
#include "model/steer.h"
#include "weir/abi.h"

#define SIZES 10

_Static_assert(WEIR_TABLE_MAX == WEIR_TABLE_MIN << (SIZES - 1), "SIZES");

/* Whether several pools may fill a table together. */
static bool mixes_pools(const struct weir_lb *lb)
{
	const struct weir_lb *of;

	for (uint32_t i = 0; i < lb->n_pools; i++)
		if (lb->pools[i]->shed.percent || lb->pools[i]->shed.session_percent)
			return true;
	for (uint32_t i = 0; (of = weir_lb_variant(lb, i)); i++)
		if (weir_lb_has_weights(of))
			return true;
	return false;
}

uint32_t weir_size_that_suits(const struct weir_lb *lb)
{
	uint32_t most = 0, sum = 0;

	for (uint32_t i = 0; i < lb->n_pools; i++) {
		sum += lb->pools[i]->n_origins;
		if (lb->pools[i]->n_origins > most)
			most = lb->pools[i]->n_origins;
	}
	return weir_rendezvous_size(mixes_pools(lb) ? sum : most);
}

/* Of load balancers that tell clients apart each pool may have a table at once. */
uint32_t weir_size_limit(const struct weir_model *m)
{
	uint64_t tables[SIZES] = { 0 }, smaller = 0, as_large = 0;
	uint32_t limit = WEIR_TABLE_MIN;

	for (uint32_t i = 0; i < m->n_lbs; i++) {
		const struct weir_lb *lb = &m->lbs[i];
		uint32_t size = weir_has_tables(lb) ? weir_size_that_suits(lb) : 0;

		if (size) {
			tables[__builtin_ctz(size / WEIR_TABLE_MIN)] += lb->n_pools;
			as_large += lb->n_pools;
		}
	}
	for (uint32_t k = 0; k < SIZES - 1; k++, limit *= 2) {
		smaller += tables[k] * limit;
		as_large -= tables[k];
		if (smaller + as_large * limit * 2 > m->agent.max_rows / 2)
			break;
	}
	return limit;
}
