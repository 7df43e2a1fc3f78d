/* SPDX-License-Identifier: GPL-2.0-or-later */
/* nat_bed.h - for tests of translated addresses: endpoints that get such packets, the way back to
 * clients, and who talks to whom in what leaves. Include it once. */
#ifndef WEIR_TESTS_DATAPLANE_NAT_BED_H
#define WEIR_TESTS_DATAPLANE_NAT_BED_H

#include "bed.h"

#include <bpf/bpf.h>

#include "dataplane/plane_impl.h"
#include "weir.skel.h"

#define MIN   WEIR_TABLE_MIN
#define EPORT 8080

/* Test runs come in at lo; clients are behind 10.1.0.16. */
static inline int make(void **state)
{
	return bed_make(state) || system("sysctl -qw net.ipv4.conf.all.forwarding=1 && "
					 "ip route add 198.51.100.0/24 via 10.1.0.16");
}

static inline void use_nat(struct bed *b, uint8_t mode, uint32_t service, uint32_t first,
			   uint32_t n)
{
	bed_serve(b, service, MIN, first, n);
	b->wish.service[service].reverses = 0;
	for (uint32_t e = first; e < first + n; e++) {
		b->wish.endpoint[e].nat = mode;
		b->wish.endpoint[e].port = EPORT;
		if (mode == WEIR_MODE_NAT)
			b->wish.service[service].reverses |= 1u << e;
	}
}

static inline uint32_t features(const struct bed *b)
{
	return b->plane->running->rodata->weir_features;
}

/* Runs a packet; what leaves, of no length when nothing does. */
static inline struct pkt leaves(const struct bed *b, const struct flow *f, uint8_t flags)
{
	struct pkt in = pkt_new(f, flags), out = { .len = 0 };
	LIBBPF_OPTS(bpf_test_run_opts, run, .data_in = in.data, .data_size_in = in.len,
		    .data_out = out.data, .data_size_out = sizeof(out.data));

	assert_int_equal(
		bpf_prog_test_run_opts(bpf_program__fd(b->plane->running->progs.weir_xdp), &run),
		0);
	if (run.retval == XDP_REDIRECT)
		out.len = run.data_size_out;
	return out;
}

static inline struct flow flow_in(const struct pkt *p)
{
	struct flow f = { .src = weir_addr_v4(p->data + 26),
			  .dst = weir_addr_v4(p->data + 30),
			  .sport = pkt_get16(p->data + 34),
			  .dport = pkt_get16(p->data + 36),
			  .proto = p->data[23] };

	return f;
}

static inline struct flow back(struct flow f)
{
	return (struct flow){ f.dst, f.src, f.dport, f.sport, f.proto };
}

static inline bool same_flow(const struct flow *a, const struct flow *b)
{
	return weir_addr_eq(&a->src, &b->src) && weir_addr_eq(&a->dst, &b->dst) &&
	       a->sport == b->sport && a->dport == b->dport && a->proto == b->proto;
}

/* Whether a reply from that endpoint to this flow goes back to its client, from the VIP. */
static inline bool replied(const struct bed *b, const struct flow *f, uint32_t endpoint)
{
	struct flow reply = { .src = bed_addr(endpoint),
			      .dst = f->src,
			      .sport = EPORT,
			      .dport = f->sport,
			      .proto = f->proto };
	struct pkt out = leaves(b, &reply, PKT_SYN | PKT_ACK);
	struct flow is = out.len ? flow_in(&out) : reply, want = back(*f);

	return out.len && same_flow(&is, &want) && out.data[5] == 15;
}

#endif
