/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The packet program against a plain description of it, over random packets, rows and records:
 * same action, same reason, same bytes, same record. */
#include "bed.h"

#include "seen.h"

#include "named.h"

#include "chosen.h"

#include "watched.h"

#include "sent.h"

#define PACKETS  1000000 /* unless WEIR_PACKETS says how many: emulation is slow */
#define ROWS     64
#define CLIENTS  8
#define PORTS    8  /* of a client */
#define RESHAPED 50 /* packets between changes of a row */

static const char *const vips[] = { "192.0.2.1", "2001:db8::1", "192.0.2.3" };
static const uint16_t sorts[] = {
	0,
	WEIR_SERVICE_CLIENT,
	WEIR_SERVICE_CLIENT | WEIR_SERVICE_STICKY,
	WEIR_SERVICE_UDP_REQUEST,
	WEIR_SERVICE_SOURCES | WEIR_SERVICE_CLIENT,
	WEIR_SERVICE_QUIC,
	WEIR_SERVICE_QUIC | WEIR_SERVICE_CLIENT | WEIR_SERVICE_STICKY,
	WEIR_SERVICE_COUNTED | WEIR_SERVICE_RECORDED,
	WEIR_SERVICE_COUNTED | WEIR_SERVICE_RECORDED | WEIR_SERVICE_LEAST,
	WEIR_SERVICE_COUNTED | WEIR_SERVICE_RECORDED | WEIR_SERVICE_LEAST | WEIR_SERVICE_CLIENT,
	WEIR_SERVICE_COUNTED | WEIR_SERVICE_RECORDED | WEIR_SERVICE_QUIC,
	WEIR_SERVICE_WATCH,
	WEIR_SERVICE_STEER,
	WEIR_SERVICE_STEER | WEIR_SERVICE_CLIENT | WEIR_SERVICE_STICKY | WEIR_SERVICE_QUIC,
	WEIR_SERVICE_STEER | WEIR_SERVICE_COUNTED | WEIR_SERVICE_RECORDED | WEIR_SERVICE_LEAST,
	WEIR_SERVICE_STEER | WEIR_SERVICE_WATCH,
};
#define SORTS (sizeof(sorts) / sizeof(*sorts))
#define PORT  443                           /* of the first sort, then upwards */
static struct served services[2][2][SORTS]; /* by family, UDP, sort */
static uint64_t seed = 20260101;

static uint32_t roll(uint32_t n)
{
	seed = seed * 6364136223846793005ull + 1442695040888963407ull;
	return (uint32_t)(seed >> 33) % n;
}

/* --- the description --- */

/* Where the first fragments of datagrams went: few enough to look through. */
static struct {
	struct seen of;
	uint32_t slot;
} led[4096];
static uint32_t n_led;

static uint32_t *led_by(const struct seen *s)
{
	for (uint32_t i = 0; i < n_led; i++)
		if (led[i].of.id == s->id && led[i].of.v6 == s->v6 &&
		    (s->v6 || led[i].of.proto == s->proto) &&
		    !memcmp(&led[i].of.src, &s->src, 16) && !memcmp(&led[i].of.dst, &s->dst, 16))
			return &led[i].slot;
	return NULL;
}

/* Of all fragments of a datagram. */
static uint64_t datagram_hash(const struct seen *s)
{
	return plane_hash_of(&s->src, &s->dst, s->id, s->v6 ? 0 : s->proto);
}

static void lead(const struct seen *s, uint32_t slot)
{
	uint32_t *known = led_by(s);

	if (!known) {
		assert_true(n_led < sizeof(led) / sizeof(*led));
		led[n_led].of = *s;
		known = &led[n_led++].slot;
	}
	*known = slot;
}

static bool is(const union weir_addr *a, const char *text)
{
	union weir_addr b = pkt_addr(text);

	return !memcmp(a, &b, sizeof(b));
}

/* The service, or why not. */
static enum weir_reason whose(const struct seen *s, const struct served **out)
{
	int vip = is(&s->dst, vips[0])   ? 0
		  : is(&s->dst, vips[1]) ? 1
		  : is(&s->dst, vips[2]) ? 2
					 : -1;

	if (vip < 0)
		return WEIR_PASS_NOT_OURS;
	if (s->why != WEIR_FORWARD)
		return s->why;
	if (vip == 2 || s->dport < PORT || s->dport >= PORT + SORTS)
		return WEIR_PASS_NOT_OURS;
	*out = &services[vip][s->proto == IPPROTO_UDP][s->dport - PORT];
	return WEIR_FORWARD;
}

/* --- packets --- */

static struct flow random_flow(void)
{
	static const uint8_t protos[] = { 6, 6, 6, 17, 17, 1, 47, 58 };
	int v6 = (int)roll(2);
	struct flow f = flow_of(protos[roll(sizeof(protos))], v6 ? "2001:db8:7::1" : "198.51.100.1",
				(uint16_t)roll(PORTS), vips[v6],
				roll(8) ? (uint16_t)(PORT + roll(SORTS)) : 80);

	f.src.b[15] = (uint8_t)roll(CLIENTS);
	if (!roll(8))
		f.dst = pkt_addr(v6 ? "2001:db8::2" : roll(2) ? "192.0.2.2" : vips[2]);
	return f;
}

/* An ICMP error about a packet that an endpoint sent back on the flow. */
static struct pkt quoting(const struct flow *f)
{
	struct flow back = { f->dst, f->src, f->dport, f->sport, f->proto }, icmp = *f;
	bool v6 = f->src.b[0] != 0;
	static const uint8_t types[] = { 3, 11, 12, 1, 2, 4 };
	struct pkt quoted = pkt_new(&back, PKT_ACK), p;
	uint32_t at = v6 ? 62 : 42, n = 28 + (v6 ? 20 : 0) + roll(8) - roll(8);

	icmp.proto = v6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP;
	p = pkt_payload(pkt_new(&icmp, 0), 60);
	p.data[at - 8] = types[roll(sizeof(types))];
	memcpy(p.data + at, quoted.data + 14, n < quoted.len - 14 ? n : quoted.len - 14);
	return roll(4) ? p : pkt_cut(p, at + roll(p.len - at));
}

static struct pkt random_packet(void)
{
	static const uint8_t flags[] = { PKT_SYN, PKT_ACK, PKT_ACK, PKT_FIN | PKT_ACK,
					 PKT_SYN | PKT_ACK };
	struct flow f = random_flow();
	struct pkt p = pkt_new(&f, flags[roll(sizeof(flags))]);
	bool v6 = f.src.b[0] != 0;

	if (f.proto == IPPROTO_UDP && roll(2))
		p = random_quic(&f, roll);
	switch (roll(14)) {
	case 12:
		return quoting(&f);
	case 13:
		for (int n = roll(4) ? 0 : 7; v6 && n > 0; n--)
			p = pkt_extension(p, 60);
		return v6 ? pkt_extension(pkt_extension(pkt_fragment(p, (uint16_t)roll(2), 1), 60),
					  0)
			  : pkt_vlan(pkt_vlan(pkt_fragment(p, (uint16_t)roll(2), 1), 7), 8);
	case 0:
		return v6 ? pkt_extension(p, (uint8_t)roll(140)) : pkt_options(p, 4 * roll(11));
	case 1:
		return pkt_fragment(p, (uint16_t)(roll(2) * roll(100)), (int)roll(2));
	case 2:
		return pkt_vlan(p, 7);
	case 3:
		return pkt_pad(p, p.len + roll(40));
	case 4:
		return pkt_cut(p, 14 + roll(p.len - 14));
	case 5:
	case 6:
		return pkt_byte(p, 12 + roll(p.len - 12), (int)roll(256));
	case 7:
		return pkt_payload(p, roll(1300));
	}
	return p;
}

/* Limits change, and whether a service counts. */
static void recount(void)
{
	struct served *svc = &services[roll(2)][roll(2)][roll(SORTS)];
	uint32_t kind = V4 + roll(KINDS - V4);

	accounts[kind].limit = roll(8) ? 1 + roll(80) : 0;
	accounts[kind].weight = 1 + roll(100);
	plane_set_conns(plane, kind, accounts[kind].limit, (uint16_t)accounts[kind].weight);
	if (!(svc->flags & WEIR_SERVICE_RECORDED))
		return;
	svc->flags ^= WEIR_SERVICE_COUNTED * !roll(8);
	plane_set_flags(plane, &svc->at, svc->flags, svc->special);
}

/* A row of every kind: what is no slot is named too. */
static void reshape(void)
{
	const struct plane_service *s = &services[roll(2)][roll(2)][roll(SORTS)].at;
	uint32_t prev = roll(3) ? roll(KINDS) | (roll(2) ? WEIR_ROW_UDP_NEW : 0) : REST;

	plane_set_row(plane, s->base + roll(s->size), roll(KINDS), prev);
}

static void compare(const struct pkt *in)
{
	struct outcome want = { .action = XDP_PASS, .out = *in };
	struct choice choice = { .record = NO_RECORD };
	const struct served *svc = NULL;
	struct flow f;
	struct seen s;
	struct pkt out;

	want.why = see(in, &s);
	if (want.why == WEIR_FORWARD)
		want.why = whose(&s, &svc);
	f = (struct flow){ s.src, s.dst, s.sport, s.dport, s.proto };
	if (want.why > WEIR_LAST_PASS)
		want.action = XDP_DROP;
	if (want.why == WEIR_REPLY_ECHO) {
		want.action = XDP_TX;
		echo(in, &s, &want.out);
	}
	if (want.why == WEIR_FORWARD_FRAGMENT) {
		const uint32_t *to = led_by(&s);

		want.action = XDP_DROP;
		if (to && alive(*to))
			want.why = describe(in, &s, datagram_hash(&s) >> 32, *to, want.why, &want);
		else
			want.why = WEIR_DROP_FRAGMENT;
	}
	if (svc) {
		bool watched = svc->flags & WEIR_SERVICE_WATCH && s.syn && !s.about;
		struct past past = { 0 };

		if (watched)
			past = lay_past(in, &s, &f, KINDS);
		choice = choose(svc, in, &s, &f);
		if (watched)
			choose_again(&f, &past, &choice);
		want.action = XDP_DROP;
		if (s.fragment == FIRST && choice.slot != NONE)
			lead(&s, choice.slot);
		want.why = describe(in, &s, plane_hash(&f) >> 32, choice.slot, choice.why, &want);
	}
	out = expect(*in, want.action, want.why);
	assert_int_equal(out.len, want.out.len);
	assert_memory_equal(out.data, want.out.data, out.len);
	if (choice.record != NO_RECORD)
		assert_int_equal(plane_record_of(plane, choice.who, choice.id)->endpoint,
				 choice.record);
	for (uint32_t kind = V4; kind < KINDS; kind++)
		assert_int_equal(plane_open(plane, kind), accounts[kind].open);
}

static enum weir_mode mode_of(uint32_t kind)
{
	return kind == L2                     ? WEIR_MODE_L2
	       : kind == GUE4 || kind == GUE6 ? WEIR_MODE_GUE
					      : WEIR_MODE_IPIP;
}

static void serve(struct served *svc, int v6, int udp, uint32_t sort)
{
	svc->at = plane_add_service(plane, vips[v6], udp ? IPPROTO_UDP : IPPROTO_TCP,
				    (uint16_t)(PORT + sort), ROWS);
	svc->flags = udp ? sorts[sort] : sorts[sort] & ~WEIR_SERVICE_QUIC;
	svc->special = (struct weir_special){ .group = sort + 1,
					      .hold = 1000,
					      .sources = 1,
					      .id_bytes = NAMED_BYTES << 4 * NAMED_ROTATION,
					      .steer = { v6 ? WEIR_STEER_SLICED : 0,
							 v6 && udp ? WEIR_STEER_ONE_CLASS : 0 } };
	plane_set_flags(plane, &svc->at, svc->flags, svc->special);
}

/* Reasons that no packet here has. */
static bool shown_elsewhere(enum weir_reason why)
{
	return why == WEIR_DROP_NO_HEADROOM || why == WEIR_DROP_NO_DEVICE || why == WEIR_DROP_MTU ||
	       why == WEIR_FORWARD_NAT_REPLY || why == WEIR_PASS_NAT_REPLY ||
	       why == WEIR_PASS_NO_FORWARDING || why == WEIR_DROP_NO_PORT ||
	       why == WEIR_DROP_NO_FLOW || why == WEIR_DROP_TTL || why == WEIR_PASS_SPLIT ||
	       why == WEIR_DROP_RATE || why == WEIR_REPLY_DNS || why == WEIR_PASS_DNS ||
	       why == WEIR_DROP_DNS;
}

static void the_program_does_what_its_description_says(void **state)
{
	static const char own4[] = "10.0.0.9", own6[] = "2001:db8:9::9";
	const char *asked = getenv("WEIR_PACKETS");
	uint32_t packets = asked ? (uint32_t)strtoul(asked, NULL, 10) : PACKETS;

	(void)state;
	for (uint32_t i = 0; i < sizeof(rules) / sizeof(*rules); i++)
		plane_add_source(plane, 1, rules[i].addr, rules[i].bits, rules[i].is);
	for (uint32_t i = 0; i < STEER_TABLES; i++)
		steer_table[i] = plane_add_service(plane, vips[2], IPPROTO_TCP, 1, WEIR_TABLE_MIN);
	for (uint32_t i = 0; i < 4 * SORTS; i++)
		serve(&services[i & 1][i >> 1 & 1][i / 4], i & 1, i >> 1 & 1, i / 4);
	plane_add_service(plane, vips[2], 0, 0, 0);
	for (uint32_t kind = V4; kind < KINDS; kind++) {
		bool v6 = kind == V6 || kind == GUE6;

		plane_add_endpoint(plane, mode_of(kind), v6 ? own6 : own4,
				   v6 ? "2001:db8:9::1" : "10.0.0.1",
				   kind == FAR    ? OTHER
				   : kind == LOST ? 0
						  : LO);
	}
	n_named = KINDS;
	for (uint32_t i = 0; i < SORTS * (KINDS - 1); i++)
		plane_add_server_id(plane, i % SORTS + 1, NAMED_ROTATION, NAMED_BYTES,
				    i / SORTS + 1, i / SORTS + 1);
	plane->endpoints[SMALL].mtu = SMALL_MTU;
	plane->endpoints[DEAD].state = 0;
	steer_world();
	for (uint32_t i = 0; i < 2 * 2 * SORTS * ROWS; i++)
		reshape();
	for (uint32_t i = 0; i < packets; i++) {
		struct pkt p = random_packet();

		if (!(i % RESHAPED)) {
			reshape();
			steer_reshape();
			recount();
		}
		compare(&p);
	}
	for (enum weir_reason why = 0; why < WEIR_REASON_COUNT; why++)
		if (!shown_elsewhere(why) &&
		    plane_count(plane, why) < (packets < PACKETS ? 1 : 100))
			fail_msg("reason %u of abi.h: %llu packets only", why,
				 (unsigned long long)plane_count(plane, why));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		BED_TEST(the_program_does_what_its_description_says),
	};

	return BED_TESTS(tests);
}
