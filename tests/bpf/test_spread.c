/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How flows spread over rows. */
#include "bed.h"

#define VIP   "192.0.2.1"
#define VIP6  "2001:db8::1"
#define ROWS  4096
#define FLOWS 65536
/* Chi-squared with ROWS - 1 degrees of freedom: mean 4095, standard deviation 90.5; five of them
 * are left by chance once in a million runs, and the flows here are the same in every run. */
#define CHI2_LOW  3642
#define CHI2_HIGH 4548

#define PROBED 4 /* tables with a base of their own */

static uint64_t seed;

static uint32_t roll(void)
{
	seed = seed * 6364136223846793005ull + 1442695040888963407ull;
	return (uint32_t)(seed >> 32);
}

/* A service of which every row has an endpoint of its own, so that packets tell their row. */
static struct plane_service telling_service(const char *vip, uint8_t proto)
{
	struct plane_service s = plane_add_service(plane, vip, proto, 443, ROWS);

	for (uint32_t i = 0; i < s.size; i++) {
		uint32_t slot = plane_add_endpoint(plane, WEIR_MODE_L2, "10.0.0.1", "10.0.0.2", LO);

		plane_set_row(plane, s.base + i, slot, REST);
	}
	return s;
}

/* The row this packet took. */
static uint32_t row_of(const struct plane_service *s, const struct pkt *p)
{
	struct pkt out;
	uint32_t slot;

	assert_int_equal(plane_run(plane, p, &out), XDP_TX);
	slot = sent_to(&out);
	assert_in_range(slot, plane->rows[s->base].cur, plane->rows[s->base + s->size - 1].cur);
	return slot - plane->rows[s->base].cur;
}

static double chi2(const uint32_t *hits)
{
	double sum = 0, expected = (double)FLOWS / ROWS;

	for (uint32_t i = 0; i < ROWS; i++)
		sum += (hits[i] - expected) * (hits[i] - expected) / expected;
	return sum;
}

static void random_flow(struct flow *f, uint32_t i)
{
	uint32_t words[4] = { roll(), roll(), roll(), roll() };

	(void)i;
	memcpy(f->src.b + (f->src.b[0] ? 4 : 12), words, f->src.b[0] ? 12 : 4);
	f->sport = (uint16_t)roll();
}

/* What load generators and NAT gateways do: one address after the other, one port after the
 * other. */
static void next_flow(struct flow *f, uint32_t i)
{
	f->src.b[15] = (uint8_t)(i >> 8);
	f->sport = (uint16_t)(32768 + (i & 255));
}

/* One client, every port. */
static void next_port(struct flow *f, uint32_t i)
{
	f->sport = (uint16_t)i;
}

static double spread(struct flow f, void (*vary)(struct flow *f, uint32_t i))
{
	struct plane_service s;
	uint32_t hits[ROWS] = { 0 };
	char vip[2][20] = { VIP, VIP6 };

	seed = 20260101;
	s = telling_service(vip[f.dst.b[0] != 0], f.proto);
	for (uint32_t i = 0; i < FLOWS; i++) {
		struct pkt p;

		vary(&f, i);
		p = pkt_new(&f, i & 1 ? PKT_SYN : PKT_ACK);
		hits[row_of(&s, &p)]++;
	}
	return chi2(hits);
}

static void random_flows_hit_rows_evenly(void **state)
{
	struct flow v4 = flow_of(IPPROTO_TCP, "10.0.0.1", 1, VIP, 443);
	struct flow v6 = flow_of(IPPROTO_UDP, "2001:db8:7::1", 1, VIP6, 443);

	(void)state;
	assert_in_range(spread(v4, random_flow), CHI2_LOW, CHI2_HIGH);
	assert_in_range(spread(v6, random_flow), CHI2_LOW, CHI2_HIGH);
}

static void regular_flows_hit_rows_no_less_evenly(void **state)
{
	struct flow f = flow_of(IPPROTO_TCP, "10.0.0.1", 1, VIP, 443);

	(void)state;
	assert_in_range(spread(f, next_flow), 0, CHI2_HIGH);
	assert_in_range(spread(f, next_port), 0, CHI2_HIGH);
}

static void a_flow_always_takes_the_row_of_its_hash(void **state)
{
	struct plane_service s = telling_service(VIP, IPPROTO_TCP);

	(void)state;
	seed = 7;
	for (uint32_t i = 0; i < 2000; i++) {
		struct flow f = flow_of(IPPROTO_TCP, "10.0.0.1", 1, VIP, 443);
		struct pkt like[3];

		random_flow(&f, i);
		like[0] = pkt_new(&f, PKT_SYN);
		like[1] = pkt_payload(pkt_new(&f, PKT_ACK | PKT_PSH), roll() % 1000);
		like[2] = pkt_options(pkt_byte(pkt_new(&f, PKT_FIN | PKT_ACK), 22, 3), 8);
		for (int k = 0; k < 3; k++)
			assert_int_equal(row_of(&s, &like[k]), plane_hash(&f) & (ROWS - 1));
	}
}

static void tables_of_any_size_begin_at_their_base(void **state)
{
	struct plane_service s[PROBED];

	(void)state;
	for (uint32_t i = 0; i < PROBED; i++) {
		struct flow f;
		uint32_t mine, row;
		struct pkt out, p;

		s[i] = plane_add_service(plane, VIP, IPPROTO_TCP, (uint16_t)(1000 + i),
					 ROWS << 2 * (i & 1));
		mine = plane_add_endpoint(plane, WEIR_MODE_L2, "10.0.0.1", "10.0.0.2", LO);
		for (uint32_t k = 0; k < 500; k++) {
			f = flow_of(IPPROTO_TCP, "10.0.0.1", (uint16_t)k, VIP,
				    (uint16_t)(1000 + i));
			row = s[i].base + ((uint32_t)plane_hash(&f) & (s[i].size - 1));
			plane_set_row(plane, row, mine, REST);
			p = pkt_new(&f, PKT_ACK);
			out = expect(p, XDP_TX, WEIR_FORWARD);
			assert_int_equal(sent_to(&out), mine);
			plane_set_row(plane, row, WEIR_NO_ENDPOINT, REST);
			expect(p, XDP_DROP, WEIR_DROP_NO_ENDPOINT);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		BED_TEST(random_flows_hit_rows_evenly),
		BED_TEST(regular_flows_hit_rows_no_less_evenly),
		BED_TEST(a_flow_always_takes_the_row_of_its_hash),
		BED_TEST(tables_of_any_size_begin_at_their_base),
	};

	return BED_TESTS(tests);
}
