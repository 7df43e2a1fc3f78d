/* SPDX-License-Identifier: GPL-2.0-or-later */
/* QUIC by connection id: which packets go where their ids say, at rest. */
#include "quic_bed.h"

#define LONG_AT (14 + 20 + 8) /* where a datagram over IPv4 begins */

/* --- which packets --- */

static void connections_are_followed_from_address_to_address(void **state)
{
	(void)state;
	for (uint8_t n = 0; n < 100; n++) {
		struct flow f = client6(n);

		by_id(packet(n, QUIC_FORM_SHORT, naming(ID_A)), a);
		by_id(packet(n, QUIC_FORM_SHORT, naming(ID_B)), b);
		by_id(quic_packet(&f, QUIC_FORM_SHORT, naming(ID_B)), b);
	}
}

static void handshakes_go_by_id_and_what_clients_may_begin_with_by_flow(void **state)
{
	static const uint32_t versions[] = { QUIC_VERSION_1, QUIC_VERSION_2 };
	struct flow f = client(1);

	(void)state;
	for (int v = 0; v < 2; v++) {
		by_id(quic_packet_of(&f, QUIC_FORM_HANDSHAKE, versions[v], naming(ID_A)), a);
		by_row(quic_packet_of(&f, QUIC_FORM_INITIAL, versions[v], naming(ID_A)));
		by_row(quic_packet_of(&f, QUIC_FORM_0RTT, versions[v], naming(ID_A)));
		by_row(quic_packet_of(&f, QUIC_FORM_RETRY, versions[v], naming(ID_A)));
	}
}

static void long_headers_of_other_versions_go_by_flow(void **state)
{
	static const uint32_t versions[] = { 0, 2, 0x01000000, 0xff00001d, 0x6b3343ce, 0x0a0a0a0a };
	struct flow f = client(1);

	(void)state;
	for (size_t v = 0; v < sizeof(versions) / sizeof(*versions); v++)
		for (int form = QUIC_FORM_INITIAL; form < QUIC_FORM_SHORT; form++)
			by_row(quic_packet_of(&f, (enum quic_form)form, versions[v], naming(ID_A)));
}

/* RFC 9287: clients may clear the second bit, and the balancer has no keys for those behind. */
static void bits_that_say_nothing_to_a_balancer_are_not_looked_at(void **state)
{
	(void)state;
	for (int bits = 0; bits < 0x80; bits++)
		by_id(pkt_byte(packet(1, QUIC_FORM_SHORT, naming(ID_A)), LONG_AT, bits), a);
	for (int bits = 0; bits < 0x10; bits++) {
		struct pkt p = packet(1, QUIC_FORM_HANDSHAKE, naming(ID_A));

		by_id(pkt_byte(p, LONG_AT, 0xe0 | bits), a);
		by_id(pkt_byte(p, LONG_AT, 0xa0 | bits), a);
	}
}

/* --- which ids --- */

static void every_rotation_but_ours_goes_by_flow(void **state)
{
	(void)state;
	for (uint8_t rotation = 0; rotation < 8; rotation++)
		for (uint8_t low = 0; low < 32; low++) {
			struct pkt p =
				packet(1, QUIC_FORM_SHORT, quic_cid(rotation, ID_A, BYTES, low));

			if (rotation == ROTATION)
				by_id(p, a);
			else
				by_row(p);
		}
}

/* As it is while one is changed for another: each with a length and names of its own. */
static void rotations_are_kept_apart(void **state)
{
	const uint8_t other = 6;
	struct weir_special s = { .group = GROUP,
				  .id_bytes = BYTES << 4 * ROTATION | 1u << 4 * other };
	struct quic_cid cid = quic_cid(other, 0x0a, 1, 0x5a);

	(void)state;
	plane_set_flags(plane, &quic, WEIR_SERVICE_QUIC, s);
	plane_add_server_id(plane, GROUP, other, 1, 0x0a, b);
	by_id(packet(1, QUIC_FORM_SHORT, naming(ID_A)), a);
	by_id(packet(1, QUIC_FORM_SHORT, cid), b);
	by_row(packet(1, QUIC_FORM_SHORT, quic_cid(other, 0x0b, 1, 0x5a)));
	cid.len = 2;
	by_id(packet(1, QUIC_FORM_HANDSHAKE, cid), b);
	cid = naming(ID_A);
	cid.len = 2;
	by_row(packet(1, QUIC_FORM_HANDSHAKE, cid));
}

static void each_length_of_server_ids_is_compared_whole(void **state)
{
	(void)state;
	for (uint8_t bytes = 1; bytes <= WEIR_SERVER_ID_BYTES; bytes++) {
		uint64_t id = 0x8182838485868788ull >> (64 - 8 * bytes);

		configure(0, bytes);
		plane_add_server_id(plane, GROUP, ROTATION, bytes, id, b);
		for (uint8_t seed = 0; seed < 32; seed++)
			by_id(packet(1, QUIC_FORM_SHORT, quic_cid(ROTATION, id, bytes, seed)), b);
		for (uint32_t bit = 0; bit < 8u * bytes; bit++)
			by_row(packet(1, QUIC_FORM_SHORT,
				      quic_cid(ROTATION, id ^ 1ull << bit, bytes, 1)));
	}
}

static void an_id_of_nobody_goes_by_flow(void **state)
{
	(void)state;
	by_row(packet(1, QUIC_FORM_SHORT, naming(NOBODYS)));
	by_row(packet(1, QUIC_FORM_HANDSHAKE, naming(NOBODYS)));
	plane_add_server_id(plane, GROUP + 1, ROTATION, BYTES, NOBODYS, a); /* another balancer's */
	plane_add_server_id(plane, GROUP, ROTATION, BYTES + 1, NOBODYS, a); /* of another length */
	by_row(packet(1, QUIC_FORM_SHORT, naming(NOBODYS)));
	plane_add_server_id(plane, GROUP, ROTATION, BYTES, NOBODYS, b);
	by_id(packet(1, QUIC_FORM_SHORT, naming(NOBODYS)), b);
}

static void without_server_ids_all_goes_by_flow(void **state)
{
	(void)state;
	configure(0, 0);
	plane_add_server_id(plane, GROUP, ROTATION, 0, 0, a);
	for (int form = QUIC_FORM_INITIAL; form <= QUIC_FORM_SHORT; form++)
		by_row(packet(1, (enum quic_form)form, quic_cid(ROTATION, 0, 1, 0)));
}

/* Ids that have gone leave a mark that the search goes on behind, as far as it goes. */
static void ids_are_found_behind_those_that_are_gone(void **state)
{
	uint32_t owner = WEIR_ID_OWNER(GROUP, ROTATION, BYTES),
		 at = weir_server_id_slot(owner, NOBODYS);
	struct weir_server_id id = { NOBODYS, owner, a };

	(void)state;
	for (uint32_t i = 0; i < WEIR_SERVER_ID_PROBE; i++) {
		struct weir_server_id *to = &plane->server_ids[(at + i) % WEIR_SERVER_ID_SLOTS];

		*to = id;
		by_id(packet(1, QUIC_FORM_SHORT, naming(NOBODYS)), a);
		to->owner = WEIR_ID_DELETED;
	}
	plane->server_ids[(at + WEIR_SERVER_ID_PROBE) % WEIR_SERVER_ID_SLOTS] = id;
	by_row(packet(1, QUIC_FORM_SHORT, naming(NOBODYS)));
	plane->server_ids[at] = id;
	by_id(packet(1, QUIC_FORM_SHORT, naming(NOBODYS)), a);
}

static void an_endpoint_that_is_dead_is_not_named(void **state)
{
	(void)state;
	plane->endpoints[a].state = 0;
	by_row(packet(1, QUIC_FORM_SHORT, naming(ID_A)));
	by_row(packet(1, QUIC_FORM_HANDSHAKE, naming(ID_A)));
	by_id(packet(1, QUIC_FORM_SHORT, naming(ID_B)), b);
	plane->endpoints[b].ifindex = 0;
	expect(packet(1, QUIC_FORM_SHORT, naming(ID_B)), XDP_DROP, WEIR_DROP_NO_NEXT_HOP);
}

/* --- lengths --- */

static void a_long_header_says_how_long_its_id_is(void **state)
{
	(void)state;
	for (uint8_t len = 0; len <= 20; len++) {
		struct quic_cid cid = naming(ID_A);
		struct pkt p;

		cid.len = len;
		p = packet(1, QUIC_FORM_HANDSHAKE, cid);
		memcpy(p.data + LONG_AT + 6, cid.b, 20);
		if (len > BYTES)
			by_id(p, a);
		else
			by_row(p);
	}
}

/* The id is there, but no QUIC packet is so short. */
static void what_is_too_short_goes_by_flow(void **state)
{
	struct quic_cid cid = naming(ID_A);
	struct flow f = client(1), f6 = client6(1);
	uint8_t bytes[64] = { 0x4f };

	(void)state;
	memcpy(bytes + 1, cid.b, cid.len);
	for (uint32_t len = 0; len < sizeof(bytes); len++) {
		struct pkt p = pkt_datagram(&f, bytes, len), p6 = pkt_datagram(&f6, bytes, len);

		expect_sent(p, len < 16 ? WEIR_FORWARD : WEIR_FORWARD_QUIC, len < 16 ? c : a);
		expect_sent(p6, len < 16 ? WEIR_FORWARD : WEIR_FORWARD_QUIC, len < 16 ? c : a);
		expect_sent(pkt_pad(p, 120), len < 16 ? WEIR_FORWARD : WEIR_FORWARD_QUIC,
			    len < 16 ? c : a);
	}
}

/* Frames that end anywhere: nothing is read behind the end, and what is cut short is dropped. */
static void what_is_cut_short_is_dropped(void **state)
{
	struct pkt p = packet(1, QUIC_FORM_HANDSHAKE, naming(ID_A));
	struct pkt tagged = pkt_vlan(p, 7);

	(void)state;
	for (uint32_t len = LONG_AT; len < p.len; len++)
		expect_untouched(pkt_cut(p, len), XDP_DROP, WEIR_DROP_TRUNCATED);
	for (uint32_t len = LONG_AT + 4; len < tagged.len; len++)
		expect_untouched(pkt_cut(tagged, len), XDP_DROP, WEIR_DROP_TRUNCATED);
}

/* --- odd packets --- */

static void odd_packets_are_read_behind_their_headers(void **state)
{
	struct flow f = client6(1);
	struct pkt p = packet(1, QUIC_FORM_SHORT, naming(ID_A));
	struct pkt p6 = quic_packet(&f, QUIC_FORM_HANDSHAKE, naming(ID_B));

	(void)state;
	by_id(pkt_vlan(p, 7), a);
	by_id(pkt_vlan(pkt_vlan(p6, 7), 8), b);
	for (uint32_t bytes = 4; bytes <= 40; bytes += 4)
		by_id(pkt_vlan(pkt_options(p, bytes), 7), a);
	for (int n = 0; n < 5; n++) {
		p6 = pkt_extension(p6, 60);
		by_id(p6, b);
	}
}

static void fragments_follow_a_first_one_that_went_by_id(void **state)
{
	struct flow f = client6(1);
	struct pkt p = packet(1, QUIC_FORM_SHORT, naming(ID_A));
	struct pkt p6 = quic_packet(&f, QUIC_FORM_SHORT, naming(ID_B));

	(void)state;
	by_id(pkt_fragment(p, 0, 1), a);
	expect_sent(pkt_fragment(p, 100, 0), WEIR_FORWARD_FRAGMENT, a);
	by_id(pkt_fragment(p6, 0, 1), b);
	expect_sent(pkt_fragment(p6, 100, 0), WEIR_FORWARD_FRAGMENT, b);
}

/* What is quoted has the client's id, and that of the flow is not known. */
static void icmp_errors_go_by_flow(void **state)
{
	struct flow f = client(1), back = flow_of(IPPROTO_UDP, VIP, 443, "198.51.100.1", 4001);
	struct flow router = flow_of(IPPROTO_ICMP, "203.0.113.9", 0, VIP, 0);
	struct pkt quoted = quic_packet(&back, QUIC_FORM_SHORT, naming(ID_A));
	struct pkt p = pkt_payload(pkt_new(&router, 0), 60);

	(void)state;
	p.data[14 + 20] = 3;
	memcpy(p.data + 14 + 28, quoted.data + 14, 60);
	expect_sent(p, WEIR_FORWARD_ICMP, c);
	rows(c, a);
	by_id(quic_packet(&f, QUIC_FORM_SHORT, naming(ID_B)), b);
	expect_sent(p, WEIR_FORWARD_ICMP, a);
}

static void an_outer_header_is_of_the_flow_whatever_the_id(void **state)
{
	uint32_t gue = plane_add_endpoint(plane, WEIR_MODE_GUE, "10.0.0.9", "10.0.0.4", LO);
	struct flow f = client(3);
	struct pkt out;

	(void)state;
	plane_add_server_id(plane, GROUP, ROTATION, BYTES, NOBODYS, gue);
	out = expect(packet(3, QUIC_FORM_SHORT, naming(NOBODYS)), XDP_TX, WEIR_FORWARD_QUIC);
	assert_int_equal(sent_to(&out), gue);
	assert_int_equal(pkt_get16(out.data + 34),
			 (uint16_t)(0xc000 | (plane_hash(&f) >> 32 & 0x3fff)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(connections_are_followed_from_address_to_address),
		TEST(handshakes_go_by_id_and_what_clients_may_begin_with_by_flow),
		TEST(long_headers_of_other_versions_go_by_flow),
		TEST(bits_that_say_nothing_to_a_balancer_are_not_looked_at),
		TEST(every_rotation_but_ours_goes_by_flow),
		TEST(rotations_are_kept_apart),
		TEST(each_length_of_server_ids_is_compared_whole),
		TEST(an_id_of_nobody_goes_by_flow),
		TEST(without_server_ids_all_goes_by_flow),
		TEST(ids_are_found_behind_those_that_are_gone),
		TEST(an_endpoint_that_is_dead_is_not_named),
		TEST(a_long_header_says_how_long_its_id_is),
		TEST(what_is_too_short_goes_by_flow),
		TEST(what_is_cut_short_is_dropped),
		TEST(odd_packets_are_read_behind_their_headers),
		TEST(fragments_follow_a_first_one_that_went_by_id),
		TEST(icmp_errors_go_by_flow),
		TEST(an_outer_header_is_of_the_flow_whatever_the_id),
	};

	return BED_TESTS(tests);
}
