/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Local ports: every client's flow has one of its own towards an endpoint, for as long as it lives,
 * and gets back what is sent there. */
#include <pthread.h>
#include <sched.h>

#include "nat_bed.h"

#define FIRST 20000
#define PORTS 30000

static const char *const source[2] = { "10.50.0.1", "2001:db8:50::1" };
static const char *const router[2] = { "172.16.5.5", "2001:db8:5::5" };
static const uint8_t protos[] = { IPPROTO_TCP, IPPROTO_UDP };
static struct plane_service services[2][2]; /* by family, UDP */
static uint32_t slots[2];

static int setup(void **state)
{
	bed_reset(state);
	*plane->nat =
		(struct weir_nat_conf){ .first_port = FIRST,
					.n_ports = PORTS,
					.n_v4 = 1,
					.n_v6 = 1,
					.source = { pkt_addr(source[0]), pkt_addr(source[1]) } };
	for (int v6 = 0; v6 < 2; v6++) {
		slots[v6] = plane_add_nat(plane, WEIR_MODE_FULLNAT, endpoint[v6], EPORT, LO);
		for (int udp = 0; udp < 2; udp++) {
			services[v6][udp] =
				plane_add_service(plane, vip[v6], protos[udp], VPORT, 64);
			plane_set_rows(plane, &services[v6][udp], slots[v6], REST);
		}
	}
	return 0;
}

/* The flow of a client that has this number. */
static struct flow outside(int v6, uint8_t proto, uint32_t n)
{
	struct flow f = flow_of(proto, client[v6], (uint16_t)(CPORT + n / 200), vip[v6], VPORT);

	f.src.b[15] = (uint8_t)(1 + n % 200);
	return f;
}

/* The only entry of a client's flow; NULL: there is none. */
static struct weir_nat_flow *entry_of(const struct flow *f)
{
	struct weir_nat_flow *found = NULL;

	for (uint32_t i = 0; i < WEIR_NAT_BUCKETS * WEIR_NAT_WAYS; i++) {
		struct weir_nat_flow *e =
			&plane->nat_flows[i / WEIR_NAT_WAYS].way[i % WEIR_NAT_WAYS];

		if (!e->key || (uint16_t)(e->key >> 16) != htons(f->sport) ||
		    (e->key >> 52 & 1) != (f->proto == IPPROTO_UDP) ||
		    memcmp(&e->client, &f->src, sizeof(e->client)))
			continue;
		assert_null(found);
		found = e;
	}
	return found;
}

static uint32_t entries(void)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < WEIR_NAT_BUCKETS * WEIR_NAT_WAYS; i++)
		n += plane->nat_flows[i / WEIR_NAT_WAYS].way[i % WEIR_NAT_WAYS].key != 0;
	return n;
}

/* As if so many seconds had passed since the flow's last packet, and a bit. */
static void silence(const struct flow *f, uint32_t seconds, int more_ticks)
{
	uint32_t ticks = seconds * plane->skel->rodata->weir_hz >> WEIR_NAT_TICK;

	entry_of(f)->seen -= (ticks + (uint32_t)more_ticks) << WEIR_NAT_FLAGS;
}

/* Sends a packet of a flow, which must get there; the flow as its endpoint sees it. */
static struct flow sends(const struct flow *f, uint8_t flags)
{
	struct pkt in = pkt_new(f, flags), out = expect(in, XDP_TX, WEIR_FORWARD), want;
	int v6 = v6_of(&in);
	struct flow seen = flow_of(f->proto, source[v6], pkt_get16(out.data + upper_at(&out)),
				   endpoint[v6], EPORT);

	assert_in_range(seen.sport, plane->nat->first_port,
			plane->nat->first_port + plane->nat->n_ports - 1);
	want = to_endpoint(translated(in, &seen), slots[v6]);
	same(&out, &want);
	return seen;
}

/* The endpoint answers: the flow's client gets it. */
static void answer(const struct flow *seen, const struct flow *f, uint8_t flags)
{
	struct flow in = back(seen), out = back(f);
	struct pkt p = pkt_new(&in, flags);

	expect_packet(p, XDP_REDIRECT, WEIR_FORWARD_NAT_REPLY, to_client(translated(p, &out)));
}

static void establish(const struct flow *f)
{
	struct flow seen = sends(f, PKT_SYN);

	answer(&seen, f, PKT_SYN | PKT_ACK);
	sends(f, PKT_ACK);
}

static void refused(const struct flow *f, uint8_t flags)
{
	expect_untouched(pkt_new(f, flags), XDP_DROP, WEIR_DROP_NO_PORT);
}

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

/* --- two CPUs --- */

/* So few that a round ends before an opening flow may give way, on the slowest machine too. */
#define RACE_PORTS  128
#define RACE_ROUNDS 320

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
	pthread_t thread[2];
	uint32_t got = 0;

	for (int round = 0; round < RACE_ROUNDS; round++) {
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
	assert_in_range(got, RACE_ROUNDS * RACE_PORTS * 9 / 10, RACE_ROUNDS * RACE_PORTS);
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
		TEST(errors_are_translated_with_what_they_quote),
		TEST(an_error_about_no_flow_takes_no_port),
		TEST(an_error_is_no_sign_of_life),
		TEST(fragments_follow_their_first_both_ways),
		TEST(a_fragment_reaches_nobody_else),
		TEST(a_client_keeps_its_source),
		TEST(without_a_source_of_its_family_a_flow_is_refused),
		TEST(no_mapped_address_is_taken_for_ours),
		TEST(no_port_is_given_to_two_clients_at_once),
	};

	return cmocka_run_group_tests(tests, nat_open, bed_close);
}
