/* SPDX-License-Identifier: GPL-2.0-or-later */
/* record.h - what a name has in the DNS: records, and the zones that they are in. */
#ifndef WEIR_MODEL_RECORD_H
#define WEIR_MODEL_RECORD_H

#include <stdbool.h>
#include <stdint.h>

#include "base/addr.h"
#include "model/dns.h"

/* Numbers of the DNS; POOL and ALIAS, which are not of it, have private ones. */
enum weir_record_type {
	WEIR_RECORD_A = 1,
	WEIR_RECORD_NS = 2,
	WEIR_RECORD_CNAME = 5,
	WEIR_RECORD_AAAA = 28,
	WEIR_RECORD_DS = 43,
	WEIR_RECORD_POOL = 65280,
	WEIR_RECORD_ALIAS = 65281,
};

/* Several records of one name and type are one set, or one pool (POOL). */
struct weir_record {
	const char *name;               /* lower case, no final dot */
	uint16_t type;                  /* enum weir_record_type, or another number */
	uint16_t rdata_bytes, priority; /* priority: what content is preceded by, if it is said */
	union weir_addr addr;           /* A, AAAA */
	const char *target;             /* CNAME, POOL, ALIAS: lower case, no final dot */
	const uint8_t *rdata;           /* other types: as on the wire, names not compressed */
	uint32_t ttl;                   /* seconds */
	uint32_t weight;                /* POOL: 1 .. 65535 */
	const char **regions;           /* sites (agent.pop) that answer it; n 0: all do */
	uint32_t n_regions;
	/* Stored: */
	const char *comment;
	const char **tags;
	uint32_t n_tags;
	bool private_routing, flatten_cname;
	bool proxied;   /* packets for the name come to us: a pool and a balancer are of it */
	bool monitored; /* POOL: who fails is not answered; likewise */
	bool ipv4_only, ipv6_only; /* proxied: to VIPs of this family */
};

/* How a zone is signed. */
struct weir_dnssec_conf {
	bool on, split;       /* split: a KSK and a ZSK, else one key for all */
	uint32_t ds_ttl;      /* s: of DS, at the parent */
	uint32_t propagation; /* s: until all servers of the zone have a change */
};

struct weir_zone_conf {
	const char *name;          /* lower case, no final dot */
	const char *file;          /* path of a zone file; NULL: none, and what follows is said */
	const char *mname, *rname; /* primary server, mailbox as a domain name */
	uint32_t serial, refresh, retry, expire, minimum, ttl; /* ttl: of SOA and NS */
	const char **ns;
	uint32_t n_ns; /* at least one, without a file */
	struct weir_transfer_conf transfer;
	struct weir_dnssec_conf dnssec;
	bool off; /* active: false: as if the zone and all in it were not there */
};

#endif
