/* SPDX-License-Identifier: GPL-2.0-or-later */
/* dns.h - agent.dns: where and how a balancer answers queries. */
#ifndef WEIR_MODEL_DNS_H
#define WEIR_MODEL_DNS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/addr.h"

#define WEIR_TTL_HALF UINT32_MAX

/* DNS over TLS (RFC 7858). */
struct weir_dns_tls_conf {
	const struct weir_sockaddr *listen;
	uint32_t n_listen;             /* 0: none, and neither of these */
	const char *certificate, *key; /* paths of PEM files */
};

enum weir_tsig_algorithm {
	WEIR_TSIG_SHA256,
	WEIR_TSIG_SHA384,
	WEIR_TSIG_SHA512,
};

/* A secret that is shared with another server (RFC 8945). */
struct weir_tsig_key {
	const char *name; /* lower case, no final dot */
	const uint8_t *secret;
	uint16_t secret_bytes;
	uint8_t algorithm; /* enum weir_tsig_algorithm */
};

/* Who may take a zone, and who is told when it is another one. */
struct weir_transfer_conf {
	const struct weir_prefix *allow;         /* addresses; n 0: any */
	const struct weir_tsig_key *const *keys; /* one of them signs; n 0: none needs to. Of either
						  * there is one, or nobody may. */
	const struct weir_sockaddr *notify;
	uint32_t n_allow, n_keys, n_notify;
	bool pooled; /* also if it has names that are answered by chance or health */
};

/* Queries and answers for who watches. */
struct weir_dns_tap_conf {
	const char *socket, *file; /* one of them; both NULL: none */
	const char *identity;
	uint16_t sample; /* of WEIR_DNS_TAP_ALL queries, so many */
};

#define WEIR_DNS_TAP_ALL 10000

/* Where the kernel itself answers what is prepared. */
enum weir_dns_kernel {
	WEIR_DNS_KERNEL_XDP = 0,
	WEIR_DNS_KERNEL_TC = 1,
	WEIR_DNS_KERNEL_OFF = 2,
};

/* UDP queries of a prefix of clients that are answered. */
struct weir_dns_limit {
	uint32_t per_second; /* 0: any number */
	uint32_t burst;      /* at once */
	uint32_t slip;       /* one in so many of the others is answered, too; 0: none */
	uint32_t ipv4_prefix, ipv6_prefix; /* bits */
};

struct weir_dns_conf {
	const struct weir_sockaddr *listen;
	uint32_t n_listen;
	struct weir_dns_tls_conf tls;
	const struct weir_tsig_key *tsig_keys;
	uint32_t n_tsig_keys;
	const char **name_servers; /* of zones that do not say theirs; n 0: all do */
	uint32_t n_name_servers;
	struct weir_dns_tap_conf tap;
	uint32_t workers; /* threads for UDP; 0: one for each CPU */
	enum weir_dns_kernel kernel;
	struct weir_dns_limit rate_limit;
	const char *nsid, *version; /* told to who asks for them; "" or NULL: not told */
	uint32_t minimum_ttl;       /* s: health makes no TTL shorter; HALF: of what a name has */
	const char *keys;           /* directory for keys of signed zones; NULL: the usual one */
	bool cookies;               /* RFC 7873 */
	bool has_cookie_secret;     /* the same on all servers of an address; else made at start */
	uint8_t cookie_secret[16];
};

#endif
