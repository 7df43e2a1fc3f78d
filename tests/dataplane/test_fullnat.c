/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Translated sources: local addresses and ports, through changes and agents that come and go; and
 * what traces say of all that is translated. */
#include "nat_bed.h"

#include <stdio.h>
#include <unistd.h>

static const char client[] = "198.51.100.1"; /* bed_flow() comes from there */
static const char source[] = "10.1.255.254";

static bool is_pinned(const struct bed *b, const char *name)
{
	char path[160];

	snprintf(path, sizeof(path), "%s/v%d/%s", b->pins, WEIR_ABI, name);
	return !access(path, F_OK);
}

static void use_sources(struct bed *b, const union weir_addr *a, uint32_t n)
{
	b->wish.nat = (struct weir_nat_sources){
		.addrs = a, .n = n, .first_port = 2000, .last_port = 2999
	};
}

static void sources_and_ports_are_as_configured_those_of_ipv4_first(void **state)
{
	struct bed *b = *state;
	const union weir_addr a[3] = { pkt_addr("fd01::ff"), pkt_addr(source),
				       pkt_addr("10.1.255.253") };

	use_sources(b, a, 3);
	use_nat(b, WEIR_MODE_NAT, 0, 0, 2);
	bed_sync(b);
	assert_int_equal(b->nat_conf->n_ports, 0); /* nobody needs them */
	use_nat(b, WEIR_MODE_FULLNAT, 0, 0, 2);
	bed_sync(b);
	assert_int_equal(features(b), WEIR_FEATURE_NAT | WEIR_FEATURE_FULLNAT);
	assert_int_equal(b->nat_conf->first_port, 2000);
	assert_int_equal(b->nat_conf->n_ports, 1000);
	assert_int_equal(b->nat_conf->n_v4, 2);
	assert_int_equal(b->nat_conf->n_v6, 1);
	assert_memory_equal(&b->nat_conf->source[0], &a[1], sizeof(*a));
	assert_memory_equal(&b->nat_conf->source[1], &a[2], sizeof(*a));
	assert_memory_equal(&b->nat_conf->source[2], &a[0], sizeof(*a));
	use_sources(b, a + 1, 1);
	bed_sync(b);
	assert_int_equal(b->nat_conf->n_v4, 1);
	assert_int_equal(b->nat_conf->n_v6, 0);
}

/* The flow as its endpoint sees it. */
static struct flow lent(const struct bed *b, const struct flow *f, uint8_t flags)
{
	struct pkt out = leaves(b, f, flags);

	assert_int_not_equal(out.len, 0);
	return flow_in(&out);
}

static void gets_back(const struct bed *b, const struct flow *lent, const struct flow *f)
{
	struct flow reply = back(*lent), want = back(*f), is;
	struct pkt out = leaves(b, &reply, PKT_ACK);

	assert_int_not_equal(out.len, 0);
	is = flow_in(&out);
	assert_true(same_flow(&is, &want));
}

static void local_ports_outlive_the_agent(void **state)
{
	struct bed *b = *state;
	const union weir_addr a = pkt_addr(source);
	struct flow f = bed_flow(0, 3), is, again;

	assert_false(is_pinned(b, "weir_nat_flows"));
	use_sources(b, &a, 1);
	use_nat(b, WEIR_MODE_FULLNAT, 0, 0, 2);
	bed_sync(b);
	assert_true(is_pinned(b, "weir_nat_flows"));
	is = lent(b, &f, PKT_SYN);
	assert_true(weir_addr_eq(&is.src, &a));
	assert_in_range(is.sport, 2000, 2999);
	assert_int_equal(is.dport, EPORT);
	gets_back(b, &is, &f);
	bed_leave(b);
	bed_return(b);
	assert_int_equal(features(b), WEIR_FEATURE_FULLNAT);
	gets_back(b, &is, &f);
	bed_sync(b);
	again = lent(b, &f, PKT_ACK);
	assert_true(same_flow(&again, &is));
	gets_back(b, &is, &f);
}

static void local_ports_outlive_an_exchange_of_programs(void **state)
{
	struct bed *b = *state;
	const union weir_addr a = pkt_addr(source);
	struct flow f = bed_flow(0, 3), one = bed_flow(1, 3), is;

	use_sources(b, &a, 1);
	use_nat(b, WEIR_MODE_FULLNAT, 0, 0, 2);
	bed_sync(b);
	is = lent(b, &f, PKT_SYN);
	use_nat(b, WEIR_MODE_NAT, 1, 4, 2);
	bed_sync(b);
	assert_int_equal(features(b), WEIR_FEATURE_NAT | WEIR_FEATURE_FULLNAT);
	gets_back(b, &is, &f);
	assert_true(replied(b, &one, 4));
	use_nat(b, WEIR_MODE_FULLNAT, 1, 4, 2);
	bed_sync(b);
	bed_pass(b, DRAIN_MS);
	bed_pass(b, 1000);
	assert_int_equal(features(b), WEIR_FEATURE_FULLNAT);
	gets_back(b, &is, &f);
}

static void local_ports_are_forgotten_with_the_last_endpoint(void **state)
{
	struct bed *b = *state;
	const union weir_addr a = pkt_addr(source);
	struct flow f = bed_flow(0, 3), is;

	use_sources(b, &a, 1);
	use_nat(b, WEIR_MODE_FULLNAT, 0, 0, 2);
	bed_sync(b);
	is = lent(b, &f, PKT_SYN);
	bed_serve(b, 0, MIN, 4, 2);
	b->wish.endpoint[0].there = b->wish.endpoint[1].there = false;
	bed_sync(b);
	bed_pass(b, 1000);
	gets_back(b, &is, &f);
	bed_silence(b);
	bed_pass(b, DRAIN_MS);
	bed_pass(b, 1000);
	assert_int_equal(features(b), 0);
	assert_false(is_pinned(b, "weir_nat_flows"));
	/* An agent that died before it came to that. */
	use_nat(b, WEIR_MODE_FULLNAT, 0, 0, 2);
	bed_sync(b);
	assert_true(is_pinned(b, "weir_nat_flows"));
	for (uint32_t s = 1; s < 64; s++)
		b->ids[s].used = 0;
	bed_leave(b);
	bed_return(b);
	assert_int_equal(features(b), 0);
	assert_false(is_pinned(b, "weir_nat_flows"));
}

static void traces_know_what_programs_know(void **state)
{
	struct bed *b = *state;
	const union weir_addr a = pkt_addr(source);
	struct weir_trace_query q = { .src = { pkt_addr(client), 4000 },
				      .dst = { pkt_addr("192.0.2.1"), 443 },
				      .proto = IPPROTO_TCP,
				      .syn = true };
	struct flow f = { q.src.addr, q.dst.addr, q.src.port, q.dst.port, q.proto }, is;
	struct weir_plane_trace t;

	bed_serve(b, 0, MIN, 4, 1);
	bed_sync(b);
	assert_int_equal(weir_plane_trace(b->plane, &q, &t), 0);
	assert_int_equal(t.endpoint.port, 0);
	assert_false(t.translated);
	use_sources(b, &a, 0);
	use_nat(b, WEIR_MODE_FULLNAT, 0, 0, 1);
	bed_sync(b);
	assert_int_equal(weir_plane_trace(b->plane, &q, &t), 0);
	assert_int_equal(t.noted.reason, WEIR_DROP_NO_PORT);
	assert_false(t.translated);
	use_sources(b, &a, 1);
	bed_sync(b);
	for (int i = 0; i < 2; i++) { /* it takes none */
		assert_int_equal(weir_plane_trace(b->plane, &q, &t), 0);
		assert_int_equal(t.action, XDP_REDIRECT);
		assert_int_equal(t.noted.reason, WEIR_FORWARD);
		assert_int_equal(t.endpoint.mode, WEIR_MODE_FULLNAT);
		assert_int_equal(t.endpoint.port, htons(EPORT));
		assert_true(t.translated);
	}
	is = lent(b, &f, PKT_SYN);
	assert_true(weir_addr_eq(&t.src.addr, &is.src) && t.src.port == is.sport);
	assert_true(weir_addr_eq(&t.dst.addr, &is.dst) && t.dst.port == EPORT);
	q.src = t.dst;
	q.dst = t.src;
	q.syn = false;
	assert_int_equal(weir_plane_trace(b->plane, &q, &t), 0);
	assert_int_equal(t.noted.reason, WEIR_FORWARD_NAT_REPLY);
	assert_true(t.translated && weir_addr_eq(&t.dst.addr, &f.src) && t.dst.port == f.sport);
	assert_true(weir_addr_eq(&t.src.addr, &f.dst) && t.src.port == f.dport);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		BED_TEST(sources_and_ports_are_as_configured_those_of_ipv4_first),
		BED_TEST(local_ports_outlive_the_agent),
		BED_TEST(local_ports_outlive_an_exchange_of_programs),
		BED_TEST(local_ports_are_forgotten_with_the_last_endpoint),
		BED_TEST(traces_know_what_programs_know),
	};

	return cmocka_run_group_tests(tests, make, bed_remove);
}
