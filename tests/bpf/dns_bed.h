/* SPDX-License-Identifier: GPL-2.0-or-later */
/* dns_bed.h - what tests of the programs that answer queries share: the two programs over the same
 * maps, the agent's addresses, and a check of a whole frame with its answer. */
#ifndef WEIR_TESTS_BPF_DNS_BED_H
#define WEIR_TESTS_BPF_DNS_BED_H

#include "bed.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/pkt_cls.h>

#include "../lib/dns.h"
#include "weir.skel.h"
#include "weir/dns_answer.h"

#define DNS4     "192.0.2.53"
#define DNS6     "2001:db8::53"
#define CLIENT4  "198.51.100.7"
#define CLIENT6  "2001:db8:c::7"
#define PASS_TC  ((uint32_t)TC_ACT_UNSPEC)
#define ROADS(f) f(0), f(1)

/* By which program, of what family. */
struct road {
	int tc, v6;
};
static const struct road dns_roads[] = { { 0, 0 }, { 0, 1 }, { 1, 0 }, { 1, 1 } };
#define EACH_ROAD(r) (const struct road *r = dns_roads; r < dns_roads + 4; r++)

static inline struct weir_dns_guard *dns_guard_conf(void)
{
	static struct weir_dns_guard g;

	return &g;
}

static inline void dns_set_guard(void)
{
	uint32_t key = 0;

	assert_false(bpf_map_update_elem(bpf_map__fd(plane->skel->maps.weir_dns_guard), &key,
					 dns_guard_conf(), 0));
}

static inline void dns_zone(const char *name)
{
	int fd = bpf_map__fd(plane->skel->maps.weir_dns_zones);
	uint32_t len, one = 1, labels = 0;
	uint64_t hash = 0;
	uint8_t wire[256];

	len = dns_name(name, wire);
	for (uint32_t i = len; i-- > 0;)
		hash = weir_dns_zone_hash(hash, wire[i]);
	hash = weir_dns_zone_key(hash);
	assert_false(bpf_map_update_elem(fd, &hash, &one, 0));
	for (uint32_t i = 0; wire[i]; i += wire[i] + 1u)
		labels++;
	if (labels > dns_guard_conf()->labels)
		dns_guard_conf()->labels = labels;
	dns_guard_conf()->zones = 1;
	dns_set_guard();
}

/* In the map that the agent has it in. */
static inline void dns_put(const struct dns_hot *h)
{
	int large = bpf_map__fd(plane->skel->maps.weir_dns_answers),
	    small = bpf_map__fd(plane->skel->maps.weir_dns_small);
	struct weir_hot_small s;

	if (weir_hot_shrink(&h->value, &s)) {
		assert_false(bpf_map_update_elem(small, &h->key, &s, 0));
		bpf_map_delete_elem(large, &h->key);
	} else {
		assert_false(bpf_map_update_elem(large, &h->key, &h->value, 0));
		bpf_map_delete_elem(small, &h->key);
	}
}

static inline void dns_take_out(const struct dns_hot *h)
{
	assert_true(!bpf_map_delete_elem(bpf_map__fd(plane->skel->maps.weir_dns_small), &h->key) ||
		    !bpf_map_delete_elem(bpf_map__fd(plane->skel->maps.weir_dns_answers), &h->key));
}

/* Four addresses of www.example.org, which the kernel answers with. */
static inline struct dns_hot dns_put_www(void)
{
	struct dns_hot h = dns_hot("www.example.org", DNS_A);

	dns_rotated(&h, 4);
	dns_put(&h);
	return h;
}

static inline void dns_clear(int fd, uint32_t key_size)
{
	uint8_t key[16];

	assert_true(key_size <= sizeof(key));
	while (!bpf_map_get_next_key(fd, NULL, key))
		assert_false(bpf_map_delete_elem(fd, key));
}

static inline int dns_open(void **state)
{
	uint32_t key = 0, fd;

	bed_open(state);
	fd = (uint32_t)bpf_program__fd(plane->skel->progs.weir_dns_xdp);
	return bpf_map_update_elem(bpf_map__fd(plane->skel->maps.weir_dns_program), &key, &fd, 0);
}

static inline int dns_reset(void **state)
{
	bed_reset(state);
	dns_clear(bpf_map__fd(plane->skel->maps.weir_dns_answers), 16);
	dns_clear(bpf_map__fd(plane->skel->maps.weir_dns_small), 16);
	dns_clear(bpf_map__fd(plane->skel->maps.weir_dns_zones), 8);
	*dns_guard_conf() = (struct weir_dns_guard){ 0 };
	dns_set_guard();
	plane_add_dns(plane, DNS4, 53);
	plane_add_dns(plane, DNS6, 53);
	return 0;
}

static inline void dns_set(struct weir_bpf *skel)
{
	skel->rodata->weir_tail_calls = 1;
}

static inline struct pkt dns_frame(const struct dns_msg *m, int v6)
{
	struct flow f = flow_of(IPPROTO_UDP, v6 ? CLIENT6 : CLIENT4, 5353, v6 ? DNS6 : DNS4, 53);

	return pkt_datagram(&f, m->b, m->len);
}

/* Runs one frame; the action of either program as one of XDP. */
static inline uint32_t dns_run(const struct pkt *in, struct pkt *out, int tc)
{
	static uint8_t data[65536];
	LIBBPF_OPTS(bpf_test_run_opts, run, .data_in = in->data, .data_size_in = in->len,
		    .data_out = data, .data_size_out = sizeof(data));

	if (!tc)
		return plane_run(plane, in, out);
	assert_false(bpf_prog_test_run_opts(bpf_program__fd(plane->skel->progs.weir_dns_tc), &run));
	assert_in_range(run.data_size_out, 14, PKT_MAX);
	out->len = run.data_size_out;
	memcpy(out->data, data, out->len);
	return run.retval == TC_ACT_REDIRECT ? XDP_TX
	       : run.retval == TC_ACT_SHOT   ? XDP_DROP
					     : XDP_PASS;
}

static inline void dns_counts(struct weir_count out[WEIR_DNS_REASON_COUNT])
{
	int cpus = libbpf_num_possible_cpus();
	struct weir_count per_cpu[256];

	assert_in_range(cpus, 1, 256);
	for (uint32_t why = 0; why < WEIR_DNS_REASON_COUNT; why++) {
		assert_false(bpf_map_lookup_elem(bpf_map__fd(plane->skel->maps.weir_dns_counts),
						 &why, per_cpu));
		out[why] = (struct weir_count){ 0 };
		for (int i = 0; i < cpus; i++) {
			out[why].packets += per_cpu[i].packets;
			out[why].bytes += per_cpu[i].bytes;
		}
	}
}

/* The reason that was counted since: one, once. */
static inline enum weir_dns_reason dns_counted(const struct weir_count *before)
{
	struct weir_count now[WEIR_DNS_REASON_COUNT];
	enum weir_dns_reason why = WEIR_DNS_REASON_COUNT;
	uint64_t sum = 0;

	dns_counts(now);
	for (uint32_t i = 0; i < WEIR_DNS_REASON_COUNT; i++) {
		sum += now[i].packets - before[i].packets;
		if (now[i].packets != before[i].packets)
			why = (enum weir_dns_reason)i;
	}
	assert_int_equal(sum, 1);
	return why;
}

/* A frame goes on as it came, or is dropped, for this reason. */
static inline void dns_ends(struct pkt in, int tc, enum weir_dns_reason why)
{
	struct weir_count before[WEIR_DNS_REASON_COUNT], packets[WEIR_REASON_COUNT];
	uint32_t action = why > WEIR_DNS_LAST_PASS ? XDP_DROP : XDP_PASS;
	struct pkt out;

	dns_counts(before);
	plane_counts(plane, packets);
	assert_int_equal(dns_run(&in, &out, tc), action);
	assert_int_equal(dns_counted(before), why);
	assert_int_equal(out.len, in.len);
	assert_memory_equal(out.data, in.data, in.len);
	if (!tc)
		assert_int_equal(counted(packets, in.len),
				 action == XDP_DROP ? WEIR_DROP_DNS : WEIR_PASS_DNS);
}

/* What a receiver adds up over addresses, header and datagram: 0 when it is right. */
static inline uint32_t dns_sum(const struct pkt *p, uint32_t ip, int v6)
{
	const uint8_t *udp = p->data + ip + (v6 ? 40 : 20);
	uint32_t len = pkt_get16(udp + 4), begun = len + IPPROTO_UDP;
	const uint8_t *a = p->data + ip + (v6 ? 8 : 12);

	for (uint32_t i = 0; i < (v6 ? 32u : 8u); i += 2)
		begun += pkt_get16(a + i);
	return pkt_checksum(udp, len, begun);
}

/* The frame that answers in: headers turned round, sums right, nothing behind the datagram. Returns
 * the message. */
static inline struct dns_msg dns_open_answer(const struct pkt *in, const struct pkt *out, int v6)
{
	uint32_t ip = 14, udp;
	const uint8_t *is = out->data, *was = in->data;
	struct dns_msg m;

	while (pkt_get16(was + ip - 2) == 0x8100)
		ip += 4;
	udp = ip + (v6 ? 40 : 20);
	m.len = out->len - udp - 8;
	assert_memory_equal(is, was + 6, 6);
	assert_memory_equal(is + 6, was, 6);
	assert_memory_equal(is + 12, was + 12, ip - 12);
	if (v6) {
		static const uint8_t start[4] = { 0x60 };

		assert_memory_equal(is + ip, start, 4);
		assert_int_equal(pkt_get16(is + ip + 4), m.len + 8);
		assert_int_equal(is[ip + 6] << 8 | is[ip + 7], IPPROTO_UDP << 8 | 64);
		assert_memory_equal(is + ip + 8, was + ip + 24, 16);
		assert_memory_equal(is + ip + 24, was + ip + 8, 16);
	} else {
		assert_int_equal(pkt_get16(is + ip), 0x4500);
		assert_int_equal(pkt_get16(is + ip + 2), m.len + 28);
		assert_int_equal(pkt_get16(is + ip + 6), 0x4000); /* not to be fragmented */
		assert_int_equal(is[ip + 8] << 8 | is[ip + 9], 64 << 8 | IPPROTO_UDP);
		assert_int_equal(pkt_checksum(is + ip, 20, 0), 0);
		assert_memory_equal(is + ip + 12, was + ip + 16, 4);
		assert_memory_equal(is + ip + 16, was + ip + 12, 4);
	}
	assert_memory_equal(is + udp, was + udp + 2, 2);
	assert_memory_equal(is + udp + 2, was + udp, 2);
	assert_int_equal(pkt_get16(is + udp + 4), m.len + 8);
	assert_int_not_equal(pkt_get16(is + udp + 6), 0);
	assert_int_equal(dns_sum(out, ip, v6), 0);
	memcpy(m.b, is + udp + 8, m.len);
	return m;
}

/* It is answered, and counted for this reason with the bytes of the query. */
static inline struct dns_msg dns_replied(struct pkt in, const struct road *r,
					 enum weir_dns_reason why)
{
	struct weir_count before[WEIR_DNS_REASON_COUNT], packets[WEIR_REASON_COUNT];
	struct pkt out;

	dns_counts(before);
	plane_counts(plane, packets);
	assert_int_equal(dns_run(&in, &out, r->tc), XDP_TX);
	assert_int_equal(dns_counted(before), why);
	if (!r->tc)
		assert_int_equal(counted(packets, in.len), WEIR_REPLY_DNS);
	return dns_open_answer(&in, &out, r->v6);
}

static inline struct dns_msg dns_answered(struct pkt in, const struct road *r)
{
	return dns_replied(in, r, r->tc ? WEIR_DNS_ANSWER_TC : WEIR_DNS_ANSWER_XDP);
}

/* The choice of h that m answers the query with. */
static inline uint32_t dns_chosen(const struct dns_msg *m, const struct dns_msg *query,
				  const struct dns_hot *h)
{
	for (uint32_t i = 0; i < h->value.n; i++) {
		struct dns_msg want = dns_answer(query, h, i);

		if (m->len == want.len && !memcmp(m->b, want.b, m->len))
			return i;
	}
	fail_msg("an answer that is none of the %u choices", h->value.n);
	return 0;
}

/* Asked by every road it is answered with one of h. */
static inline void dns_answers(const struct dns_msg *query, const struct dns_hot *h)
{
	for
		EACH_ROAD(r)
		{
			struct dns_msg m = dns_answered(dns_frame(query, r->v6), r);

			dns_chosen(&m, query, h);
		}
}

/* Asked by every road it ends for this reason. */
static inline void dns_all_end(const struct dns_msg *query, enum weir_dns_reason why)
{
	for
		EACH_ROAD(r)
	dns_ends(dns_frame(query, r->v6), r->tc, why);
}

#endif
