/* SPDX-License-Identifier: GPL-2.0-or-later */
/* IP in UDP: the outer headers byte by byte, and the UDP checksum against one over all bytes. */
#include <stdbool.h>

#include "bed.h"
#include "weir.skel.h"

#define GUE_PORT 6080

static const char *const vip[2] = { "192.0.2.1", "2001:db8::1" };
static const char *const client[2] = { "198.51.100.7", "2001:db8:7::7" };
static const char *const own[2] = { "10.1.2.3", "2001:db8:1::3" };
static const char *const far[2] = { "10.9.8.7", "2001:db8:9::7" };
static struct plane_service services[2][2]; /* by family of the client, UDP */

static int setup(void **state)
{
	bed_reset(state);
	for (int v6 = 0; v6 < 2; v6++) {
		services[v6][0] = plane_add_service(plane, vip[v6], IPPROTO_TCP, 443, 4096);
		services[v6][1] = plane_add_service(plane, vip[v6], IPPROTO_UDP, 443, 4096);
	}
	return 0;
}

static uint32_t serve(int outer6)
{
	uint32_t slot = plane_add_endpoint(plane, WEIR_MODE_GUE, own[outer6], far[outer6], LO);

	for (int v6 = 0; v6 < 2; v6++)
		for (int udp = 0; udp < 2; udp++)
			plane_set_rows(plane, &services[v6][udp], slot, REST);
	return slot;
}

static struct flow flow(int v6, uint8_t proto, uint16_t sport)
{
	return flow_of(proto, client[v6], sport, vip[v6], 443);
}

/* Over the outer pseudo-header, the UDP header and everything in it. 0: it is right. */
static uint16_t udp_check(const uint8_t *ip, bool outer6, uint32_t len)
{
	const uint8_t *udp = ip + (outer6 ? 40 : 20);
	uint32_t pseudo = IPPROTO_UDP + len;

	for (int i = 0; i < (outer6 ? 32 : 8); i += 2)
		pseudo += pkt_get16(ip + (outer6 ? 8 : 12) + i);
	return pkt_checksum(udp, len, pseudo);
}

/* What leaves is in, untouched, behind a correct outer header; sum: with a UDP checksum. */
static void check_tunnel(const struct pkt *in, const struct pkt *out, bool outer6,
			 const struct flow *f, bool sum)
{
	uint32_t front = outer6 ? 48 : 28, ip_len = in->len - 14, hash = plane_hash(f) >> 32;
	const uint8_t *ip = out->data + 14, *udp = ip + front - 8;

	assert_int_equal(out->len, in->len + front);
	assert_memory_equal(udp + 8, in->data + 14, ip_len);
	assert_int_equal(pkt_get16(out->data + 12), outer6 ? 0x86dd : 0x0800);
	if (outer6) {
		assert_int_equal(pkt_get16(ip + 4), ip_len + 8);
		assert_int_equal(ip[6], IPPROTO_UDP);
		assert_int_equal((pkt_get16(ip) & 15) << 16 | pkt_get16(ip + 2), hash & 0xfffff);
	} else {
		assert_int_equal(pkt_get16(ip + 2), ip_len + 28);
		assert_int_equal(ip[9], IPPROTO_UDP);
		assert_int_equal(pkt_checksum(ip, 20, 0), 0);
	}
	assert_int_equal(pkt_get16(udp), 0xc000 | (hash & 0x3fff));
	assert_int_equal(pkt_get16(udp + 2), GUE_PORT);
	assert_int_equal(pkt_get16(udp + 4), ip_len + 8);
	if (sum)
		assert_int_equal(udp_check(ip, outer6, ip_len + 8), 0);
	else
		assert_int_equal(pkt_get16(udp + 6), 0);
}

static void any_family_travels_in_any_with_a_right_checksum(void **state)
{
	(void)state;
	for (int outer6 = 0; outer6 < 2; outer6++) {
		uint32_t slot = serve(outer6);

		for (uint32_t i = 0; i < 4000; i++) {
			int v6 = i & 1;
			uint8_t proto = i & 2 ? IPPROTO_UDP : IPPROTO_TCP;
			struct flow f = flow(v6, proto, (uint16_t)(i * 977));
			struct pkt in = pkt_payload(pkt_new(&f, PKT_ACK), i % 1400), out;

			out = expect(in, XDP_TX, WEIR_FORWARD);
			assert_int_equal(sent_to(&out), slot);
			check_tunnel(&in, &out, outer6, &f, true);
			assert_int_not_equal(pkt_get16(out.data + 14 + (outer6 ? 46 : 26)), 0);
		}
	}
}

static void what_has_no_checksum_itself_travels_without(void **state)
{
	struct flow f4 = flow(0, IPPROTO_UDP, 4000), f6 = flow(1, IPPROTO_UDP, 4000);
	struct pkt none = pkt_new(&f4, 0), in[4];

	(void)state;
	pkt_put16(none.data + 14 + 20 + 6, 0);
	in[0] = none;
	in[1] = pkt_fragment(pkt_payload(pkt_new(&f4, 0), 64), 0, 1);
	in[2] = pkt_options(pkt_new(&f4, 0), 8);
	in[3] = pkt_extension(pkt_new(&f6, 0), 60);
	for (int outer6 = 0; outer6 < 2; outer6++) {
		serve(outer6);
		for (int i = 0; i < 4; i++) {
			struct pkt out = expect(in[i], XDP_TX, WEIR_FORWARD);

			check_tunnel(&in[i], &out, outer6, i == 3 ? &f6 : &f4, false);
		}
	}
}

/* A router would be blamed for what a client's network card or a broken link has done. */
static void a_damaged_packet_arrives_damaged(void **state)
{
	struct flow f = flow(0, IPPROTO_TCP, 4000);
	struct pkt in = pkt_payload(pkt_new(&f, PKT_ACK), 100), out;

	(void)state;
	in.data[120] ^= 0x10;
	serve(1);
	out = expect(in, XDP_TX, WEIR_FORWARD);
	assert_int_not_equal(udp_check(out.data + 14, true, in.len - 14 + 8), 0);
}

static void ethernet_padding_does_not_travel_in_the_datagram(void **state)
{
	struct flow f = flow(0, IPPROTO_UDP, 4000);
	struct pkt in = pkt_pad(pkt_new(&f, 0), 100), out;
	uint32_t ip_len = pkt_get16(in.data + 16);

	(void)state;
	serve(0);
	out = expect(in, XDP_TX, WEIR_FORWARD);
	assert_int_equal(pkt_get16(out.data + 14 + 2), ip_len + 28);
	assert_int_equal(pkt_get16(out.data + 34 + 4), ip_len + 8);
	assert_int_equal(udp_check(out.data + 14, false, ip_len + 8), 0);
}

static void vlan_tags_stay_in_front(void **state)
{
	struct flow f = flow(1, IPPROTO_TCP, 4000);
	struct pkt plain = pkt_new(&f, PKT_ACK);

	(void)state;
	for (int outer6 = 0; outer6 < 2; outer6++) {
		struct pkt in = pkt_vlan(plain, 7), bare, out;

		serve(outer6);
		bare = expect(plain, XDP_TX, WEIR_FORWARD);
		for (int tags = 1; tags <= 2; tags++, in = pkt_vlan(in, 8)) {
			uint32_t more = 4u * (uint32_t)tags;

			out = expect(in, XDP_TX, WEIR_FORWARD);
			assert_int_equal(out.len, bare.len + more);
			assert_memory_equal(out.data + 12, in.data + 12, more);
			assert_memory_equal(out.data + 12 + more, bare.data + 12, bare.len - 12);
		}
	}
}

/* What an operator sets: another port, and source addresses that vary. */
static void set(struct weir_bpf *skel)
{
	skel->rodata->weir_gue_port = htons(9886);
	skel->rodata->weir_spread_v4 = htonl(0x3f);
	skel->rodata->weir_spread_v6 = htonl(0xffff);
}

static void port_and_source_addresses_are_configuration(void **state)
{
	struct plane *usual = plane;
	uint8_t seen[2][64] = { { 0 } };

	plane = plane_load_with(set);
	setup(state);
	for (int mode = WEIR_MODE_IPIP; mode <= WEIR_MODE_GUE; mode += WEIR_MODE_GUE) {
		for (uint32_t i = 0; i < 2000; i++) {
			static const char *const from[2][2] = {
				{ "10.1.2.0", "10.1.2.37" }, { "2001:db8:1::", "2001:db8:1::25" }
			};
			int outer6 = i & 1;
			struct flow f = flow(i >> 1 & 1, IPPROTO_TCP, (uint16_t)i);
			uint32_t at = outer6 ? 14 + 22 : 14 + 14; /* the end of the source */
			uint32_t slot =
				plane_add_endpoint(plane, (enum weir_mode)mode,
						   from[outer6][i >= 1000], far[outer6], LO);
			struct pkt out;

			plane_set_rows(plane, &services[i >> 1 & 1][0], slot, REST);
			out = expect(pkt_new(&f, PKT_ACK), XDP_TX, WEIR_FORWARD);
			/* One source for a flow: its packets keep their order. */
			assert_memory_equal(out.data,
					    expect(pkt_new(&f, PKT_ACK), XDP_TX, WEIR_FORWARD).data,
					    out.len);
			if (i < 1000)
				seen[outer6][out.data[at + 1] & 63]++;
			else /* a template that another agent has just written */
				assert_int_equal(out.data[at + 1] & 0x25, 0x25);
			if (!outer6)
				assert_int_equal(pkt_checksum(out.data + 14, 20, 0), 0);
			if (mode == WEIR_MODE_GUE) {
				assert_int_equal(
					udp_check(out.data + 14, outer6,
						  pkt_get16(out.data + 14 + (outer6 ? 44 : 24))),
					0);
				assert_int_equal(pkt_get16(out.data + 14 + (outer6 ? 42 : 22)),
						 9886);
			}
		}
	}
	for (int outer6 = 0; outer6 < 2; outer6++)
		for (int i = 0; i < 64; i++)
			assert_true(seen[outer6][i]);
	plane_free(plane);
	plane = usual;
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup(name, setup)
	const struct CMUnitTest tests[] = {
		TEST(any_family_travels_in_any_with_a_right_checksum),
		TEST(what_has_no_checksum_itself_travels_without),
		TEST(a_damaged_packet_arrives_damaged),
		TEST(ethernet_padding_does_not_travel_in_the_datagram),
		TEST(vlan_tags_stay_in_front),
		TEST(port_and_source_addresses_are_configuration),
	};

	return BED_TESTS(tests);
}
