/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Packets that queries come in: those that are answered all the same, and those that go on. */
#include "dns_bed.h"

static struct dns_hot hot; /* four addresses of www.example.org */

static int entries(void **state)
{
	dns_reset(state);
	hot = dns_put_www();
	return 0;
}

static struct pkt frame(int v6)
{
	struct dns_msg q = dns_query("www.example.org", DNS_A);

	return dns_frame(&q, v6);
}

static void vlan_tags_and_padding_are_no_matter(void **state)
{
	struct dns_msg q = dns_query("www.example.org", DNS_A), m;

	(void)state;
	for (int v6 = 0; v6 < 2; v6++) {
		struct road xdp = { 0, v6 }, tc = { 1, v6 };

		m = dns_answered(pkt_vlan(frame(v6), 7), &xdp);
		dns_chosen(&m, &q, &hot);
		m = dns_answered(pkt_vlan(pkt_vlan(frame(v6), 7), 8), &xdp);
		dns_chosen(&m, &q, &hot);
		for (uint32_t pad = 1; pad < 200; pad += 3) {
			struct pkt p = frame(v6);

			p = pkt_pad(p, p.len + pad);
			m = dns_answered(p, &xdp);
			dns_chosen(&m, &q, &hot);
			m = dns_answered(p, &tc);
			dns_chosen(&m, &q, &hot);
		}
	}
}

/* XDP alone: other frames are not for tc's program to look at. */
static void packets_that_are_not_plain_go_on(void **state)
{
	struct pkt four = frame(0), six = frame(1);

	(void)state;
	dns_ends(pkt_options(four, 4), 0, WEIR_DNS_PASS_PACKET);
	dns_ends(pkt_extension(six, 60), 0, WEIR_DNS_PASS_PACKET);
	dns_ends(pkt_extension(six, 0), 0, WEIR_DNS_PASS_PACKET);
	dns_ends(pkt_fragment(four, 0, 1), 0, WEIR_DNS_PASS_PACKET);
	for (int tc = 0; tc < 2; tc++) {
		for (int v6 = 0; v6 < 2; v6++) {
			struct pkt p = v6 ? six : four;
			uint32_t ip = 14, udp = ip + (v6 ? 40 : 20), src = ip + (v6 ? 8 : 12);

			p.data[udp] = p.data[udp + 1] = 0; /* from port 0 */
			dns_ends(p, tc, WEIR_DNS_PASS_PACKET);
			p = v6 ? six : four;
			p.data[0] |= 1; /* to many */
			dns_ends(p, tc, WEIR_DNS_PASS_PACKET);
			p = v6 ? six : four;
			p.data[udp + 5]++; /* lengths that do not agree */
			dns_ends(p, tc, WEIR_DNS_PASS_PACKET);
			p.data[udp + 5] -= 2;
			dns_ends(p, tc, WEIR_DNS_PASS_PACKET);
			p = v6 ? six : four;
			dns_ends(pkt_cut(p, p.len - 1), tc, WEIR_DNS_PASS_PACKET);
			p.data[src] = v6 ? 0xff : 224; /* from a group */
			dns_ends(p, tc, WEIR_DNS_PASS_PACKET);
			memset(p.data + src, 0, v6 ? 16 : 4);
			dns_ends(p, tc, WEIR_DNS_PASS_PACKET);
			memcpy(p.data + src, p.data + src + (v6 ? 16 : 4), v6 ? 16 : 4);
			dns_ends(p, tc, WEIR_DNS_PASS_PACKET);
		}
	}
	four.data[14 + 12] = 127;
	dns_ends(four, 0, WEIR_DNS_PASS_PACKET);
}

static void sums_of_the_query_are_no_matter(void **state)
{
	struct dns_msg q = dns_query("www.example.org", DNS_A);

	(void)state;
	for
		EACH_ROAD(r)
		{
			struct pkt p = frame(r->v6);
			uint32_t sum = 14 + (r->v6 ? 40 : 20) + 6;
			struct dns_msg m;

			p.data[sum] = p.data[sum + 1] = 0;
			m = dns_answered(p, r);
			dns_chosen(&m, &q, &hot);
			p.data[sum] = 0x12;
			m = dns_answered(p, r);
			dns_chosen(&m, &q, &hot);
		}
}

/* A sum that is still to be finished is left to the stack by tc. */
static void unfinished_sums_go_on_in_tc(void **state)
{
	(void)state;
	for (int v6 = 0; v6 < 2; v6++) {
		struct pkt p = frame(v6);
		uint32_t udp = 14 + (v6 ? 40 : 20), a = 14 + (v6 ? 8 : 12), begun = IPPROTO_UDP;

		begun += pkt_get16(p.data + udp + 4);
		pkt_put16(p.data + udp + 6,
			  (uint16_t)~pkt_checksum(p.data + a, v6 ? 32 : 8, begun));
		dns_ends(p, 1, WEIR_DNS_PASS_PACKET);
	}
}

static void only_datagrams_to_the_listed_addresses_are_looked_at(void **state)
{
	struct dns_msg q = dns_query("www.example.org", DNS_A);
	struct flow flows[] = { flow_of(IPPROTO_UDP, CLIENT4, 1, "192.0.2.54", 53),
				flow_of(IPPROTO_UDP, CLIENT4, 1, DNS4, 54),
				flow_of(IPPROTO_UDP, CLIENT6, 1, "2001:db8::54", 53) };
	struct weir_count before[WEIR_DNS_REASON_COUNT], now[WEIR_DNS_REASON_COUNT];
	struct flow tcp = flow_of(IPPROTO_TCP, CLIENT4, 1, DNS4, 53);

	(void)state;
	dns_counts(before);
	for (uint32_t i = 0; i < 3; i++) {
		struct pkt p = pkt_datagram(&flows[i], q.b, q.len), out;

		expect_untouched(p, XDP_PASS, WEIR_PASS_NOT_OURS);
		assert_int_equal(dns_run(&p, &out, 1), XDP_PASS);
	}
	expect_untouched(pkt_new(&tcp, PKT_SYN), XDP_PASS, WEIR_PASS_NOT_OURS);
	dns_counts(now);
	assert_memory_equal(before, now, sizeof(now));
}

/* Without weir_dns_xdp() everything goes on. */
static void switched_off_queries_go_on(void **state)
{
	int fd = bpf_map__fd(plane->skel->maps.weir_dns_program);
	uint32_t key = 0, prog = (uint32_t)bpf_program__fd(plane->skel->progs.weir_dns_xdp);

	(void)state;
	assert_false(bpf_map_delete_elem(fd, &key));
	expect_untouched(frame(0), XDP_PASS, WEIR_PASS_DNS);
	expect_untouched(pkt_vlan(frame(1), 3), XDP_PASS, WEIR_PASS_DNS);
	assert_false(bpf_map_update_elem(fd, &key, &prog, 0));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup(name, entries)
	const struct CMUnitTest tests[] = {
		TEST(vlan_tags_and_padding_are_no_matter),
		TEST(packets_that_are_not_plain_go_on),
		TEST(sums_of_the_query_are_no_matter),
		TEST(unfinished_sums_go_on_in_tc),
		TEST(only_datagrams_to_the_listed_addresses_are_looked_at),
		TEST(switched_off_queries_go_on),
	};

	bed_set = dns_set;
	return cmocka_run_group_tests(tests, dns_open, bed_close);
}
