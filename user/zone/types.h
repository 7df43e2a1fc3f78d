/* SPDX-License-Identifier: GPL-2.0-or-later */
/* types.h - numbers of the DNS (IANA, "Domain Name System Parameters"). */
#ifndef WEIR_ZONE_TYPES_H
#define WEIR_ZONE_TYPES_H

#include <stdbool.h>
#include <stdint.h>

enum {
	WEIR_TYPE_A = 1,
	WEIR_TYPE_NS = 2,
	WEIR_TYPE_CNAME = 5,
	WEIR_TYPE_SOA = 6,
	WEIR_TYPE_TXT = 16,
	WEIR_TYPE_AAAA = 28,
	WEIR_TYPE_DNAME = 39,
	WEIR_TYPE_OPT = 41,
	WEIR_TYPE_DS = 43,
	WEIR_TYPE_RRSIG = 46,
	WEIR_TYPE_NSEC = 47,
	WEIR_TYPE_DNSKEY = 48,
	WEIR_TYPE_CDS = 59,
	WEIR_TYPE_CDNSKEY = 60,
	WEIR_TYPE_HTTPS = 65,
	WEIR_TYPE_IXFR = 251,
	WEIR_TYPE_AXFR = 252,
	WEIR_TYPE_ANY = 255,
};

/* Signed by the keys that a parent vouches for. */
static inline bool weir_type_is_of_keys(uint16_t type)
{
	return type == WEIR_TYPE_DNSKEY || type == WEIR_TYPE_CDS || type == WEIR_TYPE_CDNSKEY;
}

enum {
	WEIR_CLASS_IN = 1,
	WEIR_CLASS_CH = 3,
};

#endif
