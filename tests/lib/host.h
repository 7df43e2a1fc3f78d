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

#endif
