/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Services that know a client by its address: rows by it, and with affinity records too. And one
 * that knows nobody. */
#include "bed.h"

#define VIP   "192.0.2.1"
#define VIP6  "2001:db8::1"
#define GROUP 7
#define HOLD  100000 /* ticks */

enum {
	HTTP,
	HTTPS,
	UDP,
	HTTPS6,
	SERVICES
}; /* of one load balancer */
static struct plane_service service[SERVICES];
static uint32_t a, b, c; /* endpoints */

static void set_flags(uint16_t flags)
{
	for (int i = 0; i < SERVICES; i++)
		plane_set_flags(plane, &service[i], flags,
				(struct weir_special){ .group = GROUP, .hold = HOLD });
}

static int sticky(void **state)
{
	bed_reset(state);
	service[HTTP] = plane_add_service(plane, VIP, IPPROTO_TCP, 80, 4096);
	service[HTTPS] = plane_add_service(plane, VIP, IPPROTO_TCP, 443, 4096);
	service[UDP] = plane_add_service(plane, VIP, IPPROTO_UDP, 443, 4096);
	service[HTTPS6] = plane_add_service(plane, VIP6, IPPROTO_TCP, 443, 4096);
	a = plane_add_endpoint(plane, WEIR_MODE_IPIP, "10.0.0.9", "10.0.0.1", LO);
	b = plane_add_endpoint(plane, WEIR_MODE_IPIP, "10.0.0.9", "10.0.0.2", LO);
	c = plane_add_endpoint(plane, WEIR_MODE_IPIP, "10.0.0.9", "10.0.0.3", LO);
	set_flags(WEIR_SERVICE_CLIENT | WEIR_SERVICE_STICKY);
	return 0;
}

static int hash_policy(void **state)
{
	sticky(state);
	set_flags(WEIR_SERVICE_CLIENT);
	return 0;
}

static void rows(uint32_t cur, uint32_t prev)
{
	for (int i = 0; i < SERVICES; i++)
		plane_set_rows(plane, &service[i], cur, prev);
}

static union weir_addr address(uint32_t n, int to)
{
	union weir_addr from = pkt_addr(to == HTTPS6 ? "2001:db8:7::" : "10.0.0.0");

	from.b[13] = (uint8_t)(n >> 16);
	from.b[14] = (uint8_t)(n >> 8);
	from.b[15] = (uint8_t)n;
	return from;
}

/* A packet of the nth client: to which service, from which of its ports. */
static struct pkt packet(uint32_t n, int to, uint16_t from, uint8_t tcp_flags)
{
	const char *vip = to == HTTPS6 ? VIP6 : VIP;
	struct flow f = flow_of(to == UDP ? IPPROTO_UDP : IPPROTO_TCP, vip, from, vip,
				to == HTTP ? 80 : 443);

	f.src = address(n, to);
	return pkt_new(&f, tcp_flags);
}

static void syn(uint32_t n, int to, uint16_t from, enum weir_reason why, uint32_t slot)
{
	expect_sent(packet(n, to, from, PKT_SYN), why, slot);
}

/* A later segment, or a datagram. */
static void data(uint32_t n, int to, uint16_t from, enum weir_reason why, uint32_t slot)
{
	expect_sent(packet(n, to, from, PKT_ACK), why, slot);
}

static uint64_t client_hash(uint32_t n, int to)
{
	struct flow f = { .src = address(n, to) };

	return plane_hash_client(&f);
}

static struct weir_flow *record(uint32_t n)
{
	return plane_record_of(plane, client_hash(n, HTTP), WEIR_GROUP_ID(GROUP));
}

static uint32_t n_records(void)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < WEIR_FLOW_BUCKETS; i++)
		for (uint32_t w = 0; w < WEIR_FLOW_WAYS; w++)
			n += plane->flows[i].way[w].key != 0;
	return n;
}

/* --- rows by client --- */

static void all_flows_of_a_client_take_the_row_of_its_address(void **state)
{
	uint32_t by[4] = { 0 };

	(void)state;
	for (uint32_t i = 0; i < 4096; i++)
		for (int to = 0; to < SERVICES; to++)
			plane_set_row(plane, service[to].base + i, a + i % 3, REST);
	for (uint32_t n = 0; n < 600; n++) {
		for (int to = 0; to < SERVICES; to++) {
			uint32_t slot = a + (uint32_t)client_hash(n, to) % 4096 % 3;

			for (uint16_t from = 1; from < 6; from++) {
				syn(n, to, from, WEIR_FORWARD, slot);
				data(n, to, from, WEIR_FORWARD, slot);
			}
			by[slot]++;
		}
	}
	for (uint32_t slot = a; slot <= c; slot++)
		assert_in_range(by[slot], 600, 1000);
	assert_int_equal(n_records(), 0);
}

static void without_affinity_flows_are_recorded_one_by_one(void **state)
{
	(void)state;
	rows(b, a);
	data(1, HTTP, 1, WEIR_FORWARD_PREV, a);
	syn(1, HTTP, 2, WEIR_FORWARD, b);
	data(1, HTTP, 2, WEIR_FORWARD_FLOW, b);
	data(1, HTTP, 1, WEIR_FORWARD_FLOW, a);
	data(1, HTTPS, 1, WEIR_FORWARD_PREV, a);
	assert_int_equal(n_records(), 3);
	/* The agent finds the row of a record by the low bits of its key. */
	for (uint32_t i = 0; i < WEIR_FLOW_BUCKETS; i++)
		for (uint32_t w = 0; w < WEIR_FLOW_WAYS; w++)
			if (plane->flows[i].way[w].key)
				assert_int_equal((uint16_t)plane->flows[i].way[w].key,
						 (uint16_t)client_hash(1, HTTP));
}

/* --- affinity --- */

static void a_client_stays_through_a_change_with_all_it_does(void **state)
{
	(void)state;
	rows(b, a);
	syn(1, HTTP, 1, WEIR_FORWARD_PREV, a);
	assert_int_equal(record(1)->endpoint, a);
	data(1, HTTP, 1, WEIR_FORWARD_FLOW, a);
	syn(1, HTTP, 2, WEIR_FORWARD_FLOW, a);
	syn(1, HTTPS, 3, WEIR_FORWARD_FLOW, a);
	data(1, UDP, 4, WEIR_FORWARD_FLOW, a);
	data(2, UDP, 4, WEIR_FORWARD_PREV, a);
	data(3, HTTPS, 4, WEIR_FORWARD_PREV, a);
	syn(3, HTTPS6, 4, WEIR_FORWARD_PREV, a);
	assert_int_equal(n_records(), 4);
	rows(c, b);
	syn(1, HTTP, 5, WEIR_FORWARD_FLOW, a);
	rows(b, b);
	data(1, HTTPS, 6, WEIR_FORWARD_FLOW, a);
}

static void after_its_time_clients_without_a_record_are_new(void **state)
{
	(void)state;
	rows(b, a);
	syn(1, HTTP, 1, WEIR_FORWARD_PREV, a);
	rows(b, a | WEIR_ROW_UDP_NEW);
	syn(1, HTTPS, 2, WEIR_FORWARD_FLOW, a);
	syn(2, HTTPS, 2, WEIR_FORWARD, b);
	assert_int_equal(record(2)->endpoint, b);
	syn(2, HTTP, 3, WEIR_FORWARD_FLOW, b);
	data(3, UDP, 2, WEIR_FORWARD, b);
	data(4, HTTPS, 2, WEIR_FORWARD_PREV, a); /* of a connection from before the change */
	syn(4, HTTPS, 3, WEIR_FORWARD_FLOW, a);
}

static void a_client_of_a_dead_endpoint_moves_to_cur_and_stays_there(void **state)
{
	(void)state;
	rows(b, a);
	syn(1, HTTP, 1, WEIR_FORWARD_PREV, a);
	plane->endpoints[a].state = 0;
	syn(1, HTTP, 2, WEIR_FORWARD, b);
	plane->endpoints[a].state = WEIR_ENDPOINT_ALIVE;
	syn(1, HTTPS, 3, WEIR_FORWARD_FLOW, b);
}

static void a_client_is_remembered_for_its_time_after_its_last_packet(void **state)
{
	uint32_t now = plane_now(plane);

	(void)state;
	rows(b, a);
	syn(1, HTTP, 1, WEIR_FORWARD_PREV, a);
	syn(1, HTTP, 2, WEIR_FORWARD_FLOW, a); /* which may be anybody's in its name */
	assert_in_range(record(1)->seen - now, 0, 200 << WEIR_FLOW_FLAGS);
	data(1, HTTP, 1, WEIR_FORWARD_FLOW, a);
	assert_in_range(record(1)->seen - now, HOLD << WEIR_FLOW_FLAGS,
			(HOLD + 200) << WEIR_FLOW_FLAGS);
	/* So it is as young as can be to whoever looks for room, for so long. */
	record(1)->seen -= (HOLD - 200) << WEIR_FLOW_FLAGS;
	expect_sent(packet(1, HTTP, 1, PKT_FIN | PKT_ACK), WEIR_FORWARD_FLOW, a);
	assert_in_range(record(1)->seen - now, HOLD << WEIR_FLOW_FLAGS,
			(HOLD + 200) << WEIR_FLOW_FLAGS);
	assert_int_equal(record(1)->seen & 7, WEIR_FLOW_ESTABLISHED);
}

static void a_bucket_of_clients_gives_none_up(void **state)
{
	uint32_t n[WEIR_FLOW_WAYS + 1] = { 0 }, found = 1;

	(void)state;
	rows(b, a);
	for (uint32_t i = 1; found <= WEIR_FLOW_WAYS; i++)
		if ((uint16_t)(client_hash(i, HTTP) >> 16) ==
		    (uint16_t)(client_hash(n[0], HTTP) >> 16))
			n[found++] = i;
	for (uint32_t i = 0; i < WEIR_FLOW_WAYS; i++) {
		syn(n[i], HTTP, 1, WEIR_FORWARD_PREV, a);
		data(n[i], HTTP, 1, WEIR_FORWARD_FLOW, a);
		record(n[i])->seen -= plane_idle(plane) + (HOLD / 2 << WEIR_FLOW_FLAGS);
	}
	syn(n[WEIR_FLOW_WAYS], HTTP, 1, WEIR_FORWARD_PREV, a);
	assert_null(record(n[WEIR_FLOW_WAYS]));
	record(n[2])->seen -= HOLD << WEIR_FLOW_FLAGS;
	syn(n[WEIR_FLOW_WAYS], HTTP, 1, WEIR_FORWARD_PREV, a);
	assert_non_null(record(n[WEIR_FLOW_WAYS]));
	assert_null(record(n[2]));
}

static void load_balancers_do_not_share_their_clients(void **state)
{
	(void)state;
	rows(b, a);
	plane_set_flags(plane, &service[HTTPS], WEIR_SERVICE_CLIENT | WEIR_SERVICE_STICKY,
			(struct weir_special){ .group = GROUP + 1 });
	syn(1, HTTP, 1, WEIR_FORWARD_PREV, a);
	plane_set_rows(plane, &service[HTTPS], b, c);
	syn(1, HTTPS, 2, WEIR_FORWARD_PREV, c);
	/* Nor is a group a service of that number. */
	assert_null(plane_record_of(plane, client_hash(1, HTTP), GROUP));
}

static void an_icmp_error_finds_the_client_it_is_about(void **state)
{
	struct flow back = flow_of(IPPROTO_TCP, VIP, 80, "10.0.0.1", 1), icmp = back;
	struct pkt quoted = pkt_new(&back, PKT_ACK), p;

	(void)state;
	icmp = flow_of(IPPROTO_ICMP, "203.0.113.9", 0, VIP, 0);
	p = pkt_payload(pkt_new(&icmp, 0), 60);
	p.data[34] = 3;
	memcpy(p.data + 42, quoted.data + 14, 28);
	rows(b, a);
	expect_sent(p, WEIR_FORWARD_ICMP, a);
	assert_int_equal(n_records(), 0);
	syn(1, HTTP, 1, WEIR_FORWARD_PREV, a);
	rows(b, c);
	expect_sent(p, WEIR_FORWARD_ICMP, a);
}

static void odd_packets_are_of_their_client_too(void **state)
{
	(void)state;
	rows(b, a);
	expect_sent(pkt_vlan(packet(1, HTTP, 1, PKT_SYN), 5), WEIR_FORWARD_PREV, a);
	rows(b, c);
	expect_sent(pkt_options(packet(1, HTTPS, 2, PKT_SYN), 8), WEIR_FORWARD_FLOW, a);
	rows(WEIR_NO_ENDPOINT, WEIR_NO_ENDPOINT);
	expect(packet(2, HTTP, 1, PKT_SYN), XDP_DROP, WEIR_DROP_NO_ENDPOINT);
}

/* --- datagrams that are requests --- */

static int requests(void **state)
{
	sticky(state);
	set_flags(WEIR_SERVICE_UDP_REQUEST);
	return 0;
}

static void a_request_goes_where_its_row_says_now(void **state)
{
	(void)state;
	rows(a, REST);
	data(1, UDP, 1, WEIR_FORWARD, a);
	rows(b, a);
	data(1, UDP, 1, WEIR_FORWARD, b);
	rows(c, a);
	data(1, UDP, 1, WEIR_FORWARD, c);
	rows(WEIR_NO_ENDPOINT, a);
	expect(packet(1, UDP, 1, 0), XDP_DROP, WEIR_DROP_NO_ENDPOINT);
	assert_int_equal(n_records(), 0);
}

int main(void)
{
#define STICKY(name) cmocka_unit_test_setup(name, sticky)
	const struct CMUnitTest tests[] = {
		STICKY(all_flows_of_a_client_take_the_row_of_its_address),
		cmocka_unit_test_setup(without_affinity_flows_are_recorded_one_by_one, hash_policy),
		STICKY(a_client_stays_through_a_change_with_all_it_does),
		STICKY(after_its_time_clients_without_a_record_are_new),
		STICKY(a_client_of_a_dead_endpoint_moves_to_cur_and_stays_there),
		STICKY(a_client_is_remembered_for_its_time_after_its_last_packet),
		STICKY(a_bucket_of_clients_gives_none_up),
		STICKY(load_balancers_do_not_share_their_clients),
		STICKY(an_icmp_error_finds_the_client_it_is_about),
		STICKY(odd_packets_are_of_their_client_too),
		cmocka_unit_test_setup(a_request_goes_where_its_row_says_now, requests),
	};

	return BED_TESTS(tests);
}
