/* SPDX-License-Identifier: GPL-2.0-or-later */
/* hosts.h - what host names stand for at present, as far as that is known. Pure. */
#ifndef WEIR_MODEL_HOSTS_H
#define WEIR_MODEL_HOSTS_H

#include <stdint.h>

#include "base/addr.h"

#define WEIR_MAX_HOSTS      1024 /* names of one model */
#define WEIR_HOST_ADDRESSES 32   /* of one name: more are not used */

struct weir_host {
	const char *name; /* lower case, no final dot */
	const union weir_addr *addrs;
	uint32_t n;
};

/* In any order, each name once; those that nothing is known of may be missing. */
struct weir_hosts {
	const struct weir_host *hosts;
	uint32_t n;
};

#endif
