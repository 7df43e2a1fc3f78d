// SPDX-License-Identifier: GPL-2.0-or-later
/* harness.bpf.c - measures a packet program by BPF_PROG_TEST_RUN with `repeat`, which runs the same
 * buffer again and again: this program makes the buffer what it was (it takes off what the program
 * under test put in front and restores the Ethernet header), varies the flow, and tail-calls it. */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_endian.h>

#include "weir/abi.h"

#include "packet.h" /* copy() */

#include "harness.h"

/* Set by the benchmark before each run. */
struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} target SEC(".maps");

__u32 frame_len; /* of the frame as it shall come in */
__u32 growth;    /* what the target puts in front, 0 when it grows nothing */
__u32 undo;      /* the target does not grow it, but taking off shall cost what it costs */
__u32 flow_mask; /* number of flows - 1 */
__u32 twice;     /* 1: two packets of each flow, one after the other */
__u32 vip_base;  /* the first 24 bits of an IPv4 destination */
__u32 vip_mask;  /* number of VIPs - 1 */
__u32 vary;      /* enum vary */
__u8 eth[14];
__u16 hops; /* IPv4: time to live and protocol; IPv6: next header and hop limit */
__u32 counter;

/* One adjustment a run: for a target that grows nothing it grows in every other run. */
static __always_inline int put_back(struct xdp_md *ctx)
{
	int by = (int)growth;
	__u8 *data;

	if ((__u32)(ctx->data_end - ctx->data) <= frame_len)
		by = undo ? -by : 0;
	if (by && bpf_xdp_adjust_head(ctx, by))
		return -1;
	data = (void *)(long)ctx->data;
	if (data + 14 > (__u8 *)(long)ctx->data_end)
		return -1;
	__builtin_memcpy(data, eth, 14);
	return 0;
}

/* Who a packet is of: two addresses and the ports, wherever they are in it. All stores are whole
 * words, as wide as a program reads them: a read that a narrower store just before it has split
 * would wait for that store. back: it goes to the client. */
static __always_inline void put_v4(__u8 *client, __u8 *other, __u8 *ports, __u32 other_is,
				   __u32 other_port, __u32 n, int back)
{
	__u32 port = 1024 + (n & 0x3fff);

	*(__u32 *)client = bpf_htonl(0x64400000 | n);
	*(__u32 *)other = bpf_htonl(other_is);
	*(__u32 *)ports = bpf_htonl(back ? other_port << 16 | port : port << 16 | other_port);
}

static __always_inline void put_v6(__u8 *client, __u8 *vip, __u8 *ports, __u32 n, int back)
{
	__u32 port = 1024 + (n & 0x3fff);

	*(__u64 *)(client + 8) = bpf_cpu_to_be64(n);
	*(__u64 *)(vip + 8) = bpf_cpu_to_be64(1 + (n & vip_mask));
	*(__u32 *)ports = bpf_htonl(back ? 443 << 16 | port : port << 16 | 443);
}

static __always_inline __u32 vip_v4(__u32 n)
{
	return vip_base | (1 + (n & vip_mask));
}

/* An ICMP error quotes what an endpoint sent to the client; its own destination is the VIP, too. */
static __always_inline int vary_quoted(__u8 *data, __u8 *end, __u32 n)
{
	if (data + 106 > end)
		return -1;
	if (data[12] == 0x08) {
		put_v4(data + 58, data + 54, data + 62, vip_v4(n), 443, n, 1);
		*(__u32 *)(data + 30) = *(__u32 *)(data + 54);
	} else {
		put_v6(data + 86, data + 70, data + 102, n, 1);
		*(__u64 *)(data + 46) = *(__u64 *)(data + 78);
	}
	return 0;
}

static __always_inline void vary_reply(__u8 *data, __u32 n)
{
	__u32 endpoint = 0x0a000101 + ((1 + n % BENCH_VIPS) << 16) + n % BENCH_ENDPOINTS;

	put_v4(data + 30, data + 26, data + 34, endpoint, BENCH_ENDPOINT_PORT, n, 1);
}

static __always_inline int vary_flow(struct xdp_md *ctx)
{
	__u8 *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	__u32 n = counter++ >> twice & flow_mask;

	if (data + 58 > end)
		return -1;
	*(__u16 *)(data + (data[12] == 0x08 ? 22 : 20)) = hops;
	if (vary == VARY_QUOTED)
		return vary_quoted(data, end, n);
	if (vary == VARY_REPLY)
		vary_reply(data, n);
	else if (data[12] == 0x08)
		put_v4(data + 26, data + 30, data + 34, vip_v4(n), 443, n, 0);
	else
		put_v6(data + 22, data + 38, data + 54, n, 0);
	return 0;
}

SEC("xdp")
int harness(struct xdp_md *ctx)
{
	if (put_back(ctx) || vary_flow(ctx))
		return XDP_ABORTED;
	bpf_tail_call(ctx, &target, 0);
	return XDP_ABORTED;
}

/* The floor. */
SEC("xdp")
int only_tx(struct xdp_md *ctx)
{
	return XDP_TX;
}

/* The least possible encapsulation: a constant header in front, nothing looked at but the length.
 * The header itself does not matter, the bytes written do. */
static const __u8 header[56] __attribute__((aligned(8))) = { 2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2 };

SEC("xdp")
int least_v4(struct xdp_md *ctx)
{
	__u32 len = (__u32)(ctx->data_end - ctx->data) - 14 + 20;
	struct iphdr *ip;
	__u8 *data;
	__u32 sum;

	if (bpf_xdp_adjust_head(ctx, -20))
		return XDP_ABORTED;
	data = (void *)(long)ctx->data;
	if (data + 34 > (__u8 *)(long)ctx->data_end)
		return XDP_ABORTED;
	copy(data, header, 34);
	ip = (void *)(data + 14);
	ip->tot_len = bpf_htons((__u16)len);
	sum = 0x1234 + ip->tot_len;
	ip->check = (__u16) ~((sum & 0xffff) + (sum >> 16));
	return XDP_TX;
}

SEC("xdp")
int least_v6(struct xdp_md *ctx)
{
	__u32 len = (__u32)(ctx->data_end - ctx->data) - 14;
	struct ipv6hdr *ip;
	__u8 *data;

	if (bpf_xdp_adjust_head(ctx, -40))
		return XDP_ABORTED;
	data = (void *)(long)ctx->data;
	if (data + 54 > (__u8 *)(long)ctx->data_end)
		return XDP_ABORTED;
	copy(data, header, 54);
	ip = (void *)(data + 14);
	ip->payload_len = bpf_htons((__u16)len);
	return XDP_TX;
}

/* --- the least that a balancer can do --- */

/* Maps of the program under test, which the benchmark puts here. */
#define SHARED(name, of, n)                        \
	struct {                                   \
		__uint(type, BPF_MAP_TYPE_ARRAY);  \
		__uint(map_flags, BPF_F_MMAPABLE); \
		__uint(max_entries, n);            \
		__type(key, __u32);                \
		__type(value, struct of);          \
	} name SEC(".maps")
SHARED(weir_services, weir_service, WEIR_SERVICE_SLOTS);
SHARED(weir_rest, weir_rest, WEIR_DEFAULT_ROWS / WEIR_REST_ROWS);
SHARED(weir_endpoints, weir_endpoint, WEIR_MAX_ENDPOINTS);
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, WEIR_MAX_ENDPOINTS);
	__type(key, __u32);
	__type(value, struct weir_endpoint_stats);
} weir_endpoint_counts SEC(".maps");

#include "classify.h"
#include "hash.h"

/* TCP over IPv4 without options, for a VIP: where it goes by its row. 0: it is something else. */
static __always_inline __u32 least_choice(const __u8 *data)
{
	const struct iphdr *ip = (void *)(data + 14);
	struct packet p = { .proto = IPPROTO_TCP };
	const struct weir_service *s;
	const struct weir_rest *rest;
	__u32 row, line;

	if (*(const __u16 *)(data + 12) != bpf_htons(ETH_P_IP) || *(const __u8 *)ip != 0x45 ||
	    ip->frag_off & bpf_htons(0x3fff) || ip->protocol != IPPROTO_TCP)
		return 0;
	p.src.q[1] = (__u64)ip->saddr << 32 | bpf_htonl(0xffff);
	p.dst.q[1] = (__u64)ip->daddr << 32 | bpf_htonl(0xffff);
	copy(p.ports, ip + 1, 4);
	s = find_service(&p.dst, p.ports[1], IPPROTO_TCP);
	if (!s)
		return 0;
	row = s->table.base + ((__u32)hash_flow(&p) & s->table.mask);
	line = row / WEIR_REST_ROWS;
	rest = bpf_map_lookup_elem(&weir_rest, &line);
	return rest ? rest->slot[row % WEIR_REST_ROWS] : 0;
}

/* Finds the service of a packet, hashes its flow, looks up its row and its endpoint, puts that
 * one's header in front and counts: no more, and nothing that is not in every balancer. */
SEC("xdp")
int least_balancer(struct xdp_md *ctx)
{
	__u8 *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	__u32 len = (__u32)(end - data), slot, sum;
	const struct weir_endpoint *e;
	struct weir_endpoint_stats *n;
	struct iphdr *ip;

	if (data + 54 > end)
		return XDP_PASS;
	slot = least_choice(data);
	e = bpf_map_lookup_elem(&weir_endpoints, &slot);
	n = bpf_map_lookup_elem(&weir_endpoint_counts, &slot);
	if (!slot || !e || !n || bpf_xdp_adjust_head(ctx, -20))
		return XDP_PASS;
	data = (void *)(long)ctx->data;
	if (data + 34 > (__u8 *)(long)ctx->data_end)
		return XDP_ABORTED;
	copy(data, e->hdr, 34);
	ip = (void *)(data + 14);
	ip->protocol = IPPROTO_IPIP;
	ip->tot_len = bpf_htons((__u16)(len - 14 + 20));
	sum = e->csum + ip->tot_len;
	ip->check = (__u16) ~((sum & 0xffff) + (sum >> 16));
	n->packets++;
	n->bytes += len;
	return XDP_TX;
}

char LICENSE[] SEC("license") = "GPL";
