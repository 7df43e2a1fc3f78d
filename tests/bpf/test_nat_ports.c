/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Local ports: every client's flow has one of its own towards an endpoint, for as long as it lives,
 * and gets back what is sent there. */
#include <pthread.h>
#include <sched.h>
#include <unistd.h>

#include "ports_bed.h"

static void both_ways_addresses_ports_and_checksums_are_right(void **state)
{
	(void)state;
	for (int i = 0; i < 4; i++) {
		struct flow f = outside(i & 1, protos[i / 2], 0);
		struct flow seen = sends(&f, PKT_SYN), again;

		answer(&seen, &f, PKT_SYN | PKT_ACK);
		again = sends(&f, PKT_ACK);
		assert_memory_equal(&again, &seen, sizeof(seen));
	}
	assert_int_equal(entries(), 4);
}

static void every_flow_has_a_port_of_its_own_and_gets_its_answers(void **state)
{
	enum {
		FLOWS = 12000
	};
	static struct flow seen[FLOWS];
	static uint8_t taken[2][2][65536];

	(void)state;
	memset(taken, 0, sizeof(taken));
	for (uint32_t n = 0; n < FLOWS; n++) {
		struct flow f = outside(n & 1, protos[n >> 1 & 1], n);

		seen[n] = sends(&f, PKT_SYN);
		assert_int_equal(taken[n & 1][n >> 1 & 1][seen[n].sport]++, 0);
	}
	for (uint32_t n = 0; n < FLOWS; n++) {
		struct flow f = outside(n & 1, protos[n >> 1 & 1], n), again;

		answer(&seen[n], &f, PKT_ACK);
		again = sends(&f, PKT_ACK);
		assert_memory_equal(&again, &seen[n], sizeof(again));
	}
	assert_int_equal(entries(), FLOWS);
}

/* The same port is used again towards another endpoint, and by the other protocol. */
static void ports_are_counted_per_endpoint(void **state)
{
	struct flow f = outside(0, IPPROTO_TCP, 0), udp = outside(0, IPPROTO_UDP, 1), seen, other;
	struct pkt out;
	uint32_t slot;

	(void)state;
	plane->nat->n_ports = 1;
	seen = sends(&f, PKT_SYN);
	other = sends(&udp, 0);
	assert_int_equal(seen.sport, other.sport);
	answer(&seen, &f, PKT_ACK);
	answer(&other, &udp, 0);
	slot = plane_add_nat(plane, WEIR_MODE_FULLNAT, "10.9.8.8", EPORT, LO);
	plane_set_rows(plane, &services[0][0], slot, REST);
	f = outside(0, IPPROTO_TCP, 2);
	out = expect(pkt_new(&f, PKT_SYN), XDP_TX, WEIR_FORWARD);
	assert_int_equal(pkt_get16(out.data + 34), seen.sport);
	seen.dst = pkt_addr("10.9.8.8");
	answer(&seen, &f, PKT_ACK);
}

/* From one port of a client to two VIPs: two flows, which the endpoint must be able to tell apart.
 */
static void services_may_share_an_endpoint(void **state)
{
	struct flow f = outside(0, IPPROTO_TCP, 0), g = f, seen, other;
	struct plane_service more = plane_add_service(plane, "192.0.2.9", IPPROTO_TCP, VPORT, 64);

	(void)state;
	plane_set_rows(plane, &more, slots[0], REST);
	g.dst = pkt_addr("192.0.2.9");
	for (uint32_t n = 0; n < 100; n++) { /* also where their first candidates are the same */
		plane->nat->n_ports = (uint16_t)(2 + n);
		memset(plane->nat_flows, 0, WEIR_NAT_BUCKETS * sizeof(*plane->nat_flows));
		seen = sends(&f, PKT_SYN);
		other = sends(&g, PKT_SYN);
		assert_int_not_equal(seen.sport, other.sport);
		answer(&seen, &f, PKT_ACK);
		answer(&other, &g, PKT_ACK);
	}
}

static void when_all_ports_are_taken_new_flows_are_refused_and_others_go_on(void **state)
{
	struct flow had[8], seen[8];
	uint32_t n = 0, got = 0;

	(void)state;
	plane->nat->n_ports = 8;
	for (; n < 64; n++) {
		struct flow f = outside(0, IPPROTO_UDP, n);
		struct pkt in = pkt_new(&f, 0), out;

		if (plane_run(plane, &in, &out) != XDP_TX)
			continue;
		assert_true(got < 8);
		had[got] = f;
		seen[got] = back(&f);
		seen[got].sport = pkt_get16(out.data + 34);
		got++;
	}
	assert_int_equal(got, 8);
	assert_int_equal(plane_count(plane, WEIR_DROP_NO_PORT), 56);
	for (uint32_t i = 0; i < 8; i++)
		assert_int_equal(sends(&had[i], 0).sport, seen[i].sport);
}

/* One port, which another client wants. */
static void a_silent_flow_keeps_its_port_for_so_long(void **state)
{
	static const struct {
		uint8_t proto;
		enum {
			OPENING,
			ESTABLISHED,
			HALF_CLOSED,
			CLOSED,
			RESET_BY_CLIENT,
			RESET_BY_ENDPOINT,
			ANSWERED
		} stage;
		uint32_t seconds;
	} cases[] = {
		{ IPPROTO_TCP, OPENING, WEIR_NAT_OPENING_S },
		{ IPPROTO_TCP, ESTABLISHED, WEIR_NAT_TCP_S },
		{ IPPROTO_TCP, HALF_CLOSED, WEIR_NAT_TCP_S },
		{ IPPROTO_TCP, CLOSED, WEIR_NAT_CLOSING_S },
		{ IPPROTO_TCP, RESET_BY_CLIENT, WEIR_NAT_CLOSING_S },
		{ IPPROTO_TCP, RESET_BY_ENDPOINT, WEIR_NAT_CLOSING_S },
		{ IPPROTO_UDP, ANSWERED, WEIR_NAT_UDP_S },
	};

	for (uint32_t i = 0; i < 2 * sizeof(cases) / sizeof(*cases); i++) {
		struct flow f = outside(i & 1, cases[i / 2].proto, 0), seen;
		struct flow other = outside(i & 1, cases[i / 2].proto, 1);
		bool opening = cases[i / 2].stage == OPENING;

		setup(state);
		plane->nat->n_ports = 1;
		seen = sends(&f, PKT_SYN);
		if (!opening) {
			answer(&seen, &f, PKT_SYN | PKT_ACK);
			sends(&f, PKT_ACK);
		}
		if (cases[i / 2].stage == HALF_CLOSED || cases[i / 2].stage == CLOSED)
			sends(&f, PKT_FIN | PKT_ACK);
		if (cases[i / 2].stage == CLOSED)
			answer(&seen, &f, PKT_FIN | PKT_ACK);
		if (cases[i / 2].stage == RESET_BY_CLIENT)
			sends(&f, PKT_RST);
		if (cases[i / 2].stage == RESET_BY_ENDPOINT)
			answer(&seen, &f, PKT_RST);
		refused(&other, PKT_SYN);
		if (opening) /* gives way earlier, but only when it has to: the test below */
			continue;
		silence(&f, cases[i / 2].seconds, -1);
		refused(&other, PKT_SYN);
		silence(&f, 0, 3);
		sends(&other, PKT_SYN);
		assert_null(entry_of(&f));
		answer(&seen, &other, PKT_SYN | PKT_ACK); /* of the endpoint, to who has it now */
	}
}

static void an_opening_flow_gives_way_when_there_is_no_other_port(void **state)
{
	struct flow f = outside(0, IPPROTO_TCP, 0), other = outside(0, IPPROTO_TCP, 1);
	struct flow udp = outside(0, IPPROTO_UDP, 0), udp2 = outside(0, IPPROTO_UDP, 1);

	(void)state;
	plane->nat->n_ports = 1;
	sends(&f, PKT_SYN);
	silence(&f, WEIR_NAT_YOUNG_S, -1);
	refused(&other, PKT_SYN);
	silence(&f, 0, 3);
	sends(&other, PKT_SYN);
	sends(&other, PKT_ACK); /* a client alone establishes nothing */
	silence(&other, WEIR_NAT_YOUNG_S, 2);
	sends(&f, PKT_SYN);
	sends(&udp, 0);
	refused(&udp2, 0);
	silence(&udp, WEIR_NAT_YOUNG_S, 2);
	sends(&udp2, 0);
	assert_null(entry_of(&udp));
}

static void free_ports_are_taken_before_those_of_opening_flows(void **state)
{
	(void)state;
	for (uint32_t n = 0; n < 2000; n++) {
		struct flow f = outside(0, IPPROTO_TCP, n);

		sends(&f, PKT_SYN);
		if (!(n & 1))
			silence(&f, WEIR_NAT_YOUNG_S, 2);
	}
	assert_int_equal(entries(), 2000);
}

/* A SYN between the same two begins anew: what was closing is no longer. */
static void a_port_is_used_again_by_its_own_client(void **state)
{
	struct flow f = outside(0, IPPROTO_TCP, 0), other = outside(0, IPPROTO_TCP, 1), seen;

	(void)state;
	plane->nat->n_ports = 1;
	establish(&f);
	seen = sends(&f, PKT_RST);
	establish(&f);
	assert_int_equal(sends(&f, PKT_ACK).sport, seen.sport);
	silence(&f, WEIR_NAT_CLOSING_S, 5);
	refused(&other, PKT_SYN);
}

/* Its entry was forgotten, as after hours of silence. */
static void an_established_flow_without_an_entry_gets_one(void **state)
{
	struct flow f = outside(0, IPPROTO_TCP, 0), seen, again;

	(void)state;
	establish(&f);
	seen = sends(&f, PKT_ACK);
	memset(entry_of(&f), 0, sizeof(struct weir_nat_flow));
	again = sends(&f, PKT_ACK);
	assert_memory_equal(&again, &seen, sizeof(seen)); /* the same port: nothing is lost */
}

static void answers_without_an_owner_are_left_alone(void **state)
{
	(void)state;
	for (int v6 = 0; v6 < 2; v6++) {
		struct flow f = outside(v6, IPPROTO_TCP, 0), seen = sends(&f, PKT_SYN), in;

		for (int i = 0; i < 6; i++) {
			in = back(&seen);
			if (i == 0)
				in.dport ^= 1;
			else if (i == 1)
				in.sport ^= 1;
			else if (i == 2)
				in.src.b[15] ^= 1;
			else if (i == 3)
				in.dst.b[15] ^= 2;
			else if (i == 4)
				in.proto = IPPROTO_UDP;
			else /* its service is another one's by now */
				for (uint32_t s = 0; s < WEIR_SERVICE_SLOTS; s++)
					if (plane->services[s].key.id == services[v6][0].id)
						plane->services[s].key.id = 777;
			expect_untouched(pkt_new(&in, PKT_ACK), XDP_PASS, WEIR_PASS_NOT_OURS);
		}
	}
}

static void a_client_keeps_its_source(void **state)
{
	uint32_t used[8] = { 0 };

	(void)state;
	plane->nat->n_v4 = 7;
	plane->nat->source[7] = plane->nat->source[1];
	for (int i = 1; i < 7; i++) {
		plane->nat->source[i] = plane->nat->source[0];
		plane->nat->source[i].b[15] = (uint8_t)(1 + i);
	}
	for (uint32_t n = 0; n < 7000; n++) {
		struct flow f = outside(0, IPPROTO_UDP, n), in;
		struct pkt p = pkt_payload(pkt_new(&f, 0), 300);
		struct pkt out = expect(p, XDP_TX, WEIR_FORWARD);
		uint32_t nth = out.data[29] - 1u;

		assert_in_range(nth, 0, 6);
		used[nth]++;
		in = flow_of(f.proto, endpoint[0], EPORT, source[0], pkt_get16(out.data + 34));
		in.dst.b[15] = (uint8_t)(1 + nth);
		p = pkt_new(&in, 0);
		f = back(&f);
		expect_packet(p, XDP_REDIRECT, WEIR_FORWARD_NAT_REPLY,
			      to_client(translated(p, &f)));
	}
	for (int i = 0; i < 7; i++)
		assert_in_range(used[i], 400, 2000);
}

static void without_a_source_of_its_family_a_flow_is_refused(void **state)
{
	(void)state;
	for (int v6 = 0; v6 < 2; v6++) {
		struct flow f = outside(v6, IPPROTO_TCP, 0);

		setup(state);
		if (v6)
			plane->nat->n_v6 = 0;
		else
			plane->nat->n_v4 = 0;
		refused(&f, PKT_SYN);
	}
}

/* --- two CPUs --- */

/* So few that a round ends before an opening flow may give way, on the slowest machine too. */
#define RACE_PORTS 128

static uint16_t raced[2][RACE_PORTS * 4]; /* local port by CPU and client; 0: none */

static void *race(void *arg)
{
	uint32_t cpu = *(const uint32_t *)arg;
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	sched_setaffinity(0, sizeof(set), &set);
	for (uint32_t n = 0; n < RACE_PORTS * 4; n++) {
		struct flow f = outside(0, IPPROTO_TCP, n / 2 * 4 + 2 * cpu + n % 2);
		struct pkt in = pkt_new(&f, PKT_SYN), out;

		if (plane_run(plane, &in, &out) == XDP_TX)
			raced[cpu][n] = pkt_get16(out.data + 34);
	}
	return NULL;
}

static void no_port_is_given_to_two_clients_at_once(void **state)
{
	static const uint32_t cpus[2] = { 0, 1 };
	static uint8_t taken[65536];
	/* With one CPU there is no race. */
	uint32_t rounds = sysconf(_SC_NPROCESSORS_ONLN) > 1 ? 320 : 10, got = 0;
	pthread_t thread[2];

	for (uint32_t round = 0; round < rounds; round++) {
		setup(state);
		memset(raced, 0, sizeof(raced));
		memset(taken, 0, sizeof(taken));
		plane->nat->n_ports = RACE_PORTS;
		for (int i = 0; i < 2; i++)
			assert_int_equal(pthread_create(&thread[i], NULL, race, (void *)&cpus[i]),
					 0);
		for (int i = 0; i < 2; i++)
			pthread_join(thread[i], NULL);
		for (uint32_t n = 0; n < 2 * RACE_PORTS * 4; n++) {
			uint16_t port = raced[n & 1][n / 2];

			got += port != 0;
			assert_true(!port || !taken[port]++);
		}
	}
	assert_in_range(got, rounds * RACE_PORTS * 9 / 10, rounds * RACE_PORTS);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup(name, setup)
	const struct CMUnitTest tests[] = {
		TEST(both_ways_addresses_ports_and_checksums_are_right),
		TEST(every_flow_has_a_port_of_its_own_and_gets_its_answers),
		TEST(ports_are_counted_per_endpoint),
		TEST(services_may_share_an_endpoint),
		TEST(when_all_ports_are_taken_new_flows_are_refused_and_others_go_on),
		TEST(a_silent_flow_keeps_its_port_for_so_long),
		TEST(an_opening_flow_gives_way_when_there_is_no_other_port),
		TEST(free_ports_are_taken_before_those_of_opening_flows),
		TEST(a_port_is_used_again_by_its_own_client),
		TEST(an_established_flow_without_an_entry_gets_one),
		TEST(answers_without_an_owner_are_left_alone),
		TEST(a_client_keeps_its_source),
		TEST(without_a_source_of_its_family_a_flow_is_refused),
		TEST(no_port_is_given_to_two_clients_at_once),
	};

	return cmocka_run_group_tests(tests, nat_open, bed_close);
}
