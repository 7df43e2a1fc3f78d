/* SPDX-License-Identifier: GPL-2.0-or-later */
/* parse_dns_kernel.c - the part of agent.dns that the kernel does. */
#include "model/parse.h"

#include "weir/abi.h"

#define MAX_SLIP 100

bool weir_take_dns_kernel(const struct weir_at *at, void *kernel)
{
	static const char *const words[] = { "xdp", "tc", "off", NULL };
	unsigned i;

	if (!weir_take_word(at, words, &i))
		return false;
	*(enum weir_dns_kernel *)kernel = (enum weir_dns_kernel)i; /* the same order */
	return true;
}

bool weir_take_dns_limit(const struct weir_at *at, void *limit)
{
	static const struct weir_field fields[] = {
		WEIR_INT(weir_dns_limit, per_second, 1, WEIR_DNS_MAX_RATE, 0),
		WEIR_INT(weir_dns_limit, burst, 1, WEIR_DNS_MAX_BURST, 0),
		WEIR_INT(weir_dns_limit, slip, 0, MAX_SLIP, 2),
		WEIR_INT(weir_dns_limit, ipv4_prefix, 8, 32, 24),
		WEIR_INT(weir_dns_limit, ipv6_prefix, 16, 128, 56),
	};
	struct weir_dns_limit *l = limit;

	if (!weir_take_fields(at, fields, WEIR_COUNT(fields), l))
		return false;
	if (!l->per_second)
		return weir_at_fail(at, "per_second is missing");
	if (!l->burst) /* what comes in a second */
		l->burst = l->per_second;
	return true;
}
