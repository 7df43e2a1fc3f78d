/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Addresses and ports rewritten towards endpoints and back, byte by byte, every checksum against
 * one over all bytes. */
#include <stdbool.h>
#include <sys/utsname.h>

#include "nat_bed.h"

#define OTHERS 200000 /* random packets */

static struct plane_service services[2][2]; /* by family, UDP */
static uint32_t slots[2];
static uint64_t seed = 7;

static uint32_t roll(uint32_t n)
{
	seed = seed * 6364136223846793005ull + 1442695040888963407ull;
	return (uint32_t)(seed >> 33) % n;
}

static int setup(void **state)
{
	bed_reset(state);
	for (int v6 = 0; v6 < 2; v6++) {
		slots[v6] = plane_add_nat(plane, WEIR_MODE_NAT, endpoint[v6], EPORT, LO);
		for (int udp = 0; udp < 2; udp++) {
			uint8_t proto = udp ? IPPROTO_UDP : IPPROTO_TCP;

			services[v6][udp] = plane_add_service(plane, vip[v6], proto, VPORT, 4096);
			plane_set_rows(plane, &services[v6][udp], slots[v6], REST);
			plane_add_reverse(plane, endpoint[v6], EPORT, proto, vip[v6], VPORT);
		}
	}
	return 0;
}

/* A flow as its client has it, and as its endpoint. */
static struct flow outside(int v6, uint8_t proto)
{
	return flow_of(proto, client[v6], CPORT, vip[v6], VPORT);
}

static struct flow inside(int v6, uint8_t proto)
{
	return flow_of(proto, client[v6], CPORT, endpoint[v6], EPORT);
}

static void both_ways_addresses_ports_and_checksums_are_right(void **state)
{
	(void)state;
	for (int i = 0; i < 4; i++) {
		int v6 = i & 1;
		struct flow out = outside(v6, protos[i / 2]), in = inside(v6, protos[i / 2]);
		struct flow out_back = back(&out), in_back = back(&in);
		struct pkt to = pkt_new(&out, PKT_SYN), from = pkt_new(&in_back, PKT_ACK);

		expect_packet(to, XDP_TX, WEIR_FORWARD,
			      to_endpoint(translated(to, &in), slots[v6]));
		expect_packet(from, XDP_REDIRECT, WEIR_FORWARD_NAT_REPLY,
			      to_client(translated(from, &out_back)));
	}
}

/* Nothing of these but addresses, ports, hop count and checksums may change. */
static void random_packets_are_what_a_full_computation_makes_of_them(void **state)
{
	(void)state;
	for (uint32_t n = 0; n < OTHERS; n++) {
		int v6 = (int)roll(2);
		struct flow out = outside(v6, protos[roll(2)]), in, in_back, out_back;
		struct pkt p;
		uint32_t at;

		for (int b = 12; b < 16; b++)
			out.src.b[b] = (uint8_t)roll(256);
		memcpy(out.src.b, pkt_addr(client[v6]).b, v6 ? 6 : 15);
		out.sport = (uint16_t)roll(65536);
		in = out;
		in.dst = pkt_addr(endpoint[v6]);
		in.dport = EPORT;
		out_back = back(&out);
		in_back = back(&in);
		p = pkt_new(n & 1 ? &out : &in_back, PKT_ACK);
		at = upper_at(&p);
		for (uint32_t i = at + 8; i < p.len; i++)
			if (i != at + 16 && i != at + 17)
				p.data[i] = (uint8_t)(roll(8) ? roll(256) : 0xff * roll(2));
		p.data[pkt_ip_at(&p) + (v6 ? 7 : 8)] = (uint8_t)(2 + roll(254));
		if (out.proto == IPPROTO_UDP && !roll(8))
			pkt_put16(p.data + at + 6, 0);
		else
			p = sealed(p);
		if (out.proto == IPPROTO_UDP && !pkt_get16(p.data + at + 6))
			p = pkt_byte(pkt_byte(sealed(p), at + 6, 0), at + 7, 0);
		if (n & 1)
			expect_packet(p, XDP_TX, WEIR_FORWARD,
				      to_endpoint(translated(p, &in), slots[v6]));
		else
			expect_packet(p, XDP_REDIRECT, WEIR_FORWARD_NAT_REPLY,
				      to_client(translated(p, &out_back)));
	}
}

/* What is about whom of an ICMP error, as a translation leaves it: built anew around what the other
 * side would have quoted. */
static struct pkt about_other_side(struct pkt error, const struct pkt *other, const char *from,
				   const char *to)
{
	bool v6 = v6_of(&error);
	uint32_t at = v6 ? 62 : 42;
	union weir_addr src = pkt_addr(from), dst = pkt_addr(to);
	uint8_t *ip = error.data + 14, *quoted = error.data + at;

	put_addr(ip, v6, false, &src);
	put_addr(ip, v6, true, &dst);
	ip[v6 ? 7 : 8]--;
	memcpy(quoted, other->data + 14, error.len - at);
	return sealed(error);
}

/* 28 and 48 quoted bytes are what RFC 792 asks for: no TCP checksum is in them. */
static void errors_are_translated_with_what_they_quote(void **state)
{
	static const uint32_t extra[] = { 8, 16, 18, 20, 30 };

	(void)state;
	for (int i = 0; i < 4 * 5; i++) {
		int v6 = i & 1;
		uint8_t proto = protos[i >> 1 & 1];
		uint32_t quoted = (v6 ? 40u : 20u) + extra[i / 4];
		struct flow out = outside(v6, proto), in = inside(v6, proto);
		struct flow out_back = back(&out), in_back = back(&in);
		struct pkt sent = pkt_new(&out, PKT_ACK), got = pkt_new(&in, PKT_ACK);
		struct pkt answer = pkt_new(&in_back, PKT_ACK), seen = pkt_new(&out_back, PKT_ACK);
		struct pkt p;

		if (proto == IPPROTO_UDP && extra[i / 4] > 18)
			continue;
		/* A router on the client's side, about an answer; it stays who it is. */
		p = error_about(&seen, router[v6], &out.dst, quoted);
		expect_packet(p, XDP_TX, WEIR_FORWARD_ICMP,
			      to_endpoint(about_other_side(p, &answer, router[v6], endpoint[v6]),
					  slots[v6]));
		/* A router on the endpoint's side, or the endpoint; the client knows the VIP alone.
		 */
		p = error_about(&got, i & 2 ? router[v6] : endpoint[v6], &out.src, quoted);
		expect_packet(p, XDP_REDIRECT, WEIR_FORWARD_NAT_REPLY,
			      to_client(about_other_side(p, &sent, vip[v6], client[v6])));
	}
}

/* Quoted by a router in front of which a network card had still to make the checksum: what was
 * wrong before stays wrong, and the message itself is right. */
static void what_an_error_quotes_need_not_be_right(void **state)
{
	(void)state;
	for (int v6 = 0; v6 < 2; v6++) {
		struct flow out = outside(v6, IPPROTO_UDP), in = inside(v6, IPPROTO_UDP);
		struct pkt got = pkt_new(&in, 0), p, leaves;

		got.data[upper_at(&got) + 6] ^= 0x5a;
		p = error_about(&got, router[v6], &out.src, v6 ? 48 : 28);
		leaves = expect(p, XDP_REDIRECT, WEIR_FORWARD_NAT_REPLY);
		p = sealed(leaves);
		same(&leaves, &p);
	}
}

static void an_error_that_quotes_less_than_the_ports_reaches_nobody(void **state)
{
	(void)state;
	for (int v6 = 0; v6 < 2; v6++) {
		struct flow out = outside(v6, IPPROTO_TCP), out_back = back(&out);
		struct pkt seen = pkt_new(&out_back, PKT_ACK), p;
		uint32_t at = v6 ? 62 : 42, header = v6 ? 40 : 20;

		p = error_about(&seen, router[v6], &out.dst, header + 8);
		for (uint32_t n = 4; n < 8; n++) {
			struct pkt cut = pkt_cut(p, at + header + n);

			expect_untouched(cut, XDP_DROP, WEIR_DROP_TRUNCATED);
			/* The frame holds them, but they are padding. */
			cut = pkt_pad(sealed(cut), p.len);
			expect_untouched(cut, XDP_DROP, WEIR_DROP_TRUNCATED);
		}
	}
}

static void fragments_follow_their_first_both_ways(void **state)
{
	(void)state;
	for (int i = 0; i < 4; i++) {
		int v6 = i & 1;
		struct flow out = outside(v6, IPPROTO_UDP), in = inside(v6, IPPROTO_UDP);
		struct flow out_back = back(&out), in_back = back(&in);
		struct pkt whole = pkt_payload(pkt_new(i & 2 ? &in_back : &out, 0), 300);
		struct pkt want = translated(whole, i & 2 ? &out_back : &in);

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

/* It may be anybody's. */
static void a_fragment_from_an_endpoint_whose_first_was_not_seen_is_left_alone(void **state)
{
	(void)state;
	for (int v6 = 0; v6 < 2; v6++) {
		struct flow in = inside(v6, IPPROTO_UDP), f = back(&in);
		struct pkt whole;

		f.dst.b[15] ^= 1; /* no other test writes to it */
		whole = pkt_payload(pkt_new(&f, 0), 300);
		expect_untouched(part(&whole, 104, 208), XDP_PASS, WEIR_PASS_NOT_OURS);
	}
}

static void tags_and_headers_in_between_stay(void **state)
{
	struct flow out = outside(0, IPPROTO_TCP), in = inside(0, IPPROTO_TCP);
	struct flow out6 = outside(1, IPPROTO_UDP), in6 = inside(1, IPPROTO_UDP);
	struct flow in_back = back(&in), out_back = back(&out);
	struct flow in6_back = back(&in6), out6_back = back(&out6);
	struct pkt p, want;

	(void)state;
	p = pkt_vlan(pkt_new(&out, PKT_ACK), 7);
	expect_packet(p, XDP_TX, WEIR_FORWARD, to_endpoint(translated(p, &in), slots[0]));
	p = pkt_options(pkt_new(&in_back, PKT_ACK), 12);
	expect_packet(p, XDP_REDIRECT, WEIR_FORWARD_NAT_REPLY, to_client(translated(p, &out_back)));
	want = translated(pkt_new(&out6, 0), &in6);
	p = pkt_extension(pkt_extension(pkt_new(&out6, 0), 60), 0);
	expect_packet(p, XDP_TX, WEIR_FORWARD,
		      to_endpoint(pkt_extension(pkt_extension(want, 60), 0), slots[1]));
	want = translated(pkt_new(&in6_back, 0), &out6_back);
	p = pkt_vlan(pkt_vlan(pkt_extension(pkt_new(&in6_back, 0), 60), 7), 8);
	expect_packet(p, XDP_REDIRECT, WEIR_FORWARD_NAT_REPLY,
		      to_client(pkt_vlan(pkt_vlan(pkt_extension(want, 60), 7), 8)));
}

static void an_endpoint_without_a_port_has_its_listeners(void **state)
{
	(void)state;
	for (int v6 = 0; v6 < 2; v6++) {
		struct flow out = outside(v6, IPPROTO_TCP), in = inside(v6, IPPROTO_TCP);
		uint32_t slot = plane_add_nat(plane, WEIR_MODE_NAT, endpoint[v6], 0, LO);
		struct pkt p = pkt_new(&out, PKT_ACK);

		in.dport = VPORT;
		plane_set_rows(plane, &services[v6][0], slot, REST);
		expect_packet(p, XDP_TX, WEIR_FORWARD, to_endpoint(translated(p, &in), slot));
	}
}

static void time_to_live_ends_here(void **state)
{
	(void)state;
	for (int v6 = 0; v6 < 2; v6++) {
		for (int ttl = 0; ttl < 2; ttl++) {
			struct flow out = outside(v6, IPPROTO_TCP), in = inside(v6, IPPROTO_TCP);
			struct flow in_back = back(&in);
			struct pkt to = pkt_new(&out, PKT_ACK), from = pkt_new(&in_back, PKT_ACK);
			uint32_t at = 14 + (v6 ? 7 : 8);

			expect_untouched(pkt_byte(to, at, ttl), XDP_DROP, WEIR_DROP_TTL);
			expect_untouched(pkt_byte(from, at, ttl), XDP_DROP, WEIR_DROP_TTL);
		}
	}
}

/* The host sends what has no next hop yet: it asks for it, and counts the hop itself. */
static void a_client_behind_an_unknown_neighbour_is_the_hosts(void **state)
{
	static const char *const lost[2] = { "203.0.113.9", "2001:db8:77::9" };

	(void)state;
	for (int v6 = 0; v6 < 2; v6++) {
		struct flow in_back = flow_of(IPPROTO_TCP, endpoint[v6], EPORT, lost[v6], CPORT);
		struct flow out_back = flow_of(IPPROTO_TCP, vip[v6], VPORT, lost[v6], CPORT);
		struct pkt p = pkt_new(&in_back, PKT_ACK), want = translated(p, &out_back);

		want.data[14 + (v6 ? 7 : 8)]++;
		expect_packet(p, XDP_PASS, WEIR_PASS_NAT_REPLY, sealed(want));
	}
}

/* Probes come from the host. */
static void an_answer_to_the_host_itself_is_left_alone(void **state)
{
	(void)state;
	for (int v6 = 0; v6 < 2; v6++) {
		struct flow f = flow_of(IPPROTO_TCP, endpoint[v6], EPORT, own[v6], 50000);

		expect_untouched(pkt_new(&f, PKT_ACK), XDP_PASS, WEIR_PASS_NOT_OURS);
		f.dst = pkt_addr(v6 ? "2001:db8:ffff::1" : "172.31.0.1"); /* no route */
		expect_untouched(pkt_new(&f, PKT_ACK), XDP_PASS, WEIR_PASS_NOT_OURS);
	}
}

static void other_ports_and_hosts_are_left_alone(void **state)
{
	(void)state;
	for (int v6 = 0; v6 < 2; v6++) {
		struct flow in = inside(v6, IPPROTO_TCP), f = back(&in), icmp = f;

		f.sport = EPORT + 1;
		expect_untouched(pkt_new(&f, PKT_ACK), XDP_PASS, WEIR_PASS_NOT_OURS);
		f = back(&in);
		f.src.b[15]++;
		expect_untouched(pkt_new(&f, PKT_ACK), XDP_PASS, WEIR_PASS_NOT_OURS);
		icmp.proto = v6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP;
		expect_untouched(pkt_new(&icmp, 0), XDP_PASS, WEIR_PASS_NOT_OURS);
		/* Towards the endpoint itself, from its service's port. */
		f = in;
		f.sport = VPORT;
		expect_untouched(pkt_new(&f, PKT_ACK), XDP_PASS, WEIR_PASS_NOT_OURS);
	}
}

/* ::ffff:10.9.8.7 stands for 10.9.8.7 in tables, and is nobody on the wire. */
static void no_mapped_address_is_taken_for_an_endpoint(void **state)
{
	struct flow f = flow_of(IPPROTO_TCP, endpoint[1], EPORT, client[1], CPORT);
	union weir_addr mapped = pkt_addr(endpoint[0]);
	struct pkt p = pkt_new(&f, PKT_ACK);

	(void)state;
	memcpy(p.data + 14 + 8, mapped.b, 16);
	expect_untouched(sealed(p), XDP_PASS, WEIR_PASS_NOT_OURS);
}

static void a_reply_that_ends_too_soon_is_dropped(void **state)
{
	(void)state;
	for (int v6 = 0; v6 < 2; v6++) {
		struct flow in = inside(v6, IPPROTO_TCP), f = back(&in);
		struct pkt p = pkt_new(&f, PKT_ACK);

		expect_untouched(pkt_cut(p, p.len - 1), XDP_DROP, WEIR_DROP_TRUNCATED);
	}
}

/* The packet's sender is told, by the one it wrote to. */
/* Before Linux 5.12 a route look-up does not say the MTU that a packet exceeds. */
static bool routes_say_their_mtu(void)
{
	struct utsname u;
	int major = 0, minor = 0;

	uname(&u);
	sscanf(u.release, "%d.%d", &major, &minor);
	return major > 5 || (major == 5 && minor >= 12);
}

static void a_reply_too_large_for_its_way_is_answered(void **state)
{
	(void)state;
	assert_int_equal(system("ip link set plane0 mtu 1400"), 0);
	for (int v6 = 0; v6 < 2; v6++) {
		struct flow in = inside(v6, IPPROTO_TCP), f = back(&in);
		struct pkt p = pkt_payload(pkt_new(&f, PKT_ACK), 1450), out;
		uint8_t *ip = out.data + 14;

		if (!routes_say_their_mtu()) {
			expect_untouched(p, XDP_DROP, WEIR_DROP_MTU);
			continue;
		}
		out = expect(p, XDP_TX, WEIR_REPLY_MTU);
		assert_memory_equal(ip + (v6 ? 8 : 12), in.src.b + (v6 ? 0 : 12), v6 ? 16 : 4);
		assert_memory_equal(ip + (v6 ? 24 : 16), in.dst.b + (v6 ? 0 : 12), v6 ? 16 : 4);
		assert_int_equal(pkt_get16(ip + (v6 ? 46 : 26)), 1400);
		assert_memory_equal(ip + (v6 ? 48 : 28), p.data + 14, 512);
	}
	assert_int_equal(system("ip link set plane0 mtu 1500"), 0);
}

static void a_service_that_is_gone_has_no_replies(void **state)
{
	(void)state;
	for (int v6 = 0; v6 < 2; v6++) {
		struct flow in = inside(v6, IPPROTO_TCP), f = back(&in);

		for (uint32_t i = 0; i < WEIR_SERVICE_SLOTS; i++)
			if (plane->services[i].key.used == WEIR_SLOT_USED &&
			    plane->services[i].key.id == services[v6][0].id)
				plane->services[i].key.id = 777; /* another one has its slot */
		expect_untouched(pkt_new(&f, PKT_ACK), XDP_PASS, WEIR_PASS_NOT_OURS);
	}
}

static void a_host_that_forwards_nothing_keeps_replies(void **state)
{
	(void)state;
	assert_int_equal(system("sysctl -qw net.ipv4.conf.all.forwarding=0 "
				"net.ipv6.conf.all.forwarding=0"),
			 0);
	for (int v6 = 0; v6 < 2; v6++) {
		struct flow in = inside(v6, IPPROTO_TCP), f = back(&in);

		expect_untouched(pkt_new(&f, PKT_ACK), XDP_PASS, WEIR_PASS_NO_FORWARDING);
	}
	assert_int_equal(system("sysctl -qw net.ipv4.conf.all.forwarding=1 "
				"net.ipv6.conf.all.forwarding=1"),
			 0);
}

/* Without the feature the same tables change nothing. */
static void a_program_without_nat_looks_for_no_replies(void **state)
{
	struct plane *with = plane;

	plane = plane_load();
	setup(state);
	for (int v6 = 0; v6 < 2; v6++) {
		struct flow in = inside(v6, IPPROTO_TCP), f = back(&in);

		expect_untouched(pkt_new(&f, PKT_ACK), XDP_PASS, WEIR_PASS_NOT_OURS);
	}
	plane_free(plane);
	plane = with;
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup(name, setup)
	const struct CMUnitTest tests[] = {
		TEST(both_ways_addresses_ports_and_checksums_are_right),
		TEST(random_packets_are_what_a_full_computation_makes_of_them),
		TEST(errors_are_translated_with_what_they_quote),
		TEST(what_an_error_quotes_need_not_be_right),
		TEST(an_error_that_quotes_less_than_the_ports_reaches_nobody),
		TEST(fragments_follow_their_first_both_ways),
		TEST(a_fragment_from_an_endpoint_whose_first_was_not_seen_is_left_alone),
		TEST(tags_and_headers_in_between_stay),
		TEST(an_endpoint_without_a_port_has_its_listeners),
		TEST(time_to_live_ends_here),
		TEST(a_client_behind_an_unknown_neighbour_is_the_hosts),
		TEST(an_answer_to_the_host_itself_is_left_alone),
		TEST(other_ports_and_hosts_are_left_alone),
		TEST(no_mapped_address_is_taken_for_an_endpoint),
		TEST(a_reply_that_ends_too_soon_is_dropped),
		TEST(a_reply_too_large_for_its_way_is_answered),
		TEST(a_service_that_is_gone_has_no_replies),
		TEST(a_host_that_forwards_nothing_keeps_replies),
		TEST(a_program_without_nat_looks_for_no_replies),
	};

	return cmocka_run_group_tests(tests, nat_open, bed_close);
}
