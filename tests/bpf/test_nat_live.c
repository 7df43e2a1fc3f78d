/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What endpoints say of themselves where their replies come by here. */
#include "nat_bed.h"

static struct plane_service service[2]; /* by family */
static uint32_t slots[2];

static int setup(void **state)
{
	bed_reset(state);
	for (int v6 = 0; v6 < 2; v6++) {
		slots[v6] = plane_add_nat(plane, WEIR_MODE_NAT, endpoint[v6], EPORT, LO);
		service[v6] = plane_add_service(plane, vip[v6], IPPROTO_TCP, VPORT, 4096);
		plane_set_rows(plane, &service[v6], slots[v6], REST);
		plane_add_reverse(plane, endpoint[v6], EPORT, IPPROTO_TCP, vip[v6], VPORT);
		plane_set_flags(plane, &service[v6], WEIR_SERVICE_WATCH,
				(struct weir_special){ 0 });
	}
	return 0;
}

/* A SYN of the client, or the endpoint's answer to it, with these numbers. */
static struct pkt numbered(const struct flow *f, uint8_t flags, uint32_t seq, uint32_t ack)
{
	struct pkt p = pkt_new(f, flags);
	uint8_t *tcp = p.data + (f->src.b[0] ? 54 : 34);
	uint32_t fields[2] = { htonl(seq),
			       htonl(ack) }; /* the checksum is carried along, whatever it is */

	memcpy(tcp + 4, fields, sizeof(fields));
	return p;
}

static void refusals_count_against_an_endpoint_and_answers_for_it(void **state)
{
	(void)state;
	for (int v6 = 0; v6 < 2; v6++) {
		struct weir_live *l = &plane->live[slots[v6]];
		struct flow out = flow_of(IPPROTO_TCP, client[v6], CPORT, vip[v6], VPORT);
		struct flow in = flow_of(IPPROTO_TCP, client[v6], CPORT, endpoint[v6], EPORT);
		struct flow in_back = back(&in);

		for (uint32_t n = 0; n < WEIR_SUSPECT; n++) {
			out.sport = in.sport = (uint16_t)(CPORT + n);
			in_back = back(&in);
			expect(numbered(&out, PKT_SYN, 7000, 0), XDP_TX, WEIR_FORWARD);
			expect(numbered(&in_back, PKT_RST | PKT_ACK, 0, 7000), XDP_REDIRECT,
			       WEIR_FORWARD_NAT_REPLY); /* of another SYN */
			expect(numbered(&in_back, PKT_RST | PKT_ACK, 5, 7001), XDP_REDIRECT,
			       WEIR_FORWARD_NAT_REPLY); /* of a connection that was there */
			assert_int_equal(l->refused, n);
			expect(numbered(&in_back, PKT_RST | PKT_ACK, 0, 7001), XDP_REDIRECT,
			       WEIR_FORWARD_NAT_REPLY);
			assert_int_equal(l->refused, n + 1);
			assert_int_equal(l->unanswered, n + 1);
		}
		assert_int_not_equal(l->told_at, 0);
		expect(numbered(&in_back, PKT_SYN | PKT_ACK, 99, 7001), XDP_REDIRECT,
		       WEIR_FORWARD_NAT_REPLY);
		assert_int_equal(l->unanswered, 0);
		assert_int_not_equal(l->answered_at, 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(refusals_count_against_an_endpoint_and_answers_for_it,
				       setup),
	};

	return cmocka_run_group_tests(tests, nat_open, bed_close);
}
