/* SPDX-License-Identifier: GPL-2.0-or-later */
/* host.h - the packet program compiled as a C function of this process, for what the kernel's
 * test runs cannot show: sanitizers, frames of 64 KiB or of no length, no headroom. Include it
 * once, in one file. Maps are arrays that host_world() fills; the hash key is all zeros. */
#ifndef WEIR_TESTS_HOST_H
#define WEIR_TESTS_HOST_H

#include <linux/bpf.h>
#include <stddef.h> /* before bpf_helpers.h, whose offsetof reads through NULL */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <bpf/bpf_helpers.h>

#include "weir/abi.h"
#include "weir/dns_answer.h"

#define HOST_ROWS      4096
#define HOST_ENDPOINTS 64
#define HOST_IFINDEX   1
#define HOST_CLASSES   4 /* of as many locations */
#define HOST_HOT       8 /* answers that are prepared */

/* struct xdp_md with real pointers, and what is known about its buffer. */
struct host_md {
	unsigned long data, data_end;
	uint32_t ingress_ifindex;
	unsigned long start; /* of the headroom */
};

static struct host_maps {
	struct weir_service services[WEIR_SERVICE_SLOTS];
	struct weir_row rows[HOST_ROWS];
	struct weir_rest rest[HOST_ROWS / WEIR_REST_ROWS];
	struct weir_flow_bucket flows[WEIR_FLOW_BUCKETS];
	struct weir_special specials[WEIR_MAX_SERVICES];
	struct weir_server_id server_ids[WEIR_SERVER_ID_SLOTS];
	struct weir_endpoint endpoints[HOST_ENDPOINTS];
	struct weir_conns conns[WEIR_MAX_ENDPOINTS];
	struct weir_endpoint_stats stats[HOST_ENDPOINTS];
	struct weir_count counts[WEIR_REASON_COUNT];
	struct weir_rate_bucket rates[WEIR_RATE_BUCKETS];
	uint64_t icmp_budget[1][2];
	struct weir_nat_conf nat_conf[1];
	struct weir_nat_bucket nat_flows[WEIR_NAT_BUCKETS];
	uint32_t nat_locks[WEIR_NAT_LOCKS];
	uint64_t odd_packet[1][64], nat_work[1][64]; /* room for what only the program knows */
	struct weir_flow_bucket fragments[WEIR_FRAGMENT_BUCKETS];
	struct weir_syn_bucket syns[WEIR_SYN_BUCKETS];
	struct weir_live live[HOST_ENDPOINTS];
	struct weir_handshakes handshakes[HOST_ENDPOINTS]; /* by slot alone */
	uint32_t regions[1];
	struct weir_begun begun[WEIR_BEGUN];
	struct weir_classes classes[HOST_CLASSES / WEIR_CLASSES_IN_WORD];
	struct weir_way ways[HOST_CLASSES * WEIR_STEER_SLICES];
	uint32_t location; /* of the client that was last asked for */
	struct weir_count dns_counts[WEIR_DNS_REASON_COUNT];
	struct weir_dns_guard dns_guard[1];
	struct weir_dns_hits dns_hits[1];
	uint64_t dns_budget[2][2], dns_work[1][600];
	struct {
		struct weir_hot_key key;
		struct weir_hot_answer value;
	} hot[HOST_HOT];
	struct weir_hot_small small; /* the one of them that was last asked for */
	uint64_t dns_zone;           /* the one there is */
	uint64_t jiffies;
	uint32_t random;        /* what the program draws */
	const uint8_t *message; /* of a UDP header and what follows, for the filter */
	unsigned long room;     /* bytes behind the frame, into which it may grow */
} host;

static struct weir_hot_answer *host_hot(const void *key)
{
	for (int i = 0; i < HOST_HOT; i++)
		if (host.hot[i].value.n && !memcmp(&host.hot[i].key, key, 16))
			return &host.hot[i].value;
	return NULL;
}

/* The maps as the program names them; it calls this through the macro below. */
static void *host_lookup(const char *map, const void *at)
{
	const uint32_t *key = at;

#define HOST_MAP(name, array)        \
	if (!strcmp(map, "&" #name)) \
	return *key < sizeof(array) / sizeof(*(array)) ? (void *)&(array)[*key] : NULL
	HOST_MAP(weir_services, host.services);
	HOST_MAP(weir_rows, host.rows);
	HOST_MAP(weir_rest, host.rest);
	HOST_MAP(weir_flows, host.flows);
	HOST_MAP(weir_specials, host.specials);
	HOST_MAP(weir_server_ids, host.server_ids);
	HOST_MAP(weir_endpoints, host.endpoints);
	HOST_MAP(weir_conns, host.conns);
	HOST_MAP(weir_endpoint_counts, host.stats);
	HOST_MAP(weir_reason_counts, host.counts);
	HOST_MAP(weir_icmp_budget, host.icmp_budget);
	HOST_MAP(weir_odd_packet, host.odd_packet);
	HOST_MAP(weir_fragments, host.fragments);
	HOST_MAP(weir_nat_conf, host.nat_conf);
	HOST_MAP(weir_nat_flows, host.nat_flows);
	HOST_MAP(weir_nat_locks, host.nat_locks);
	HOST_MAP(weir_nat_work, host.nat_work);
	HOST_MAP(weir_rates, host.rates);
	HOST_MAP(weir_syns, host.syns);
	HOST_MAP(weir_live, host.live);
	HOST_MAP(weir_begun, host.begun);
	HOST_MAP(weir_classes, host.classes);
	HOST_MAP(weir_ways, host.ways);
	HOST_MAP(weir_handshakes, host.handshakes);
	HOST_MAP(weir_dns_counts, host.dns_counts);
	HOST_MAP(weir_dns_guard, host.dns_guard);
	HOST_MAP(weir_dns_hits, host.dns_hits);
	HOST_MAP(weir_dns_budget, host.dns_budget);
	HOST_MAP(weir_dns_work, host.dns_work);
#undef HOST_MAP
	if (!strcmp(map, "&weir_dns_answers"))
		return host_hot(at);
	if (!strcmp(map, "&weir_dns_small")) {
		const struct weir_hot_answer *a = host_hot(at);

		return a && weir_hot_shrink(a, &host.small) ? &host.small : NULL;
	}
	if (!strcmp(map, "&weir_dns_zones"))
		return memcmp(at, &host.dns_zone, 8) ? NULL : &host.dns_zone;
	if (!strcmp(map, "&weir_devices"))
		return *key <= HOST_IFINDEX + 1 ? (void *)key : NULL;
	if (!strcmp(map, "&weir_regions"))
		return host.regions;
	if (!strcmp(map, "&weir_places")) {
		host.location = ((const struct weir_place_key *)at)->addr.b[15] % 5;
		return host.location ? &host.location : NULL;
	}
	fprintf(stderr, "%s: a map that host.h does not know\n", map);
	abort();
}

static long host_adjust_head(struct host_md *ctx, int delta)
{
	unsigned long to = ctx->data + (unsigned long)(long)delta;

	if (to < ctx->start || to + 14 > ctx->data_end)
		return -1;
	ctx->data = to;
	return 0;
}

static long host_adjust_tail(struct host_md *ctx, int delta)
{
	unsigned long to = ctx->data_end + (unsigned long)(long)delta;

	if ((delta > 0 && (unsigned long)delta > host.room) || to < ctx->data + 14)
		return -1;
	ctx->data_end = to;
	return 0;
}

static int64_t host_csum_diff(const void *from, uint32_t from_len, const void *to, uint32_t to_len,
			      uint32_t seed)
{
	uint64_t sum = seed;
	uint32_t word;

	(void)from;
	if (from_len || to_len % 4 || to_len > 512)
		abort();
	for (uint32_t i = 0; i < to_len; i += 4) {
		memcpy(&word, (const uint8_t *)to + i, 4);
		sum += word;
	}
	sum = (sum & 0xffffffff) + (sum >> 32);
	return (int64_t)((sum & 0xffffffff) + (sum >> 32));
}

/* The routes: the last byte of an address says which of the helper's answers it gets. */
static long host_fib_lookup(const struct host_md *ctx, struct bpf_fib_lookup *f, int len,
			    uint32_t flags)
{
	uint32_t last = (f->family == 10 ? f->ipv6_dst[3] : f->ipv4_dst) >> 24;

	if (len != sizeof(*f) || flags || f->ifindex != ctx->ingress_ifindex)
		abort();
	memset(f->dmac, 0x42, 6);
	memset(f->smac, 0x24, 6);
	f->ifindex += last & 1;
	if (last % 9 == BPF_FIB_LKUP_RET_FRAG_NEEDED)
		f->mtu_result = 1200;
	return last % 9;
}

/* What the program is loaded with. */
const volatile uint32_t weir_features = WEIR_FEATURE_NAT | WEIR_FEATURE_FULLNAT;

const volatile uint8_t weir_tail_calls = 1;
int weir_dns_xdp(struct host_md *ctx);

/* For the filter on the DNS sockets; all its clients are one. */
static inline long host_load_bytes(const struct __sk_buff *skb, uint32_t off, void *to,
				   uint32_t len)
{
	memset(to, 0, len);
	if (off > skb->len || skb->len - off < len || !host.message)
		return -1;
	memcpy(to, host.message + off, len);
	return 0;
}

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunknown-pragmas"
#pragma GCC diagnostic ignored "-Wmissing-prototypes"
#pragma GCC diagnostic ignored "-Wunused-parameter"
#define xdp_md                             host_md
#define bpf_map_lookup_elem(map, key)      host_lookup(#map, key)
#define bpf_xdp_adjust_head                host_adjust_head
#define bpf_redirect_map(map, key, flags)  XDP_REDIRECT
#define bpf_xdp_adjust_tail                host_adjust_tail
#define bpf_csum_diff                      host_csum_diff
#define bpf_xdp_get_buff_len(ctx)          ((ctx)->data_end - (ctx)->data)
#define bpf_jiffies64()                    host.jiffies
#define bpf_skb_load_bytes                 host_load_bytes
#define bpf_fib_lookup(ctx, f, len, flags) host_fib_lookup(ctx, f, len, flags)
#define bpf_spin_lock(lock)                (*(volatile uint32_t *)(lock) = 1)
#define bpf_spin_unlock(lock)              (*(volatile uint32_t *)(lock) = 0)
/* Of captures, which this is none of. */
#define bpf_perf_event_output(ctx, map, flags, data, size) ((void)(data), (void)(flags), -1)
#define bpf_ktime_get_ns()                                 (host.jiffies * 4000000)
#define bpf_ktime_get_boot_ns()                            (host.jiffies * 4000000)
#define bpf_ringbuf_output(map, data, size, flags)         (void)(data)
#define bpf_map_update_elem(map, key, value, flags)        (void)(value)
#define bpf_get_prandom_u32()                              host.random
#define bpf_get_smp_processor_id()                         0
#define bpf_tail_call(ctx, map, index)                     return weir_dns_xdp(ctx)
/* Of the tc program, which does not run here. */
#define bpf_skb_load_bytes_relative(skb, off, to, len, of) memset(to, 0, len)
#define bpf_skb_pull_data(skb, len)                        host_load_bytes(skb, len, NULL, 0)
#define bpf_skb_change_tail(skb, len, flags)               ((void)(len), -1)
#define bpf_redirect(ifindex, flags)                       0
#include "../../bpf/weir.bpf.c"
_Static_assert(sizeof(struct packet) <= sizeof(host.odd_packet), "weir_odd_packet");
_Static_assert(sizeof(struct nat_work) <= sizeof(host.nat_work), "weir_nat_work");
_Static_assert(sizeof(struct dns_work) <= sizeof(host.dns_work), "weir_dns_work");
#undef xdp_md
#undef bpf_map_lookup_elem
#undef bpf_xdp_adjust_head
#undef bpf_redirect_map
#undef bpf_xdp_adjust_tail
#undef bpf_csum_diff
#undef bpf_xdp_get_buff_len
#undef bpf_fib_lookup
#undef bpf_jiffies64
#undef bpf_skb_load_bytes
#undef bpf_spin_lock
#undef bpf_spin_unlock
#undef bpf_perf_event_output
#undef bpf_ktime_get_ns
#undef bpf_ktime_get_boot_ns
#undef bpf_ringbuf_output
#undef bpf_map_update_elem
#undef bpf_get_prandom_u32
#undef bpf_tail_call
#undef bpf_skb_load_bytes_relative
#undef bpf_skb_pull_data
#undef bpf_skb_change_tail
#undef bpf_redirect
#pragma GCC diagnostic pop

/* A frame in a buffer that ends with it, so that a sanitizer sees every byte beyond; the IP header
 * is aligned, as drivers do it. host_run() moves data; give it back with host_free(). */
struct host_frame {
	uint8_t *buffer, *data;
	size_t len;
};

#define HOST_ALIGN 2

static inline struct host_frame host_frame(const uint8_t *data, size_t len, size_t headroom)
{
	struct host_frame f = { .buffer = malloc(HOST_ALIGN + headroom + len + host.room),
				.len = len };

	if (!f.buffer)
		abort();
	f.data = f.buffer + HOST_ALIGN + headroom;
	if (len)
		memcpy(f.data, data, len);
	return f;
}

static inline void host_free(struct host_frame *f)
{
	free(f->buffer);
}

/* Runs it: the action, and in *why the reason that was counted. WEIR_REASON_COUNT: not exactly
 * one was. */
static inline int host_run(struct host_frame *f, enum weir_reason *why)
{
	struct host_md ctx = { .data = (unsigned long)f->data,
			       .data_end = (unsigned long)(f->data + f->len),
			       .ingress_ifindex = HOST_IFINDEX,
			       .start = (unsigned long)f->buffer + HOST_ALIGN };
	uint64_t counted = 0;
	int action;

	memset(host.counts, 0, sizeof(host.counts));
	action = weir_xdp(&ctx);
	for (int i = 0; i < WEIR_REASON_COUNT; i++) {
		counted += host.counts[i].packets;
		if (host.counts[i].packets)
			*why = (enum weir_reason)i;
	}
	if (counted != 1)
		*why = WEIR_REASON_COUNT;
	f->data = (uint8_t *)ctx.data;
	f->len = ctx.data_end - ctx.data;
	return action;
}

/* Endpoints of every kind, and rows of every kind that name them. */
enum host_kind {
	HOST_NOBODY,
	HOST_V4,
	HOST_V6,
	HOST_L2,
	HOST_GUE4,
	HOST_GUE6,
	HOST_NAT4,
	HOST_NAT6,
	HOST_FULLNAT4,
	HOST_FULLNAT6,
	HOST_SMALL,  /* IPv4, by a way that takes little */
	HOST_FAR,    /* IPv4, by another interface */
	HOST_NO_HOP, /* no next hop */
	HOST_DEAD,
	HOST_KINDS,
};

#define HOST_VIP4      ((union weir_addr){ { [10] = 0xff, 0xff, 192, 0, 2, 1 } })
#define HOST_VIP6      ((union weir_addr){ { 0x20, 0x01, 0x0d, 0xb8, [15] = 1 } })
#define HOST_SOURCE4   ((union weir_addr){ { [10] = 0xff, 0xff, 10, 0, 0, 1 } })
#define HOST_SOURCE6   ((union weir_addr){ { 0x20, 0x01, 0x0d, 0xb8, [15] = 3 } })
#define HOST_NAT_ADDR4 ((union weir_addr){ { [10] = 0xff, 0xff, 10, 9, 8, 7 } })
#define HOST_NAT_ADDR6 ((union weir_addr){ { 0x20, 0x01, 0x0d, 0xb8, [15] = 2 } })

static inline struct weir_endpoint host_endpoint(enum host_kind kind)
{
	struct weir_endpoint e = { .hdr = { 6, 0, 0, 0, 0, (__u8)kind, 6 },
				   .hdr_len = 34,
				   .mtu = 65535 - 40,
				   .state = kind == HOST_DEAD ? 0 : WEIR_ENDPOINT_ALIVE,
				   .ifindex = kind == HOST_FAR ? 2 : kind != HOST_NO_HOP };

	e.hdr[12] = 0x08;
	e.hdr[14] = 0x45;
	if (kind == HOST_L2) {
		e.hdr_len = 14;
		e.mtu = 65535;
	}
	if (kind == HOST_SMALL)
		e.mtu = 600;
	if (kind == HOST_V6 || kind == HOST_GUE6) {
		e.hdr_len = 54;
		e.hdr[12] = 0x86;
		e.hdr[13] = 0xdd;
		e.hdr[14] = 0x60;
	}
	e.csum = e.hdr_len == 34 ? 0x45 : 0;
	if (kind >= HOST_NAT4 && kind <= HOST_FULLNAT6) {
		int v6 = kind == HOST_NAT6 || kind == HOST_FULLNAT6;
		union weir_addr to = v6 ? HOST_NAT_ADDR6 : HOST_NAT_ADDR4;

		e.hdr_len = kind >= HOST_FULLNAT4 ? 2 : 1;
		e.mtu = 65535;
		memcpy(e.hdr + WEIR_NAT_ADDR, &to, sizeof(to));
		e.hdr[WEIR_NAT_PORT] = 80;
	}
	if (kind == HOST_GUE4 || kind == HOST_GUE6)
		e.hdr_len += 8;
	return e;
}

static inline uint32_t host_service(union weir_addr vip, uint16_t port, uint8_t proto, uint16_t id)
{
	__be16 be = (__be16)(port >> 8 | port << 8);
	uint32_t at = weir_service_slot(&vip, be, proto);

	while (host.services[at].key.used)
		at = (at + 1) & (WEIR_SERVICE_SLOTS - 1);
	host.services[at] = (struct weir_service){
		.key = { vip, be, proto, WEIR_SLOT_USED, id, 0 },
		.table = { 0, HOST_ROWS - 1 },
	};
	if (proto == 6)
		host.services[at].key.flags = WEIR_SERVICE_WATCH;
	return at;
}

/* A service, and that replies from a translated endpoint's port 0x5000 are its own. */
static inline void host_nat_service(union weir_addr vip, uint16_t port, uint8_t proto, uint16_t id,
				    union weir_addr endpoint)
{
	uint32_t at = host_service(vip, port, proto, id);
	struct weir_service *r = &host.services[host_service(endpoint, 80 << 8, proto, 0)];

	r->key.used = WEIR_SLOT_REVERSE;
	r->table = (struct weir_table_ref){ at, id };
}

/* Makes a UDP service one of QUIC: server id k of a byte is endpoint k. */
static inline void host_quic(union weir_addr vip, uint16_t id)
{
	uint32_t owner = WEIR_ID_OWNER(id, 0, 1);
	struct weir_service *s = host.services;

	while (s->key.id != id || memcmp(&s->key.vip, &vip, sizeof(vip)))
		s++;
	s->key.flags = WEIR_SERVICE_QUIC;
	host.specials[id] = (struct weir_special){ .group = id, .id_bytes = 1 };
	for (uint32_t k = 1; k < HOST_KINDS; k++) {
		uint32_t at = weir_server_id_slot(owner, k);

		while (host.server_ids[at].owner)
			at = (at + 1) & (WEIR_SERVER_ID_SLOTS - 1);
		host.server_ids[at] = (struct weir_server_id){ k, owner, k };
	}
}

/* IPv6 services count their connections; endpoints of every second kind take a few. */
static inline void host_count(void)
{
	for (uint32_t i = 0; i < WEIR_SERVICE_SLOTS; i++)
		if (host.services[i].key.used == WEIR_SLOT_USED && host.services[i].key.id >= 3)
			host.services[i].key.flags |=
				WEIR_SERVICE_COUNTED | WEIR_SERVICE_RECORDED | WEIR_SERVICE_LEAST;
	for (uint32_t k = 1; k < HOST_KINDS; k++)
		host.conns[weir_conns_index(k)] =
			(struct weir_conns){ .limit = k & 1 ? 2 * k : 0, .weight = (__u16)k };
}

/* Services tell their clients apart: by the last byte of their address, and IPv6 ones in slices,
 * too. Ways name quarters of the rows. */
static inline void host_steer(void)
{
	for (uint32_t i = 0; i < HOST_CLASSES; i++)
		host.classes[0].of[i] = (__u16)i;
	for (uint32_t i = 0; i < HOST_CLASSES * WEIR_STEER_SLICES; i++) {
		uint32_t cur = i % 4, prev = i / 4 % 5, flags = i / 20 % 4;

		host.ways[i].cur = WEIR_WAY_TABLE(cur * WEIR_TABLE_MIN, 0) |
				   (flags & 1 ? WEIR_WAY_SESSIONS : 0);
		host.ways[i].prev = prev == 4 ? WEIR_WAY_REST
					      : WEIR_WAY_TABLE(prev * WEIR_TABLE_MIN, 0) |
							(flags & 2 ? WEIR_WAY_UDP_NEW : 0);
	}
	for (uint32_t i = 0; i < WEIR_SERVICE_SLOTS; i++) {
		struct weir_service_key *key = &host.services[i].key;

		if (key->used != WEIR_SLOT_USED || !key->proto)
			continue;
		key->flags |= WEIR_SERVICE_STEER;
		if (key->id == 1)
			key->flags |= WEIR_SERVICE_CLIENT | WEIR_SERVICE_STICKY;
		host.specials[key->id].group = key->id;
		host.specials[key->id].steer =
			(struct weir_steer_ref){ key->id >= 3 ? WEIR_STEER_SLICED : 0, 0 };
	}
}

static inline void host_row(uint32_t i, struct weir_row row, int rest)
{
	host.rows[i] = row;
	host.rest[i / WEIR_REST_ROWS].slot[i % WEIR_REST_ROWS] =
		rest && row.prev == WEIR_ROW_REST ? (__u16)row.cur : 0;
}

/* TCP and UDP port 443 of both VIPs, over one table. All rows are at rest with this endpoint;
 * HOST_KINDS: of every kind, at rest and not. */
static inline void host_world(enum host_kind all)
{
	memset(&host, 0, sizeof(host));
	host.jiffies = 1000000;
	host.nat_conf[0] =
		(struct weir_nat_conf){ 0x4000, 4, 1, 1, { 0 }, { HOST_SOURCE4, HOST_SOURCE6 } };
	for (uint32_t k = 1; k < HOST_KINDS; k++)
		host.endpoints[k] = host_endpoint((enum host_kind)k);
	for (uint32_t i = 0; i < HOST_ROWS; i++) {
		uint32_t prev = i / HOST_KINDS % (HOST_KINDS + 1);
		struct weir_row row = { i % HOST_KINDS, prev | (i & 64 ? WEIR_ROW_UDP_NEW : 0) };

		if (prev == HOST_KINDS)
			row.prev = WEIR_ROW_REST;
		if (all != HOST_KINDS)
			row = (struct weir_row){ all, WEIR_ROW_REST };
		host_row(i, row, i % 7 != 0); /* some as if their slot was large */
	}
	host_service(HOST_VIP4, 0, 0, 0);
	host_service(HOST_VIP6, 0, 0, 0);
	host_nat_service(HOST_VIP4, 443, 6, 1, HOST_NAT_ADDR4);
	host_nat_service(HOST_VIP4, 443, 17, 2, HOST_NAT_ADDR4);
	host_nat_service(HOST_VIP6, 443, 6, 3, HOST_NAT_ADDR6);
	host_nat_service(HOST_VIP6, 443, 17, 4, HOST_NAT_ADDR6);
	host_quic(HOST_VIP4, 2);
	host_quic(HOST_VIP6, 4);
	if (all != HOST_KINDS)
		return;
	host_count();
	host_steer();
}

#endif
