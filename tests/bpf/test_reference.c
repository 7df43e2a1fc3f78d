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
	bool v6, plain, about; /* about: an ICMP error; addresses and ports are the flow's */
	enum {
		WHOLE,
		FIRST,
		LATER
	} fragment;
	uint32_t id; /* of the datagram */
	uint32_t l2; /* where IP begins */
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

static void addresses(const uint8_t *ip, bool v6, union weir_addr *src, union weir_addr *dst)
{
	memset(src, 0, sizeof(*src));
	memset(dst, 0, sizeof(*dst));
	if (v6) {
		memcpy(src->b, ip + 8, 16);
		memcpy(dst->b, ip + 24, 16);
		return;
	}
	src->b[10] = src->b[11] = dst->b[10] = dst->b[11] = 0xff;
	memcpy(src->b + 12, ip + 12, 4);
	memcpy(dst->b + 12, ip + 16, 4);
}

/* The packet that an ICMP error quotes was sent by an endpoint: its flow is the other way round. */
static void see_quoted(const struct pkt *p, uint32_t at, struct seen *s)
{
	const uint8_t *ip = p->data + at;
	uint32_t header = s->v6 ? 40 : 20;
	union weir_addr src, dst;
	uint8_t proto;

	s->why = WEIR_PASS_VIP_OTHER;
	if (p->len < at + header || (!s->v6 && (ip[0] & 15) < 5))
		return;
	addresses(ip, s->v6, &dst, &src);
	proto = ip[s->v6 ? 6 : 9];
	header = s->v6 ? 40 : (ip[0] & 15) * 4u;
	if (p->len < at + header + 4 || (proto != IPPROTO_TCP && proto != IPPROTO_UDP) ||
	    memcmp(&dst, &s->dst, sizeof(dst)))
		return;
	s->about = true;
	s->src = src;
	s->proto = proto;
	s->dport = pkt_get16(ip + header);
	s->sport = pkt_get16(ip + header + 2);
	s->why = WEIR_FORWARD;
}

static void see_icmp(const struct pkt *p, uint32_t at, struct seen *s)
{
	uint8_t type = p->data[at];
	bool error = s->v6 ? type >= 1 && type <= 4 : type == 3 || type == 11 || type == 12;

	s->why = WEIR_PASS_VIP_OTHER;
	if (p->len < at + 8)
		s->why = WEIR_DROP_TRUNCATED;
	else if (type == (s->v6 ? 128 : 8) && s->plain && !s->fragment)
		s->why = WEIR_REPLY_ECHO;
	else if (error && !s->fragment)
		see_quoted(p, at + 8, s);
}

static void see_upper(const struct pkt *p, uint32_t at, struct seen *s)
{
	uint32_t need = s->proto == IPPROTO_TCP ? 20 : 8;

	s->read = at - s->l2;
	if (s->fragment == LATER) {
		s->why = WEIR_FORWARD_FRAGMENT;
	} else if (s->proto == (s->v6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP)) {
		see_icmp(p, at, s);
	} else if (s->proto != IPPROTO_TCP && s->proto != IPPROTO_UDP) {
		s->why = WEIR_PASS_VIP_OTHER;
	} else if (p->len < at + need) {
		s->why = WEIR_DROP_TRUNCATED;
	} else {
		s->read += need;
		s->sport = pkt_get16(p->data + at);
		s->dport = pkt_get16(p->data + at + 2);
		s->syn = s->proto == IPPROTO_TCP &&
			 (p->data[at + 13] & (PKT_SYN | PKT_ACK)) == PKT_SYN;
	}
}

static void see_v4(const struct pkt *p, struct seen *s)
{
	const uint8_t *ip = p->data + s->l2;
	uint32_t header = (ip[0] & 15) * 4u, frag = pkt_get16(ip + 6) & 0x3fff;
	bool odd = ip[0] != 0x45 || frag || s->l2 != 14 ||
		   (ip[9] != IPPROTO_TCP && ip[9] != IPPROTO_UDP);

	addresses(ip, false, &s->src, &s->dst);
	s->proto = ip[9];
	s->plain = header == 20;
	s->ip_len = pkt_get16(ip + 2);
	s->fragment = !frag ? WHOLE : frag & 0x1fff ? LATER : FIRST;
	memcpy(&s->id, ip + 4, 2);
	if (odd && (ip[0] >> 4 != 4 || header < 20 || s->ip_len < header))
		s->why = WEIR_DROP_BAD_HEADER;
	else
		see_upper(p, s->l2 + header, s);
}

static bool is_extension(uint8_t next)
{
	return next == 0 || next == 43 || next == 44 || next == 51 || next == 60;
}

static void see_v6(const struct pkt *p, struct seen *s)
{
	const uint8_t *ip = p->data + s->l2;
	uint32_t at = s->l2 + 40;

	s->v6 = s->plain = true;
	addresses(ip, true, &s->src, &s->dst);
	s->proto = ip[6];
	s->ip_len = 40u + pkt_get16(ip + 4);
	if (ip[0] >> 4 != 6) {
		s->why = WEIR_DROP_BAD_HEADER;
		return;
	}
	for (int i = 0; i < 6 && is_extension(s->proto) && s->fragment != LATER; i++) {
		const uint8_t *e = p->data + at;
		uint16_t frag = pkt_get16(e + 2);

		if (p->len < at + 8) {
			s->why = WEIR_DROP_TRUNCATED;
			return;
		}
		at += 8 + (s->proto == 44 ? 0 : e[1] * (s->proto == 51 ? 4u : 8u));
		if (s->proto == 44 && frag & 0xfff9) {
			s->fragment = frag & 0xfff8 ? LATER : FIRST;
			memcpy(&s->id, e + 4, 4);
		}
		s->plain = false;
		s->proto = e[0];
	}
	if (is_extension(s->proto) && s->fragment != LATER)
		s->why = WEIR_DROP_EXTENSION;
	else
		see_upper(p, at, s);
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
	s->l2 = 14;
	for (int i = 0; i < 2 && (type == 0x8100 || type == 0x88a8); i++) {
		if (p->len < s->l2 + 4)
			return WEIR_PASS_NOT_IP;
		type = pkt_get16(p->data + s->l2 + 2);
		s->l2 += 4;
	}
	if (type != 0x0800 && type != 0x86dd)
		return WEIR_PASS_NOT_IP;
	if (p->len < s->l2 + (type == 0x0800 ? 20 : 40))
		return WEIR_DROP_TRUNCATED;
	if (type == 0x0800)
		see_v4(p, s);
	else
		see_v6(p, s);
	return s->v6 && is_mapped(&s->dst) ? WEIR_PASS_NOT_OURS : WEIR_FORWARD;
}

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
	if (s->about) {
		if (row.prev != REST && !r)
			*slot = row.prev & WEIR_ROW_SLOT;
		else if (row.prev != REST && alive(r->endpoint))
			*slot = r->endpoint;
		return WEIR_FORWARD_ICMP;
	}
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

/* A checksum over a word that changed. */
static uint16_t replaced(uint16_t sum, int from, int to)
{
	uint32_t n = (uint16_t)~sum + (uint32_t)(uint16_t)~from + (uint32_t)to;

	while (n >> 16)
		n = (n & 0xffff) + (n >> 16);
	return (uint16_t)~n;
}

static void wrap(const struct pkt *in, const struct seen *s, uint32_t slot, struct pkt *out)
{
	const struct weir_endpoint *e = &plane->endpoints[slot];
	uint32_t more = e->hdr_len - 14u;
	uint8_t *ip = out->data + s->l2;
	bool v6 = pkt_get16(in->data + s->l2 - 2) == 0x86dd;

	*out = *in;
	memcpy(out->data, e->hdr, 12);
	if (slot == L2)
		return;
	memcpy(ip - 2, e->hdr + 12, e->hdr_len - 12u);
	memcpy(ip + more, in->data + s->l2, in->len - s->l2);
	out->len = in->len + more;
	if (more == 20) {
		pkt_put16(ip + 2, (uint16_t)(s->ip_len + 20));
		ip[9] = v6 ? 41 : 4;
		pkt_put16(ip + 10, pkt_checksum(ip, 20, 0));
	} else {
		pkt_put16(ip + 4, (uint16_t)s->ip_len);
		ip[6] = v6 ? 41 : 4;
	}
}

static enum weir_reason describe(const struct pkt *in, const struct seen *s, uint32_t slot,
				 enum weir_reason why, struct outcome *o)
{
	if (slot == NONE)
		return WEIR_DROP_NO_ENDPOINT;
	if (s->ip_len < s->read || s->ip_len + s->l2 > in->len)
		return WEIR_DROP_TRUNCATED;
	if (slot == LOST)
		return WEIR_DROP_NO_NEXT_HOP;
	wrap(in, s, slot, &o->out);
	o->action = slot == FAR ? XDP_REDIRECT : XDP_TX;
	return why;
}

/* A ping comes back from the VIP, with a TTL of its own. */
static void echo(const struct pkt *in, const struct seen *s, struct pkt *out)
{
	uint8_t *ip = out->data + s->l2, *icmp = ip + (s->v6 ? 40 : 20);
	const uint8_t *was = in->data + s->l2;
	uint32_t n = s->v6 ? 16 : 4, src = s->v6 ? 8 : 12;

	memcpy(out->data, in->data + 6, 6);
	memcpy(out->data + 6, in->data, 6);
	memcpy(ip + src, was + src + n, n);
	memcpy(ip + src + n, was + src, n);
	ip[s->v6 ? 7 : 8] = 64;
	if (!s->v6)
		pkt_put16(ip + 10, replaced(pkt_get16(ip + 10), was[8] << 8, 64 << 8));
	icmp[0] = s->v6 ? 129 : 0;
	pkt_put16(icmp + 2, replaced(pkt_get16(icmp + 2), s->v6 ? 128 << 8 : 8 << 8, icmp[0] << 8));
}

/* --- packets --- */

static struct flow random_flow(void)
{
	static const uint8_t protos[] = { 6, 6, 6, 17, 17, 1, 47, 58 };
	int v6 = (int)roll(2);
	struct flow f = flow_of(protos[roll(sizeof(protos))], v6 ? "2001:db8:7::1" : "198.51.100.1",
				(uint16_t)roll(CLIENTS), vips[v6], roll(8) ? 443 : 80);

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
	if (want.why == WEIR_REPLY_ECHO) {
		want.action = XDP_TX;
		echo(in, &s, &want.out);
	}
	if (want.why == WEIR_FORWARD_FRAGMENT) {
		const uint32_t *to = led_by(&s);

		want.action = XDP_DROP;
		if (to && alive(*to))
			want.why = describe(in, &s, *to, want.why, &want);
		else
			want.why = WEIR_DROP_FRAGMENT;
	}
	if (svc) {
		want.why = pick(svc, &s, &f, &slot, &record);
		want.action = XDP_DROP;
		if (s.fragment == FIRST && slot != NONE)
			lead(&s, slot);
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
