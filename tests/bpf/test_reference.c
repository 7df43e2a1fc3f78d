/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The packet program against a plain description of it, over random packets, rows and records:
 * same action, same reason, same bytes, same record. */
#include "bed.h"

#include <stdbool.h>

#define PACKETS  200000
#define ROWS     64
#define CLIENTS  40
#define RESHAPED 50 /* packets between changes of a row */

enum {
	NONE,
	V4,
	V6,
	L2,
	FAR,
	LOST,
	DEAD,
	KINDS
}; /* endpoint slots by kind; NONE is no slot */

static const char *const vips[] = { "192.0.2.1", "2001:db8::1", "192.0.2.3" };
static struct plane_service services[2][2]; /* by family, UDP */
static uint64_t seed = 20260101;

static uint32_t roll(uint32_t n)
{
	seed = seed * 6364136223846793005ull + 1442695040888963407ull;
	return (uint32_t)(seed >> 33) % n;
}

/* --- the description --- */

/* What a packet says of itself, as far as it can be believed. */
struct seen {
	bool ip, v6;
	union weir_addr src, dst;
	uint32_t ip_len, read; /* read: what of it was looked at */
	uint8_t proto;
	uint16_t sport, dport;
	bool syn;
	enum weir_reason why; /* the ports cannot be told; WEIR_FORWARD: they can */
};

struct outcome {
	uint32_t action;
	enum weir_reason why;
	struct pkt out;
};

static void see_ports(const struct pkt *p, uint32_t at, struct seen *s)
{
	uint32_t need = s->proto == IPPROTO_TCP ? 20 : 8;

	if (s->proto != IPPROTO_TCP && s->proto != IPPROTO_UDP) {
		s->why = WEIR_PASS_VIP_OTHER;
	} else if (p->len < at + need) {
		s->why = WEIR_DROP_TRUNCATED;
	} else {
		s->read = at - 14 + need;
		s->sport = pkt_get16(p->data + at);
		s->dport = pkt_get16(p->data + at + 2);
		s->syn = s->proto == IPPROTO_TCP &&
			 (p->data[at + 13] & (PKT_SYN | PKT_ACK)) == PKT_SYN;
	}
}

static void see_v4(const struct pkt *p, struct seen *s)
{
	const uint8_t *ip = p->data + 14;
	uint32_t header = (ip[0] & 15) * 4u;

	s->src.b[10] = s->src.b[11] = s->dst.b[10] = s->dst.b[11] = 0xff;
	memcpy(s->src.b + 12, ip + 12, 4);
	memcpy(s->dst.b + 12, ip + 16, 4);
	s->proto = ip[9];
	s->ip_len = pkt_get16(ip + 2);
	if (ip[0] >> 4 != 4 || header < 20 || s->ip_len < header)
		s->why = WEIR_DROP_BAD_HEADER;
	else if (pkt_get16(ip + 6) & 0x3fff)
		s->why = WEIR_DROP_FRAGMENT;
	else
		see_ports(p, 14 + header, s);
}

static void see_v6(const struct pkt *p, struct seen *s)
{
	const uint8_t *ip = p->data + 14;

	s->v6 = true;
	memcpy(s->src.b, ip + 8, 16);
	memcpy(s->dst.b, ip + 24, 16);
	s->proto = ip[6];
	s->ip_len = 40u + pkt_get16(ip + 4);
	if (ip[0] >> 4 != 6)
		s->why = WEIR_DROP_BAD_HEADER;
	else if (s->proto == 44)
		s->why = WEIR_DROP_FRAGMENT;
	else if (s->proto == 0 || s->proto == 43 || s->proto == 51 || s->proto == 60 ||
		 s->proto == 135)
		s->why = WEIR_DROP_EXTENSION;
	else
		see_ports(p, 54, s);
}

/* ::ffff:0:0/96, which stands for IPv4 in the tables and is nobody's on the wire. */
static bool is_mapped(const union weir_addr *a)
{
	static const uint8_t prefix[12] = { [10] = 0xff, [11] = 0xff };

	return !memcmp(a->b, prefix, sizeof(prefix));
}

/* WEIR_FORWARD: an IP packet whose addresses can be read. */
static enum weir_reason see(const struct pkt *p, struct seen *s)
{
	uint16_t type = pkt_get16(p->data + 12);

	memset(s, 0, sizeof(*s));
	if (type != 0x0800 && type != 0x86dd)
		return WEIR_PASS_NOT_IP;
	if (p->len < (type == 0x0800 ? 34 : 54))
		return WEIR_DROP_TRUNCATED;
	if (type == 0x0800)
		see_v4(p, s);
	else
		see_v6(p, s);
	return s->v6 && is_mapped(&s->dst) ? WEIR_PASS_NOT_OURS : WEIR_FORWARD;
}

static bool is(const union weir_addr *a, const char *text)
{
	union weir_addr b = pkt_addr(text);

	return !memcmp(a, &b, sizeof(b));
}

/* The service, or why not. */
static enum weir_reason whose(const struct seen *s, const struct plane_service **out)
{
	int vip = is(&s->dst, vips[0])   ? 0
		  : is(&s->dst, vips[1]) ? 1
		  : is(&s->dst, vips[2]) ? 2
					 : -1;

	if (vip < 0)
		return WEIR_PASS_NOT_OURS;
	if (s->why != WEIR_FORWARD)
		return s->why;
	if (vip == 2 || s->dport != 443)
		return WEIR_PASS_NOT_OURS;
	*out = &services[vip][s->proto == IPPROTO_UDP];
	return WEIR_FORWARD;
}

static bool alive(uint32_t slot)
{
	return slot != NONE && slot != DEAD;
}

/* Buckets do not fill up with so few clients. Where a record is, or would be, is looked at
 * before the packet; what it must be afterwards is noted in *record. */
static enum weir_reason pick(const struct plane_service *svc, const struct seen *s,
			     const struct flow *f, uint32_t *slot, uint32_t *record)
{
	struct weir_row row = plane->rows[svc->base + (plane_hash(f) & (svc->size - 1))];
	const struct weir_flow *r = plane_record(plane, svc, f);
	bool fresh = s->syn || (s->proto == IPPROTO_UDP && row.prev & WEIR_ROW_UDP_NEW);

	*record = UINT32_MAX;
	*slot = row.cur;
	if (row.prev == REST)
		return WEIR_FORWARD;
	if (r && !s->syn && alive(r->endpoint))
		*slot = r->endpoint;
	else if (!r && !fresh)
		*slot = row.prev & WEIR_ROW_SLOT;
	*record = *slot;
	if (r && !s->syn && alive(r->endpoint))
		return WEIR_FORWARD_FLOW;
	return !r && !fresh ? WEIR_FORWARD_PREV : WEIR_FORWARD;
}

static void wrap(const struct pkt *in, const struct seen *s, uint32_t slot, struct pkt *out)
{
	const struct weir_endpoint *e = &plane->endpoints[slot];
	uint32_t more = e->hdr_len - 14u;
	uint8_t *ip = out->data + 14;

	*out = *in;
	if (slot == L2) {
		memcpy(out->data, e->hdr, 12);
		return;
	}
	memcpy(out->data, e->hdr, e->hdr_len);
	memcpy(out->data + e->hdr_len, in->data + 14, in->len - 14);
	out->len = in->len + more;
	if (more == 20) {
		pkt_put16(ip + 2, (uint16_t)(s->ip_len + 20));
		ip[9] = s->v6 ? 41 : 4;
		pkt_put16(ip + 10, pkt_checksum(ip, 20, 0));
	} else {
		pkt_put16(ip + 4, (uint16_t)s->ip_len);
		ip[6] = s->v6 ? 41 : 4;
	}
}

static enum weir_reason describe(const struct pkt *in, const struct seen *s, uint32_t slot,
				 enum weir_reason why, struct outcome *o)
{
	if (slot == NONE)
		return WEIR_DROP_NO_ENDPOINT;
	if (s->ip_len < s->read || s->ip_len + 14 > in->len)
		return WEIR_DROP_TRUNCATED;
	if (slot == LOST)
		return WEIR_DROP_NO_NEXT_HOP;
	wrap(in, s, slot, &o->out);
	o->action = slot == FAR ? XDP_REDIRECT : XDP_TX;
	return why;
}

/* --- packets --- */

static struct flow random_flow(void)
{
	static const uint8_t protos[] = { 6, 6, 6, 17, 17, 1, 47 };
	int v6 = (int)roll(2);
	struct flow f = flow_of(protos[roll(sizeof(protos))], v6 ? "2001:db8:7::1" : "198.51.100.1",
				(uint16_t)roll(CLIENTS), vips[v6], roll(8) ? 443 : 80);

	if (!roll(8))
		f.dst = pkt_addr(v6 ? "2001:db8::2" : roll(2) ? "192.0.2.2" : vips[2]);
	return f;
}

static struct pkt random_packet(void)
{
	static const uint8_t flags[] = { PKT_SYN, PKT_ACK, PKT_ACK, PKT_FIN | PKT_ACK,
					 PKT_SYN | PKT_ACK };
	struct flow f = random_flow();
	struct pkt p = pkt_new(&f, flags[roll(sizeof(flags))]);
	bool v6 = f.src.b[0] != 0;

	switch (roll(12)) {
	case 0:
		return v6 ? pkt_extension(p, (uint8_t)roll(140)) : pkt_options(p, 4 * roll(11));
	case 1:
		return pkt_fragment(p, (uint16_t)roll(100), (int)roll(2));
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

/* A row of every kind: what is no slot is named too. */
static void reshape(void)
{
	const struct plane_service *s = &services[roll(2)][roll(2)];
	uint32_t prev = roll(3) ? roll(KINDS) | (roll(2) ? WEIR_ROW_UDP_NEW : 0) : REST;

	plane_set_row(plane, s->base + roll(s->size), roll(KINDS), prev);
}

static void compare(const struct pkt *in)
{
	struct outcome want = { .action = XDP_PASS, .out = *in };
	const struct plane_service *svc = NULL;
	uint32_t slot = NONE, record = UINT32_MAX;
	struct flow f;
	struct seen s;
	struct pkt out;

	want.why = see(in, &s);
	if (want.why == WEIR_FORWARD)
		want.why = whose(&s, &svc);
	f = (struct flow){ s.src, s.dst, s.sport, s.dport, s.proto };
	if (want.why > WEIR_LAST_PASS)
		want.action = XDP_DROP;
	if (svc) {
		want.why = pick(svc, &s, &f, &slot, &record);
		want.action = XDP_DROP;
		want.why = describe(in, &s, slot, want.why, &want);
	}
	out = expect(*in, want.action, want.why);
	assert_int_equal(out.len, want.out.len);
	assert_memory_equal(out.data, want.out.data, out.len);
	if (record != UINT32_MAX)
		assert_int_equal(plane_record(plane, svc, &f)->endpoint, record);
}

static void the_program_does_what_its_description_says(void **state)
{
	static const char own4[] = "10.0.0.9", own6[] = "2001:db8:9::9";

	(void)state;
	for (int v6 = 0; v6 < 2; v6++) {
		services[v6][0] = plane_add_service(plane, vips[v6], IPPROTO_TCP, 443, ROWS);
		services[v6][1] = plane_add_service(plane, vips[v6], IPPROTO_UDP, 443, ROWS);
	}
	plane_add_service(plane, vips[2], 0, 0, 0);
	for (uint32_t kind = V4; kind < KINDS; kind++)
		plane_add_endpoint(plane, kind == L2 ? WEIR_MODE_L2 : WEIR_MODE_IPIP,
				   kind == V6 ? own6 : own4,
				   kind == V6 ? "2001:db8:9::1" : "10.0.0.1",
				   kind == FAR    ? OTHER
				   : kind == LOST ? 0
						  : LO);
	plane->endpoints[DEAD].state = 0;
	for (uint32_t i = 0; i < PACKETS; i++) {
		struct pkt p = random_packet();

		if (!(i % RESHAPED))
			reshape();
		compare(&p);
	}
	for (enum weir_reason why = 0; why < WEIR_REASON_COUNT; why++)
		if (why != WEIR_DROP_NO_HEADROOM && why != WEIR_DROP_TOO_BIG)
			assert_in_range(plane_count(plane, why), 100, PACKETS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		BED_TEST(the_program_does_what_its_description_says),
	};

	return BED_TESTS(tests);
}
