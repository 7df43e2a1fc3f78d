/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Cookies of clients, in answers of the kernel: those that the agent would make. */
#include "dns_bed.h"

#include <time.h>

#include "zone/siphash.h"

#define CLIENT_BYTES 8
#define SERVER_BYTES 16

static const uint8_t secret[16] = { 0xe5, 0xe9, 0x73, 0xe5, 0xa6, 0xb2, 0xa4, 0x3f,
				    0x48, 0xe7, 0xdc, 0x84, 0x9e, 0x37, 0xbf, 0xcf };
static const uint8_t client[CLIENT_BYTES] = { 0x24, 0x64, 0xc4, 0xab, 0xcf, 0x10, 0xc9, 0x57 };
static struct dns_hot hot;

/* Makes it so late for the program. */
static void set_clock(uint64_t wall_s)
{
	struct timespec since;

	clock_gettime(CLOCK_BOOTTIME, &since);
	dns_guard_conf()->wall_s = wall_s - (uint64_t)since.tv_sec;
	dns_set_guard();
}

static int cookies(void **state)
{
	dns_reset(state);
	hot = dns_hot("www.example.org", DNS_A);
	dns_rotated(&hot, 1);
	dns_put(&hot);
	dns_guard_conf()->cookies = 1;
	memcpy(dns_guard_conf()->cookie_key, secret, sizeof(secret));
	set_clock(1559731985);
	return 0;
}

static struct dns_msg ask_with(const uint8_t *cookie, uint32_t len)
{
	struct dns_msg m = dns_edns(dns_query("www.example.org", DNS_A), 1232, 1);
	uint8_t option[4] = { 0, 10, 0, (uint8_t)len };

	m.b[m.len - 1] = (uint8_t)(4 + len);
	m = dns_append(m, option, 4);
	return dns_append(m, cookie, len);
}

/* The server's cookie in the answer, which is otherwise as it should be. */
static const uint8_t *told(const struct dns_msg *q, const struct road *r, const char *from)
{
	static struct dns_msg m;
	struct dns_msg want = dns_answer(q, &hot, 0);
	struct flow f = flow_of(IPPROTO_UDP, from, 5353, r->v6 ? DNS6 : DNS4, 53);

	want.b[want.len - 1] = 28;
	m = dns_answered(pkt_datagram(&f, q->b, q->len), r);
	assert_int_equal(m.len, want.len + 28);
	assert_memory_equal(m.b, want.b, want.len);
	assert_memory_equal(m.b + want.len, "\0\12\0\30", 4);
	assert_memory_equal(m.b + want.len + 4, client, CLIENT_BYTES);
	return m.b + want.len + 4 + CLIENT_BYTES;
}

/* As RFC 9018 says, 4.4. */
static void expected(uint32_t at_s, const char *from, uint8_t out[SERVER_BYTES])
{
	union weir_addr a = pkt_addr(from);
	uint32_t n = strchr(from, ':') ? 16 : 4;
	uint8_t in[CLIENT_BYTES + 8 + 16], head[8] = { 1 };
	uint64_t hash;

	for (int i = 0; i < 4; i++)
		head[4 + i] = (uint8_t)(at_s >> (24 - 8 * i));
	memcpy(in, client, CLIENT_BYTES);
	memcpy(in + CLIENT_BYTES, head, 8);
	memcpy(in + CLIENT_BYTES + 8, a.b + 16 - n, n);
	hash = weir_siphash(secret, in, CLIENT_BYTES + 8 + n);
	memcpy(out, head, 8);
	memcpy(out + 8, &hash, 8);
}

static void a_client_gets_a_cookie(void **state)
{
	struct dns_msg q = ask_with(client, sizeof(client));

	(void)state;
	for
		EACH_ROAD(r)
		{
			const char *from = r->v6 ? CLIENT6 : CLIENT4;
			const uint8_t *is = told(&q, r, from);
			uint32_t at_s = (uint32_t)pkt_get16(is + 4) << 16 | pkt_get16(is + 6);
			uint8_t want[SERVER_BYTES];

			assert_in_range(at_s, 1559731984, 1559731995);
			expected(at_s, from, want);
			assert_memory_equal(is, want, SERVER_BYTES);
		}
}

/* The example of RFC 9018, A.1. */
static void the_rfc_has_an_example(void **state)
{
	static const uint8_t server[SERVER_BYTES] = { 0x01, 0,    0,    0,    0x5c, 0xf7,
						      0x9f, 0x11, 0x1f, 0x81, 0x30, 0xc3,
						      0xee, 0xe2, 0x94, 0x80 };
	uint8_t both[CLIENT_BYTES + SERVER_BYTES];
	struct dns_msg q;

	(void)state;
	memcpy(both, client, CLIENT_BYTES);
	memcpy(both + CLIENT_BYTES, server, SERVER_BYTES);
	q = ask_with(both, sizeof(both));
	assert_memory_equal(told(&q, &dns_roads[0], "198.51.100.100"), server, SERVER_BYTES);
	/* to another client, or changed in any bit of it, it is none */
	assert_memory_not_equal(told(&q, &dns_roads[0], "198.51.100.101"), server, SERVER_BYTES);
	for (uint32_t bit = 0; bit < 8 * SERVER_BYTES; bit++) {
		uint32_t at = q.len - SERVER_BYTES + bit / 8;
		struct dns_msg m = dns_byte(q, at, q.b[at] ^ 1 << bit % 8);

		assert_memory_not_equal(told(&m, &dns_roads[0], "198.51.100.100"),
					m.b + m.len - SERVER_BYTES, SERVER_BYTES);
	}
}

/* Kept for half an hour, then replaced; after an hour, or from the future, it is none. */
static void cookies_grow_old(void **state)
{
	static const struct {
		int32_t age;
		bool kept, known;
	} rows[] = { { 0, true, true },     { 1700, true, true },   { 1900, false, true },
		     { 3500, false, true }, { 3700, false, false }, { -200, true, true },
		     { -400, false, false } };
	const uint32_t made = 1559731985;

	(void)state;
	dns_guard_conf()->rate = 1;
	dns_guard_conf()->burst = 1;
	memset(dns_guard_conf()->mask, 0xff, sizeof(dns_guard_conf()->mask));
	for (uint32_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		uint8_t both[CLIENT_BYTES + SERVER_BYTES];
		char from[32];
		struct dns_msg q;

		snprintf(from, sizeof(from), "198.51.99.%u", i);
		memcpy(both, client, CLIENT_BYTES);
		expected(made, from, both + CLIENT_BYTES);
		q = ask_with(both, sizeof(both));
		set_clock(made + (uint32_t)rows[i].age);
		for (uint32_t n = 0; rows[i].known && n < 20; n++) /* whatever its rate is */
			assert_int_equal(!memcmp(told(&q, &dns_roads[0], from), both + CLIENT_BYTES,
						 SERVER_BYTES),
					 rows[i].kept);
		if (!rows[i].known) {
			struct flow f = flow_of(IPPROTO_UDP, from, 5353, DNS4, 53);
			struct pkt in = pkt_datagram(&f, q.b, q.len), out;

			told(&q, &dns_roads[0], from);
			assert_int_equal(dns_run(&in, &out, 0), XDP_DROP);
		}
	}
}

static void lengths_that_no_cookie_has_go_on(void **state)
{
	uint8_t bytes[48] = { 0 };

	(void)state;
	for (uint32_t len = 0; len <= sizeof(bytes); len++) {
		struct dns_msg q = ask_with(bytes, len);

		if (len != 8 && len != 24)
			dns_all_end(&q, WEIR_DNS_PASS_ODD);
	}
}

static void without_a_secret_they_are_ignored(void **state)
{
	struct dns_msg q = ask_with(client, sizeof(client));

	(void)state;
	dns_guard_conf()->cookies = 0;
	dns_set_guard();
	dns_answers(&q, &hot);
}

static void they_count_for_the_size(void **state)
{
	struct dns_hot h = dns_hot("many.example.org", DNS_A);
	struct dns_msg q;
	uint32_t plain;

	(void)state;
	dns_rotated(&h, 28);
	dns_put(&h);
	q = dns_query("many.example.org", DNS_A);
	plain = dns_question_end(&q) + 28 * 16 + 11;
	q = dns_edns(q, 512, 0);
	assert_in_range(plain, 485, 512);
	dns_answers(&q, &h);
	q.b[q.len - 1] = 12;
	q = dns_append(q,
		       "\0\12\0\10"
		       "abcdefgh",
		       12);
	dns_all_end(&q, WEIR_DNS_PASS_SIZE);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup(name, cookies)
	const struct CMUnitTest tests[] = {
		TEST(a_client_gets_a_cookie),
		TEST(the_rfc_has_an_example),
		TEST(cookies_grow_old),
		TEST(lengths_that_no_cookie_has_go_on),
		TEST(without_a_secret_they_are_ignored),
		TEST(they_count_for_the_size),
	};

	bed_set = dns_set;
	return cmocka_run_group_tests(tests, dns_open, bed_close);
}
