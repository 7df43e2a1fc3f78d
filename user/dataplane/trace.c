/* SPDX-License-Identifier: GPL-2.0-or-later */
/* trace.c - runs a packet of our own through the packet program, as a dry run over the live maps.
 */
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/tcp.h>
#include <linux/udp.h>
#include <net/if.h>
#include <netinet/in.h>
#include <string.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "base/log.h"
#include "dataplane/steer.h"
#include "weir.skel.h"

#define TTL    64
#define QUIC   48 /* bytes of a QUIC packet: its headers are within them, and none is shorter */
#define FRAME  (sizeof(struct ethhdr) + sizeof(struct ipv6hdr) + sizeof(struct udphdr) + QUIC)
#define GROWTH 256 /* more than any header that is put in front */

static int load_dry(struct weir_plane *p)
{
	int err;

	if (p->dry)
		return 0;
	p->dry = plane_skel_open(p, WEIR_SEEING_DRY);
	if (!p->dry)
		return -errno;
	err = weir_bpf__load(p->dry);
	if (!err)
		return 0;
	weir_error("trace: the kernel does not take the packet program as a dry run: %s",
		   strerror(-err));
	weir_bpf__destroy(p->dry);
	p->dry = NULL;
	return err;
}

/* --- the packet: headers alone; who checks their sums comes after the packet path --- */

/* With a short header (RFC 9000, section 17.3); nothing, if no connection id was given. */
static size_t put_quic(const struct weir_trace_query *q, uint8_t *at)
{
	if (!q->quic_id_bytes)
		return 0;
	memset(at, 0, QUIC);
	at[0] = 0x40;
	memcpy(at + 1, q->quic_id, q->quic_id_bytes);
	return QUIC;
}

static size_t put_transport(const struct weir_trace_query *q, uint8_t *at)
{
	struct tcphdr tcp = { .source = htons(q->src.port),
			      .dest = htons(q->dst.port),
			      .doff = sizeof(tcp) / 4,
			      .syn = q->syn,
			      .ack = !q->syn };
	struct udphdr udp = { .source = htons(q->src.port), .dest = htons(q->dst.port) };
	size_t len = sizeof(udp);

	if (q->proto == IPPROTO_TCP) {
		memcpy(at, &tcp, sizeof(tcp));
		return sizeof(tcp);
	}
	len += put_quic(q, at + len);
	udp.len = htons((uint16_t)len);
	memcpy(at, &udp, sizeof(udp));
	return len;
}

static size_t put_v4(const struct weir_trace_query *q, uint8_t *at)
{
	struct iphdr ip = { .version = 4, .ihl = 5, .ttl = TTL, .protocol = q->proto };
	size_t len = sizeof(ip) + put_transport(q, at + sizeof(ip));

	ip.tot_len = htons((uint16_t)len);
	memcpy(&ip.saddr, q->src.addr.b + 12, 4);
	memcpy(&ip.daddr, q->dst.addr.b + 12, 4);
	memcpy(at, &ip, sizeof(ip));
	return len;
}

static size_t put_v6(const struct weir_trace_query *q, uint8_t *at)
{
	struct ipv6hdr ip = { .version = 6, .hop_limit = TTL, .nexthdr = q->proto };
	size_t len = put_transport(q, at + sizeof(ip));

	ip.payload_len = htons((uint16_t)len);
	memcpy(&ip.saddr, q->src.addr.b, 16);
	memcpy(&ip.daddr, q->dst.addr.b, 16);
	memcpy(at, &ip, sizeof(ip));
	return sizeof(ip) + len;
}

static size_t put_frame(const struct weir_trace_query *q, uint8_t frame[FRAME])
{
	bool v4 = weir_addr_is_v4(&q->dst.addr);
	struct ethhdr eth = { .h_proto = htons(v4 ? ETH_P_IP : ETH_P_IPV6) };

	memcpy(frame, &eth, sizeof(eth));
	return sizeof(eth) + (v4 ? put_v4(q, frame + sizeof(eth)) : put_v6(q, frame + sizeof(eth)));
}

/* --- what became of it --- */

struct weir_plane_hop weir_plane_hop(const struct weir_plane *p, uint32_t slot)
{
	struct weir_plane_hop h = { .slot = slot };

	if (slot == WEIR_NO_ENDPOINT || slot >= p->slot_top || !p->ids[slot].used)
		return (struct weir_plane_hop){ 0 };
	h.addr = p->ids[slot].addr;
	h.port = p->ids[slot].port;
	h.mode = p->ids[slot].mode;
	h.alive = endpoint_is_alive(p, slot);
	h.wanted = p->slots[slot].wanted;
	if (p->endpoints[slot].ifindex)
		if_indextoname(p->endpoints[slot].ifindex, h.ifname);
	memcpy(h.mac, p->endpoints[slot].hdr, sizeof(h.mac));
	return h;
}

static bool leaves(const struct weir_plane_trace *t)
{
	return t->action == XDP_TX || t->action == XDP_REDIRECT;
}

/* Of what left: a frame like that of put_frame(). */
static void read_addresses(const uint8_t *frame, struct weir_plane_trace *out)
{
	const uint8_t *ip = frame + sizeof(struct ethhdr);
	bool v4 = ip[0] >> 4 == 4;
	const uint8_t *ports = ip + (v4 ? sizeof(struct iphdr) : sizeof(struct ipv6hdr));

	out->translated = true;
	out->src.addr = v4 ? weir_addr_v4(ip + 12) : weir_addr_v6(ip + 8);
	out->dst.addr = v4 ? weir_addr_v4(ip + 16) : weir_addr_v6(ip + 24);
	out->src.port = (uint16_t)(ports[0] << 8 | ports[1]);
	out->dst.port = (uint16_t)(ports[2] << 8 | ports[3]);
}

static void find_service_key(const struct weir_plane *p, uint32_t id, struct weir_service_key *out)
{
	for (uint32_t i = 0; i < p->n_services; i++) {
		const struct weir_service_key *key = &p->services[p->service[i].at].key;

		if (key->id == id)
			*out = *key;
	}
}

static struct weir_plane_way way(const struct weir_plane *p, const struct weir_trace *t)
{
	struct weir_plane_way w = {
		.location = location_future(p, t->location),
		.moving = t->location && t->location <= MOVES,
		.class = t->class,
		.slice = t->slice,
		.cur = weir_way_table(t->way_cur),
		.at_rest = t->way_prev == WEIR_WAY_REST,
		.sessions = t->way_cur & WEIR_WAY_SESSIONS,
	};

	if (!w.at_rest)
		w.prev = weir_way_table(t->way_prev);
	return w;
}

int weir_plane_trace(struct weir_plane *p, const struct weir_trace_query *q,
		     struct weir_plane_trace *out)
{
	uint8_t in[FRAME], left[FRAME + GROWTH];
	LIBBPF_OPTS(bpf_test_run_opts, run, .data_in = in,
		    .data_size_in = (uint32_t)put_frame(q, in), .data_out = left,
		    .data_size_out = sizeof(left));
	int err = load_dry(p);

	if (err)
		return err;
	memset(&p->dry->bss->weir_trace, 0, sizeof(p->dry->bss->weir_trace));
	err = bpf_prog_test_run_opts(bpf_program__fd(p->dry->progs.weir_xdp), &run);
	if (err) {
		weir_error("trace: the packet program does not run: %s", strerror(-err));
		return err;
	}
	*out = (struct weir_plane_trace){ .action = run.retval, .noted = p->dry->bss->weir_trace };
	if (out->noted.service_id)
		find_service_key(p, out->noted.service_id, &out->service);
	if (out->noted.steered)
		out->way = way(p, &out->noted);
	out->endpoint = weir_plane_hop(p, out->noted.endpoint);
	out->cur = weir_plane_hop(p, out->noted.cur);
	if (out->noted.service_id && out->noted.prev != WEIR_ROW_REST)
		out->prev = weir_plane_hop(p, out->noted.prev & WEIR_ROW_SLOT);
	out->record = weir_plane_hop(p, out->noted.record_slot);
	if (leaves(out) && (out->noted.reason == WEIR_FORWARD_NAT_REPLY ||
			    (out->endpoint.slot && weir_mode_is_nat(out->endpoint.mode))))
		read_addresses(left, out);
	return 0;
}
