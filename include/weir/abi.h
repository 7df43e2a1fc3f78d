/* SPDX-License-Identifier: GPL-2.0-or-later */
/* abi.h - what the packet program and the agent share: limits, map keys and values, reasons.
 *
 * Included by bpf/ (clang -target bpf) and by user/. Whoever changes the size or the meaning of
 * anything below raises WEIR_ABI: maps are pinned under a path that carries it, and an agent
 * adopts only maps of its own version. Multi-byte fields are in host order unless __be. */
#ifndef WEIR_ABI_H
#define WEIR_ABI_H

#include <linux/types.h>

#define WEIR_ABI 9

#define WEIR_MAX_SERVICES      16384 /* VIP + protocol + port */
#define WEIR_MAX_REVERSES      16384 /* endpoint + protocol + port whose replies are translated */
#define WEIR_SERVICE_SLOT_BITS 17
#define WEIR_SERVICE_SLOTS \
	(1 << WEIR_SERVICE_SLOT_BITS)   /* open addressing, at most a quarter full */
#define WEIR_SERVICE_PROBE       16     /* slots looked at before an address is nobody's */
#define WEIR_MAX_ENDPOINTS       131072 /* slots, including those that drain; slot 0 is never used */
#define WEIR_DEFAULT_ROWS        4194304 /* rows of all tables, if not configured: 40 MiB */
#define WEIR_MIN_ROWS            65536
#define WEIR_MAX_ROWS            134217728 /* if so configured: 1.25 GiB */
#define WEIR_TABLE_MIN           1024      /* rows of one table, a power of two */
#define WEIR_TABLE_MAX           524288
#define WEIR_FLOW_BUCKETS        65536 /* a power of two, of WEIR_FLOW_WAYS flows each: 4 MiB */
#define WEIR_FLOW_WAYS           4
#define WEIR_FRAGMENT_BUCKETS    4096   /* a power of two, of WEIR_FLOW_WAYS datagrams each */
#define WEIR_HASH_KEYS           10     /* 32-bit words of the packet hash key */
#define WEIR_MAX_DEVICES         1024   /* interfaces that endpoints are reached by */
#define WEIR_NAT_BUCKETS         524288 /* a power of two, of WEIR_NAT_WAYS flows each: 32 MiB */
#define WEIR_NAT_WAYS            2
#define WEIR_NAT_SOURCES         8 /* addresses that WEIR_MODE_FULLNAT writes as source */
#define WEIR_NAT_TRIES           8 /* local ports that a flow may have */
#define WEIR_NAT_LOCKS           1024
#define WEIR_MAX_SOURCES         131072 /* prefixes of all sets, those that are being replaced included */
#define WEIR_RATE_BUCKETS        65536 /* a power of two, of WEIR_RATE_WAYS prefixes each: 4 MiB */
#define WEIR_RATE_WAYS           4
#define WEIR_CONNS_TRIES         16 /* other rows that are asked for an endpoint with room */
#define WEIR_SERVER_ID_SLOT_BITS 18
#define WEIR_SERVER_ID_SLOTS \
	(1 << WEIR_SERVER_ID_SLOT_BITS) /* open addressing, at most an eighth full: 4 MiB */
#define WEIR_SERVER_ID_PROBE 16         /* slots looked at before an id is nobody's */
#define WEIR_MAX_SERVER_IDS  32768      /* of all load balancers, those that drain included */
#define WEIR_SERVER_ID_BYTES 8          /* the longest */
#define WEIR_MAX_RATE        10000000   /* packets a second */
#define WEIR_MAX_BURST       1000000
#define WEIR_ICMP_PER_S      1000 /* errors that the packet path sends, per CPU */
#define WEIR_ICMP_BURST      64

#define WEIR_GUE_PORT 6080 /* IANA's; the default */

#define WEIR_NO_ENDPOINT 0u /* the slot no endpoint has: rows of a service nobody can serve */

/* An address of either family; IPv4 is mapped (::ffff:a.b.c.d). Network order. */
union weir_addr {
	__u8 b[16];
	__be32 w[4];
	__u64 q[2];
};

/* Where rows are. */
struct weir_table_ref {
	__u32 base; /* the first of them in weir_rows */
	__u32 mask; /* number of them - 1 */
};

#include "weir/abi_steer.h"

/* What a service's packet is matched by. proto 0 and port 0: the VIP itself, without a port;
 * every VIP has one such entry, for packets in which no port can be seen. */
struct weir_service_key {
	union weir_addr vip;
	__be16 port;
	__u8 proto; /* IPPROTO_TCP, IPPROTO_UDP, 0 */
	__u8 used;  /* WEIR_SLOT_* */
	__u16 id; /* of the service, 1 .. WEIR_MAX_SERVICES - 1; never shared, part of flow keys */
	__u16 flags; /* WEIR_SERVICE_*: what is not usual about it */
};

enum weir_slot {
	WEIR_SLOT_FREE = 0,    /* ends a probe sequence */
	WEIR_SLOT_USED = 1,    /* a service */
	WEIR_SLOT_DELETED = 2, /* was one: a probe sequence goes on */
	WEIR_SLOT_REVERSE = 3, /* an endpoint whose replies are those of one service */
	/* An address of the agent's DNS, with WEIR_SERVICE_DNS: packets find it as if it was used.
	 */
	WEIR_SLOT_DNS = 0x80 | WEIR_SLOT_USED,
};

/* Flags of a service. None: flows by addresses, protocol and ports, a datagram flow like any. */
enum weir_service_flag {
	WEIR_SERVICE_CLIENT = 1,      /* rows by client address alone */
	WEIR_SERVICE_STICKY = 2,      /* with CLIENT: records too, and they outlive a change */
	WEIR_SERVICE_UDP_REQUEST = 4, /* UDP: each datagram by itself; nothing is recorded */
	WEIR_SERVICE_SOURCES = 8,     /* clients' addresses are allowed and denied by prefix */
	WEIR_SERVICE_RATE = 16,       /* so many packets a second for each prefix of clients */
	WEIR_SERVICE_QUIC = 32,       /* UDP: connections are found by the ids that servers give */
	WEIR_SERVICE_STEER = 64,      /* clients are told apart: they may have other tables */
	WEIR_SERVICE_WATCH = 256,     /* whether endpoints answer is told by what clients send */
	WEIR_SERVICE_COUNTED = 512,   /* open connections are counted, and endpoints have limits */
	WEIR_SERVICE_LEAST = 1024,    /* with COUNTED: a new flow goes where there are fewer */
	WEIR_SERVICE_RECORDED = 2048, /* flows may be recorded in rows at rest: with COUNTED, and
				       * set by the agent alone until the last of them has ended */
	WEIR_SERVICE_DNS = 4096,      /* no service: WEIR_SLOT_DNS */
};

/* What else there is to know about a service with flags. By the service's id. Services of one load
 * balancer have the same group: what is remembered of clients is the group's, so that one of them
 * knows what another one saw. */
struct weir_special {
	__u32 group;   /* 1 .. WEIR_MAX_SERVICES - 1; in records it is told from ids of services */
	__u32 hold;    /* STICKY: ticks that a client is remembered beyond WEIR_FLOW_IDLE_S */
	__u32 sources; /* SOURCES: the set of prefixes */
	__u32 rate;    /* RATE: packets a second, and at once */
	__u32 burst;
	__u32 id_bytes;               /* QUIC: WEIR_ID_BYTES() */
	union weir_addr rate_mask[2]; /* RATE: what of an IPv4 (mapped), IPv6 address counts */
	struct weir_steer_ref steer;  /* STEER */
};
#define WEIR_GROUP_ID(group) (WEIR_MAX_SERVICES + (group)) /* in the place of a service id */

/* A prefix of clients in a set. The longest one that holds a client decides: WEIR_SOURCE_*. A set
 * has one of no length for IPv6 and one of 96 bits for IPv4, so that there always is one. */
struct weir_source_key {
	__u32 bits; /* of what follows: 32 and those of the prefix */
	__u32 set;
	union weir_addr addr;
};
enum weir_source {
	WEIR_SOURCE_DENY = 0,
	WEIR_SOURCE_ALLOW = 1,
};

/* Which endpoint a server id of a group is: draft-ietf-quic-load-balancers, plaintext. Packets read
 * owner first: it is written last. */
struct weir_server_id {
	__u64 id;    /* as a number, its first byte the highest */
	__u32 owner; /* WEIR_ID_OWNER(), WEIR_ID_FREE or WEIR_ID_DELETED */
	__u32 slot;  /* of the endpoint */
};
#define WEIR_ID_FREE    0u /* ends a probe sequence */
#define WEIR_ID_DELETED 1u /* was one: a probe sequence goes on */
#define WEIR_ID_OWNER(group, rotation, bytes) \
	((__u32)(group) << 8 | (__u32)(rotation) << 5 | (__u32)(bytes) << 1)
/* Of a server's id, in connection ids whose first three bits are this rotation; 0: they name
 * nobody.
 */
#define WEIR_ID_BYTES(id_bytes, rotation) ((id_bytes) >> 4 * (rotation)&15)

/* How much a prefix of clients may still send. Written and read by the packet path alone. */
struct weir_rate {
	__u64 who;    /* hash of group and prefix; 0: free */
	__u32 credit; /* a packet costs weir_hz of it */
	__u32 at;     /* when that was so, in jiffies (they wrap) */
};
struct weir_rate_bucket {
	struct weir_rate way[WEIR_RATE_WAYS];
};

/* One slot of the service table. Where the rows of a service are is one 8-byte word, so that a
 * table can be replaced by one store while packets flow. WEIR_SLOT_REVERSE: the key is where
 * replies come from, base the slot of their service in this same table, and mask its id. */
struct weir_service {
	struct weir_service_key key;
	struct weir_table_ref table;
};

/* A row: the endpoint slot of new flows, and what older flows of this row need to know.
 * At rest prev is WEIR_ROW_REST and a packet costs no flow lookup. Otherwise the row is unsettled:
 * recorded flows stay where they are, and prev is the slot that TCP flows without a record belong
 * to (it may equal cur). UDP has no SYN, but for Initial packets of QUIC: until the agent sets
 * WEIR_ROW_UDP_NEW, some seconds after the change, datagrams of no recorded flow go to prev as
 * well, afterwards to cur. In services with WEIR_SERVICE_STICKY the same goes for SYNs of clients
 * without a record, and the agent sets it when the affinity has had its time. One aligned 8-byte
 * store writes a row. */
struct weir_row {
	__u32 cur;
	__u32 prev; /* slot | WEIR_ROW_UDP_NEW, or WEIR_ROW_REST */
};
#define WEIR_ROW_REST    0xffffffffu
#define WEIR_ROW_UDP_NEW 0x80000000u
#define WEIR_ROW_SLOT    0x00ffffffu

/* Rows at rest once more, each in 2 bytes, so that what packets go by stays in a CPU's cache: the
 * slot, or 0 where the row itself is to be asked, since it is not at rest or its slot is larger.
 * Follows weir_rows: whoever writes a row writes this after it. */
#define WEIR_REST_ROWS 32
struct weir_rest {
	__u16 slot[WEIR_REST_ROWS];
};

/* A recorded flow. Who it is: the service, and 48 bits of its hash beyond those that chose the
 * bucket. (Rows are chosen by the lowest bits of the hash, which are told by key and bucket, but
 * for which of its two buckets a counted flow is in.) key 0: free. Written by the packet path only,
 * in rows that are not at rest, and for services with WEIR_SERVICE_COUNTED in all. */
struct weir_flow {
	__u64 key;      /* hash >> 32 << 32 | service id << 16 | (hash & 0xffff) */
	__u32 endpoint; /* slot */
	__u32 seen;     /* ticks (they wrap) << WEIR_FLOW_FLAGS | flags; of a client that is to be
			 * remembered for longer, that much later */
};
struct weir_flow_bucket {
	struct weir_flow way[WEIR_FLOW_WAYS];
};
#define WEIR_FLOW_TICK        4   /* a tick is 1 << this jiffies: 16 .. 160 ms */
#define WEIR_FLOW_FLAGS       4   /* bits */
#define WEIR_FLOW_ESTABLISHED 1u  /* a second packet was seen: a first one never evicts it */
#define WEIR_FLOW_CLOSING     2u  /* its client sent FIN or RST: gives way before all others */
#define WEIR_FLOW_OPEN        4u  /* it is counted with its endpoint */
#define WEIR_FLOW_AWAY        8u  /* its row's cur was another endpoint, when it was last seen */
#define WEIR_FLOW_IDLE_S      300 /* a flow that was silent for longer may be forgotten */
#define WEIR_FLOW_CLOSING_S   10  /* the same for one that is closing */
#define WEIR_FLOW_YOUNG_S     1   /* a flow of one packet does not give way sooner: its handshake */
#define WEIR_FLOW_OPENING_S   5   /* so long a flow of one packet counts as an open connection, */
#define WEIR_FLOW_UDP_S       60  /* so long one of datagrams, and one of TCP IDLE_S */
#define WEIR_FLOW_SILENT_S                                                       \
	10800 /* so long the agent keeps its record, if the place is not needed: \
	       * for longer than keepalives are apart */

/* Connections that are open at an endpoint: opened - closed, which wrap. By weir_conns_index().
 * Written by the packet path, which counts by records, and corrected by the agent's sweep of these;
 * what opened and closed while it swept is how far it may be wrong. Limit and weight are the
 * agent's. */
struct weir_conns {
	__u32 opened, closed;
	__u32 limit; /* 0: none */
	__u16 weight;
	__u16 turn; /* where the next search for an endpoint with room goes on */
};

/* How packets reach an endpoint. */
enum weir_mode {
	WEIR_MODE_IPIP = 0, /* RFC 2003, RFC 2473, RFC 4213: any family in any family */
	WEIR_MODE_L2 = 1,   /* direct server return: only the MAC addresses change */
	WEIR_MODE_GUE = 2,  /* IP in UDP: variant 1 of GUE (draft-ietf-intarea-gue), any in any */
	WEIR_MODE_NAT = 3,  /* destination address and port rewritten; no family changes */
	WEIR_MODE_FULLNAT = 4, /* the source, too: replies come back from anywhere */
	WEIR_MODE_COUNT,
};

/* Any family in any; and those that rewrite addresses, where an endpoint may have a port of its
 * own. */
static inline int weir_mode_is_tunnel(__u8 mode)
{
	return mode == WEIR_MODE_IPIP || mode == WEIR_MODE_GUE;
}
static inline int weir_mode_is_nat(__u8 mode)
{
	return mode == WEIR_MODE_NAT || mode == WEIR_MODE_FULLNAT;
}

/* What the packet program is loaded with; the rest of it is dead code to the verifier. */
enum weir_feature {
	WEIR_FEATURE_NAT = 1,     /* replies of endpoints with WEIR_MODE_NAT are looked for */
	WEIR_FEATURE_FULLNAT = 2, /* the same with WEIR_MODE_FULLNAT */
};

/* An endpoint as the packet path needs it: one cache line. hdr is what goes in front of the
 * inner IP header: 14 bytes of Ethernet, then for tunnels the outer IP header; the UDP header of
 * GUE is made for each packet. What depends on the packet is 0 in it: DSCP and ECN, length,
 * protocol (next header), flow label, and for IPv4 the checksum. Where nothing is put in front but
 * addresses change, hdr holds the new ones at WEIR_NAT_ADDR and WEIR_NAT_PORT. */
struct weir_endpoint {
	__u8 hdr[54];
	__u8 hdr_len; /* what is put in front, Ethernet included: WEIR_HDR_* */
	__u8 state;   /* WEIR_ENDPOINT_* bits */
	__u16 csum;   /* of 16-bit words as they lie in memory: IPv4 outside the sum of that header,
		       * IPv6 outside the sum of its addresses */
	__u16 mtu;    /* the largest IP packet of a client that gets there */
	__u32 ifindex; /* the interface it is reached by; 0: no next hop is known yet */
};
#define WEIR_ENDPOINT_ALIVE 1u /* recorded flows may stay here; else they go to the row's cur */

enum weir_hdr {
	WEIR_HDR_NAT = 1, /* no lengths, and less than one */
	WEIR_HDR_FULLNAT = 2,
	WEIR_HDR_L2 = 14,
	WEIR_HDR_IP4 = 34,
	WEIR_HDR_IP6 = 54,
	WEIR_HDR_GUE4 = 42,
	WEIR_HDR_GUE6 = 62,
};

#define WEIR_NAT_ADDR 16 /* union weir_addr */
#define WEIR_NAT_PORT 32 /* __be16; 0: the packet's own */

/* Who has an endpoint slot. Written and read by the agent alone, so that a new agent can adopt
 * what it finds. */
struct weir_endpoint_id {
	union weir_addr addr;
	__u8 mode; /* enum weir_mode */
	__u8 used;
	__u8 healthy; /* by the last verdict: a new agent starts from there */
	__u8 pad;
	__be16 port; /* modes that rewrite it: 0: the listener's; other modes: 0 */
	__u8 pad2[2];
};

/* Where flows to endpoints with WEIR_MODE_FULLNAT come from: one of these sources, by the client's
 * address, and a port first_port .. first_port + n_ports - 1. */
struct weir_nat_conf {
	__u16 first_port, n_ports;
	__u8 n_v4, n_v6; /* sources; those of IPv4 first */
	__u8 pad[2];
	union weir_addr source[WEIR_NAT_SOURCES];
};

/* Who has a local port, as an endpoint sees it: an entry for each client's flow, found by a hash of
 * endpoint address and port, protocol, source and local port, so by packets of both directions.
 * Written and read by the packet path only. */
struct weir_nat_flow {
	union weir_addr client;
	__u64 key;     /* 0: free; WEIR_NAT_KEY() */
	__u32 service; /* slot in the service table << WEIR_NAT_ID_BITS | its id */
	__u32 seen;    /* ticks of 1 << WEIR_NAT_TICK jiffies << WEIR_NAT_FLAGS | flags */
};
struct weir_nat_bucket {
	struct weir_nat_flow way[WEIR_NAT_WAYS];
};

/* Ports as they are in packets. The generation changes with each new owner of an entry. */
#define WEIR_NAT_KEY(local_port, client_port, slot, source, udp)                  \
	((__u64)(local_port) | (__u64)(client_port) << 16 | (__u64)(slot) << 32 | \
	 (__u64)(source) << 49 | (__u64)(udp) << 52)
#define WEIR_NAT_LOCAL        WEIR_NAT_KEY(0xffff, 0, 0, WEIR_NAT_SOURCES - 1, 1)
#define WEIR_NAT_GENERATION   (0x7ffull << 53)
#define WEIR_NAT_SLOT(key)    ((__u32)((key) >> 32) & (WEIR_MAX_ENDPOINTS - 1))
#define WEIR_NAT_ID_BITS      14
#define WEIR_NAT_TICK         8  /* bits */
#define WEIR_NAT_FLAGS        4  /* bits */
#define WEIR_NAT_REPLIED      1u /* the endpoint has answered */
#define WEIR_NAT_ESTABLISHED  2u /* and the client gone on: TCP */
#define WEIR_NAT_FIN_CLIENT   4u /* with both of them, or RST, it is closing */
#define WEIR_NAT_FIN_ENDPOINT 8u
#define WEIR_NAT_TCP_S        3600 /* how long a silent flow keeps its port */
#define WEIR_NAT_OPENING_S    30
#define WEIR_NAT_CLOSING_S    60
#define WEIR_NAT_UDP_S        60
#define WEIR_NAT_YOUNG_S      3 /* a flow that is opening gives way no sooner, if it has to */

/* Per endpoint, per CPU. connections: TCP segments with SYN alone, and of QUIC services Initial
 * packets that name no server, so a retransmitted one counts again. */
struct weir_endpoint_stats {
	__u64 packets;
	__u64 bytes; /* of the frames as they came in */
	__u64 connections;
	__u64 pad;
};

/* Per reason, per CPU. */
struct weir_count {
	__u64 packets;
	__u64 bytes;
};

/* Why a packet ended as it did: name, whether it is a drop, and the sentence for people. The one
 * list behind counters, status, metrics and tests. Forwards, then answers of our own, then passes,
 * then drops: a new reason goes to the end of its group. */
#define WEIR_REASONS(X)                                                                        \
	X(FORWARD, 0, "forwarded to the endpoint of its row")                                  \
	X(FORWARD_FLOW, 0, "forwarded to the endpoint its flow was recorded with")             \
	X(FORWARD_PREV, 0, "forwarded to the row's previous endpoint: an older flow")          \
	X(FORWARD_FRAGMENT, 0, "a later fragment, forwarded to where its first one went")      \
	X(FORWARD_ICMP, 0, "an ICMP error, forwarded to the endpoint of the flow it is about") \
	X(FORWARD_NAT_REPLY, 0, "an endpoint's reply, translated back")                        \
	X(FORWARD_QUIC, 0, "forwarded to the endpoint that its QUIC connection id names")      \
	X(FORWARD_OTHER, 0,                                                                    \
	  "a new flow, past its row's endpoint: that is full, or has more connections")        \
	X(FORWARD_SECOND, 0, "a SYN that its endpoint did not answer, sent to another one")    \
	X(REPLY_ECHO, 0, "a ping to a VIP, answered")                                          \
	X(REPLY_MTU, 0, "too large for the way to its endpoint: the sender was told")          \
	X(REPLY_DNS, 0, "a DNS query, answered")                                               \
	X(PASS_NOT_OURS, 0, "passed to the host: not for a service")                           \
	X(PASS_NOT_IP, 0, "passed to the host: neither IPv4 nor IPv6")                         \
	X(PASS_VIP_OTHER, 0, "passed to the host: for a VIP, but nothing a service takes")     \
	X(PASS_NAT_REPLY, 0,                                                                   \
	  "passed to the host, translated: a reply whose next hop it must find")               \
	X(PASS_NO_FORWARDING, 0,                                                               \
	  "passed to the host: a reply, and the host is set to forward nothing")               \
	X(PASS_SPLIT, 0, "passed to the host: its headers are not in its first buffer")        \
	X(PASS_DNS, 0, "passed to the host: for its DNS sockets")                              \
	X(DROP_TRUNCATED, 1, "ends inside a header")                                           \
	X(DROP_BAD_HEADER, 1, "an IP header that contradicts itself")                          \
	X(DROP_FRAGMENT, 1, "a later fragment whose first one was not seen")                   \
	X(DROP_EXTENSION, 1, "more IPv6 extension headers than are walked")                    \
	X(DROP_NO_ENDPOINT, 1, "no endpoint can serve this service")                           \
	X(DROP_NO_NEXT_HOP, 1, "no next hop is known for the endpoint")                        \
	X(DROP_NO_HEADROOM, 1, "no room in front of the packet for the outer header")          \
	X(DROP_MTU, 1, "too large for the way to its endpoint, and its sender is not told")    \
	X(DROP_NO_DEVICE, 1, "the interface towards the endpoint is gone")                     \
	X(DROP_NO_PORT, 1, "no local port is left towards the endpoint")                       \
	X(DROP_NO_FLOW, 1, "an ICMP error about a flow that has no local port")                \
	X(DROP_TTL, 1, "its time to live ends here, where addresses are translated")           \
	X(DROP_DENIED, 1, "from a client that the service's source rules deny")                \
	X(DROP_RATE, 1, "more than the service takes of one prefix of clients")                \
	X(DROP_FULL, 1, "every endpoint tried is at its connection limit")                     \
	X(DROP_DNS, 1, "a DNS message that gets no answer: why is counted with those of DNS")

enum weir_reason {
#define WEIR_REASON_ENUM(name, drop, text) WEIR_##name,
	WEIR_REASONS(WEIR_REASON_ENUM)
#undef WEIR_REASON_ENUM
	WEIR_REASON_COUNT,
};

#define WEIR_LAST_FORWARD WEIR_FORWARD_SECOND
#define WEIR_LAST_REPLY   WEIR_REPLY_DNS
#define WEIR_LAST_PASS    WEIR_PASS_DNS

/* Where the probe sequence of a service starts. Not keyed: only the agent chooses what is in the
 * table, and a sequence is bounded whoever asks. The last bytes of an address, in which VIPs
 * differ, are the high bits of q[1]: turned round, since a product carries upwards only. */
static inline __u32 weir_service_slot(const union weir_addr *vip, __be16 port, __u8 proto)
{
	__u64 h = (vip->q[1] >> 32 | vip->q[1] << 32) ^ vip->q[0] * 0x9e3779b97f4a7c15ull;

	h ^= (__u64)((__u32)port << 8 | proto) << 32;
	return (__u32)(h * 0xd6e8feb86659fd93ull >> (64 - WEIR_SERVICE_SLOT_BITS));
}

/* The same for a server id. What packets ask for, anybody chooses, but a sequence is bounded. */
static inline __u32 weir_server_id_slot(__u32 owner, __u64 id)
{
	__u64 h = (id ^ id >> 32) * 0x9e3779b97f4a7c15ull + owner;

	return (__u32)(h * 0xd6e8feb86659fd93ull >> (64 - WEIR_SERVER_ID_SLOT_BITS));
}

/* Neighbours, which new flows ask one after the other, are in different cache lines. */
static inline __u32 weir_conns_index(__u32 slot)
{
	const __u32 per_line = 64 / sizeof(struct weir_conns),
		    lines = WEIR_MAX_ENDPOINTS / per_line;

	return slot % lines * per_line + slot / lines;
}

_Static_assert(sizeof(union weir_addr) == 16, "weir_addr");
_Static_assert(sizeof(struct weir_service_key) == 24, "weir_service_key");
_Static_assert(sizeof(struct weir_service) == 32, "two services to a cache line");
_Static_assert(sizeof(struct weir_row) == 8, "weir_row");
_Static_assert(sizeof(struct weir_flow_bucket) == 64, "one cache line");
_Static_assert(sizeof(struct weir_conns) == 16, "four endpoints to a cache line");
_Static_assert(sizeof(struct weir_special) == 64, "weir_special");
_Static_assert(sizeof(struct weir_source_key) == 24, "weir_source_key");
_Static_assert(sizeof(struct weir_server_id) == 16, "four ids to a cache line");
_Static_assert(sizeof(struct weir_rate_bucket) == 64, "one cache line");
_Static_assert(sizeof(struct weir_endpoint) == 64, "one cache line");
_Static_assert(sizeof(struct weir_endpoint_id) == 24, "weir_endpoint_id");
_Static_assert(sizeof(struct weir_nat_bucket) == 64, "one cache line");
_Static_assert(WEIR_SERVICE_SLOT_BITS + WEIR_NAT_ID_BITS <= 32 &&
		       WEIR_MAX_SERVICES <= 1 << WEIR_NAT_ID_BITS,
	       "weir_nat_flow.service");
_Static_assert(WEIR_MAX_ENDPOINTS == 1 << 17 && WEIR_NAT_SOURCES == 8, "WEIR_NAT_KEY");

#include "weir/abi_live.h"
#include "weir/abi_dns.h"

#endif
