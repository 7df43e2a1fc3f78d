/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What has no ports of its own where addresses and local ports are translated: ICMP errors,
 * fragments; and addresses that look like ours. */
#include "ports_bed.h"

/* Built anew around what the other side would have quoted. */
static struct pkt about_other_side(struct pkt error, const struct pkt *other, const char *from,
				   const char *to)
{
	bool v6 = v6_of(&error);
	uint32_t at = v6 ? 62 : 42;
	union weir_addr src = pkt_addr(from), dst = pkt_addr(to);

	put_addr(error.data + 14, v6, false, &src);
	put_addr(error.data + 14, v6, true, &dst);
	error.data[14 + (v6 ? 7 : 8)]--;
	memcpy(error.data + at, other->data + 14, error.len - at);
	return sealed(error);
}

static void errors_are_translated_with_what_they_quote(void **state)
{
	static const uint32_t extra[] = { 8, 18, 20, 30 };

	(void)state;
	for (int i = 0; i < 4 * 4; i++) {
		int v6 = i & 1;
		uint8_t proto = protos[i >> 1 & 1];
		uint32_t quoted = (v6 ? 40u : 20u) + extra[i / 4];
		struct flow f = outside(v6, proto, 6), seen = sends(&f, PKT_SYN);
		struct flow f_back = back(&f), seen_back = back(&seen);
		struct pkt sent = pkt_new(&f, PKT_ACK), got = pkt_new(&seen, PKT_ACK);
		struct pkt told = pkt_new(&seen_back, PKT_ACK), heard = pkt_new(&f_back, PKT_ACK);
		struct pkt p;

		if (proto == IPPROTO_UDP && extra[i / 4] > 18)
			continue;
		/* From a router on the client's side: the endpoint knows our address alone. */
		p = error_about(&heard, router[v6], &f.dst, quoted);
		expect_packet(p, XDP_TX, WEIR_FORWARD_ICMP,
			      to_endpoint(about_other_side(p, &told, source[v6], endpoint[v6]),
					  slots[v6]));
		/* From a router on the endpoint's side: the client knows the VIP alone. */
		p = error_about(&got, i & 2 ? router[v6] : endpoint[v6], &seen.src, quoted);
		expect_packet(p, XDP_REDIRECT, WEIR_FORWARD_NAT_REPLY,
			      to_client(about_other_side(p, &sent, vip[v6], client[v6])));
	}
}

static void an_error_about_no_flow_takes_no_port(void **state)
{
	(void)state;
	for (int v6 = 0; v6 < 2; v6++) {
		struct flow f = outside(v6, IPPROTO_TCP, 0), f_back = back(&f);
		struct pkt heard = pkt_new(&f_back, PKT_ACK);

		expect_untouched(error_about(&heard, router[v6], &f.dst, 60), XDP_DROP,
				 WEIR_DROP_NO_FLOW);
	}
	assert_int_equal(entries(), 0);
}

/* Nor does it keep a flow's port. */
static void an_error_is_no_sign_of_life(void **state)
{
	struct flow f = outside(0, IPPROTO_UDP, 0), seen = sends(&f, 0), f_back = back(&f);
	struct pkt heard = pkt_new(&f_back, 0), got = pkt_new(&seen, 0);
	uint32_t was;

	(void)state;
	silence(&f, 20, 0);
	was = entry_of(&f)->seen;
	expect(error_about(&heard, router[0], &f.dst, 28), XDP_TX, WEIR_FORWARD_ICMP);
	expect(error_about(&got, router[0], &seen.src, 28), XDP_REDIRECT, WEIR_FORWARD_NAT_REPLY);
	assert_int_equal(entry_of(&f)->seen, was);
}

static void fragments_follow_their_first_both_ways(void **state)
{
	(void)state;
	for (int i = 0; i < 4; i++) {
		int v6 = i & 1;
		struct flow f = outside(v6, IPPROTO_UDP, 6), seen = sends(&f, 0);
		struct flow f_back = back(&f), seen_back = back(&seen);
		struct pkt whole = pkt_payload(pkt_new(i & 2 ? &seen_back : &f, 0), 300);
		struct pkt want = translated(whole, i & 2 ? &f_back : &seen);

		for (uint32_t from = 0; from < 318; from += 104) {
			struct pkt p = part(&whole, from, from + 104);
			struct pkt leaves = part(&want, from, from + 104);

			if (i & 2)
				expect_packet(p, XDP_REDIRECT, WEIR_FORWARD_NAT_REPLY,
					      to_client(leaves));
			else
				expect_packet(p, XDP_TX,
					      from ? WEIR_FORWARD_FRAGMENT : WEIR_FORWARD,
					      to_endpoint(leaves, slots[v6]));
		}
	}
}

/* Between two fragments its port became another client's. */
static void a_fragment_reaches_nobody_else(void **state)
{
	struct flow f = outside(0, IPPROTO_UDP, 0), other = outside(0, IPPROTO_UDP, 1), seen, in;
	struct pkt whole;

	(void)state;
	plane->nat->n_ports = 1;
	seen = sends(&f, 0);
	in = back(&seen);
	whole = pkt_payload(pkt_new(&in, 0), 300);
	expect(part(&whole, 0, 104), XDP_REDIRECT, WEIR_FORWARD_NAT_REPLY);
	silence(&f, WEIR_NAT_UDP_S, 2);
	sends(&other, 0);
	expect_untouched(part(&whole, 104, 208), XDP_PASS, WEIR_PASS_NOT_OURS);
}

static void no_mapped_address_is_taken_for_ours(void **state)
{
	struct flow f = outside(0, IPPROTO_TCP, 0), seen = sends(&f, PKT_SYN);
	struct flow in = flow_of(IPPROTO_TCP, "2001:db8::77", EPORT, "2001:db8::78", seen.sport);
	struct pkt p = pkt_new(&in, PKT_ACK);

	(void)state;
	memcpy(p.data + 14 + 8, seen.dst.b, 16);
	memcpy(p.data + 14 + 24, seen.src.b, 16);
	expect_untouched(sealed(p), XDP_PASS, WEIR_PASS_NOT_OURS);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup(name, setup)
	const struct CMUnitTest tests[] = {
		TEST(errors_are_translated_with_what_they_quote),
		TEST(an_error_about_no_flow_takes_no_port),
		TEST(an_error_is_no_sign_of_life),
		TEST(fragments_follow_their_first_both_ways),
		TEST(a_fragment_reaches_nobody_else),
		TEST(no_mapped_address_is_taken_for_ours),
	};

	return cmocka_run_group_tests(tests, nat_open, bed_close);
}
