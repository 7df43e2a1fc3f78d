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

#define HOST_ROWS      4096
#define HOST_ENDPOINTS 64
#define HOST_IFINDEX   1

/* struct xdp_md with real pointers, and what is known about its buffer. */
struct host_md {
	unsigned long data, data_end;
	uint32_t ingress_ifindex;
	unsigned long start; /* of the headroom */
};

static struct host_maps {
	struct weir_service services[WEIR_SERVICE_SLOTS];
	struct weir_row rows[HOST_ROWS];
	struct weir_flow_bucket flows[WEIR_FLOW_BUCKETS];
	struct weir_special specials[WEIR_MAX_SERVICES];
	struct weir_endpoint endpoints[HOST_ENDPOINTS];
	struct weir_endpoint_stats stats[HOST_ENDPOINTS];
	struct weir_count counts[WEIR_REASON_COUNT];
	struct weir_rate_bucket rates[WEIR_RATE_BUCKETS];
	uint64_t icmp_budget[1][2];
	struct weir_nat_conf nat_conf[1];
	struct weir_nat_bucket nat_flows[WEIR_NAT_BUCKETS];
	uint32_t nat_locks[WEIR_NAT_LOCKS];
	uint64_t odd_packet[1][64], nat_work[1][64]; /* room for what only the program knows */
	struct weir_flow_bucket fragments[WEIR_FRAGMENT_BUCKETS];
	uint64_t jiffies;
} host;

/* The maps as the program names them; it calls this through the macro below. */
static void *host_lookup(const char *map, const void *at)
{
	const uint32_t *key = at;

#define HOST_MAP(name, array)        \
	if (!strcmp(map, "&" #name)) \
	return *key < sizeof(array) / sizeof(*(array)) ? (void *)&(array)[*key] : NULL
	HOST_MAP(weir_services, host.services);
	HOST_MAP(weir_rows, host.rows);
	HOST_MAP(weir_flows, host.flows);
	HOST_MAP(weir_specials, host.specials);
	HOST_MAP(weir_endpoints, host.endpoints);
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
#undef HOST_MAP
	if (!strcmp(map, "&weir_devices"))
		return *key <= HOST_IFINDEX + 1 ? (void *)key : NULL;
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

	if (delta > 0 || to < ctx->data + 14)
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

/* For the filter in the same file, which does not run here. */
static inline long host_load_bytes(const void *skb, uint32_t off, void *to, uint32_t len)
{
	(void)skb, (void)off, (void)to, (void)len;
	return -1;
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
#define bpf_ktime_get_ns()                                 0
#define bpf_get_prandom_u32()                              0
#include "../../bpf/weir.bpf.c"
_Static_assert(sizeof(struct packet) <= sizeof(host.odd_packet), "weir_odd_packet");
_Static_assert(sizeof(struct nat_work) <= sizeof(host.nat_work), "weir_nat_work");
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
#undef bpf_get_prandom_u32
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
	struct host_frame f = { .buffer = malloc(HOST_ALIGN + headroom + len), .len = len };

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

		host.rows[i] =
			(struct weir_row){ i % HOST_KINDS, prev | (i & 64 ? WEIR_ROW_UDP_NEW : 0) };
		if (prev == HOST_KINDS)
			host.rows[i].prev = WEIR_ROW_REST;
		if (all != HOST_KINDS)
			host.rows[i] = (struct weir_row){ all, WEIR_ROW_REST };
	}
	host_service(HOST_VIP4, 0, 0, 0);
	host_service(HOST_VIP6, 0, 0, 0);
	host_nat_service(HOST_VIP4, 443, 6, 1, HOST_NAT_ADDR4);
	host_nat_service(HOST_VIP4, 443, 17, 2, HOST_NAT_ADDR4);
	host_nat_service(HOST_VIP6, 443, 6, 3, HOST_NAT_ADDR6);
	host_nat_service(HOST_VIP6, 443, 17, 4, HOST_NAT_ADDR6);
}

#endif
