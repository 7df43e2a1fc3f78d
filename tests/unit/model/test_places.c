/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test_places.c - where clients are: the longest prefix, what it does not know, and who knows
 * better. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "model/places.h"

static struct weir_location is_in(const char *country)
{
	struct weir_location is = { .region = (uint8_t)weir_region_of(country, "") };

	memcpy(is.country, country, 2);
	return is;
}

static struct weir_location is_at(int32_t latitude, int32_t longitude)
{
	return (struct weir_location){ .at = { latitude, longitude, true } };
}

static void add(struct weir_places_builder *b, const char *prefix, struct weir_location is)
{
	struct weir_prefix of;

	assert_true(weir_prefix_parse(prefix, &of));
	weir_places_add(b, &of, &is);
}

static const struct weir_location *find(const struct weir_places *p, const char *client)
{
	union weir_addr a;

	assert_true(weir_addr_parse(client, &a));
	return &p->locations[weir_places_find(p, &a)];
}

static void without_prefixes_nothing_is_known(void **state)
{
	struct weir_places *p = weir_places_done(weir_places_new());

	(void)state;
	assert_int_equal(p->n_places, 0);
	assert_int_equal(p->n_locations, 1);
	assert_string_equal(find(p, "192.0.2.1")->country, "");
	weir_places_free(p);
}

static void the_longest_prefix_decides(void **state)
{
	struct weir_places_builder *b = weir_places_new();
	struct weir_places *p;

	(void)state;
	add(b, "192.0.2.128/25", is_in("FR"));
	add(b, "192.0.2.0/24", is_in("DE"));
	add(b, "192.0.2.200/32", is_in("JP"));
	add(b, "2001:db8::/32", is_in("US"));
	p = weir_places_done(b);
	assert_string_equal(find(p, "192.0.2.1")->country, "DE");
	assert_string_equal(find(p, "192.0.2.129")->country, "FR");
	assert_string_equal(find(p, "192.0.2.200")->country, "JP");
	assert_string_equal(find(p, "192.0.2.201")->country, "FR");
	assert_string_equal(find(p, "192.0.3.1")->country, "");
	assert_string_equal(find(p, "2001:db8:1::1")->country, "US");
	assert_string_equal(find(p, "2001:db9::1")->country, "");
	assert_int_equal(find(p, "192.0.2.200")->region, WEIR_REGION_NEAS);
	assert_int_equal(p->n_locations, 5);
	weir_places_free(p);
}

static void what_a_prefix_does_not_know_the_one_around_it_may(void **state)
{
	struct weir_places_builder *b = weir_places_new();
	struct weir_places *p;

	(void)state;
	add(b, "192.0.2.0/24", is_in("DE"));
	add(b, "192.0.2.0/25", is_at(52000, 13000));
	add(b, "192.0.2.64/26", (struct weir_location){ .client_region = 7 });
	p = weir_places_done(b);
	assert_string_equal(find(p, "192.0.2.65")->country, "DE");
	assert_int_equal(find(p, "192.0.2.65")->at.latitude, 52000);
	assert_int_equal(find(p, "192.0.2.65")->client_region, 7);
	assert_int_equal(find(p, "192.0.2.1")->client_region, 0);
	assert_false(find(p, "192.0.2.129")->at.known);
	weir_places_free(p);
}

static void prefixes_that_say_nothing_new_are_left_out(void **state)
{
	struct weir_places_builder *b = weir_places_new();
	struct weir_places *p;

	(void)state;
	add(b, "192.0.2.0/24", is_in("DE"));
	add(b, "192.0.2.0/25", is_in("DE"));
	add(b, "192.0.2.0/26", is_in("FR"));
	add(b, "192.0.2.0/27", is_in("FR"));
	p = weir_places_done(b);
	assert_int_equal(p->n_places, 2);
	assert_string_equal(find(p, "192.0.2.1")->country, "FR");
	assert_string_equal(find(p, "192.0.2.100")->country, "DE");
	weir_places_free(p);
}

static void an_earlier_source_knows_better(void **state)
{
	struct weir_places_builder *b = weir_places_new();
	struct weir_places *p;

	(void)state;
	add(b, "198.51.100.0/24", is_in("DE"));
	weir_places_source(b);
	add(b, "198.51.100.0/25", is_in("FR"));         /* not for the operator */
	add(b, "198.51.100.128/25", is_at(1000, 2000)); /* but nobody has said that */
	add(b, "198.51.0.0/16", is_in("JP"));
	weir_places_source(b);
	add(b, "198.51.100.0/26", (struct weir_location){ .client_region = 1 });
	p = weir_places_done(b);
	assert_string_equal(find(p, "198.51.100.1")->country, "DE");
	assert_int_equal(find(p, "198.51.100.1")->client_region, 1);
	assert_string_equal(find(p, "198.51.100.100")->country, "DE");
	assert_string_equal(find(p, "198.51.100.200")->country, "DE");
	assert_int_equal(find(p, "198.51.100.200")->at.longitude, 2000);
	assert_string_equal(find(p, "198.51.101.1")->country, "JP");
	weir_places_free(p);
}

static void a_prefix_of_all_of_ipv6_says_nothing_of_ipv4(void **state)
{
	struct weir_places_builder *b = weir_places_new();
	struct weir_places *p;

	(void)state;
	add(b, "::/0", is_in("DE"));
	add(b, "192.0.2.0/24", is_at(1000, 1000));
	p = weir_places_done(b);
	assert_string_equal(find(p, "2001:db8::1")->country, "DE");
	assert_string_equal(find(p, "198.51.100.1")->country, "");
	assert_string_equal(find(p, "192.0.2.1")->country, "");
	assert_int_equal(find(p, "192.0.2.1")->at.latitude, 1000);
	weir_places_free(p);
}

static void coordinates_grow_coarser_until_they_fit(void **state)
{
	struct weir_places_builder *b = weir_places_new();
	struct weir_places *p;
	uint32_t n = 0;

	(void)state;
	for (int32_t lat = -90; lat < 90; lat++)
		for (int32_t lon = -180; lon < 180; lon++) {
			struct weir_prefix of = { .bits = 128 };
			struct weir_location is = is_at(lat * 1000 + 200, lon * 1000 - 300);

			memcpy(is.country, n & 1 ? "DE" : "FR", 2);
			of.addr.b[0] = 0x20;
			memcpy(&of.addr.b[12], &n, sizeof(n));
			n++;
			weir_places_add(b, &of, &is);
		}
	p = weir_places_done(b);
	assert_int_equal(p->n_places, 64800);
	assert_in_range(p->n_locations, 2, WEIR_MAX_LOCATIONS + 1);
	for (uint32_t i = 0; i < p->n_places; i++) {
		const struct weir_location *is = &p->locations[p->places[i].location];

		assert_in_range(is->at.latitude + 90000, 0, 180000);
		assert_in_range(is->at.longitude + 180000, 0, 359999);
	}
	weir_places_free(p);
}

/* Against a search of all prefixes. */
static void random_prefixes_and_clients(void **state)
{
	uint64_t seed = 1;

	(void)state;
	for (int round = 0; round < 50; round++) {
		struct weir_places_builder *b = weir_places_new();
		struct weir_prefix of[64];
		uint16_t region[64];
		struct weir_places *p;

		for (int i = 0; i < 64; i++) {
			uint32_t bits = 8 + (uint32_t)((seed = weir_mix64(seed + 1)) % 25);
			uint32_t four = (uint32_t)(seed >> 32) & 0x03030303 & -(1u << (32 - bits));

			four = __builtin_bswap32(four);
			of[i] = (struct weir_prefix){ weir_addr_v4(&four), (uint8_t)(bits + 96) };
			region[i] = (uint16_t)(1 + seed % 9);
			for (int k = 0; k < i; k++) /* the first word stands */
				if (weir_prefix_eq(&of[k], &of[i]))
					region[i] = region[k];
			weir_places_add(b, &of[i],
					&(struct weir_location){ .client_region = region[i] });
		}
		p = weir_places_done(b);
		for (int i = 0; i < 1000; i++) {
			uint32_t four = (uint32_t)(seed = weir_mix64(seed + 1)) & 0x03030303;
			union weir_addr a = weir_addr_v4(&four);
			uint16_t expected = 0;
			int longest = -1;

			for (int k = 0; k < 64; k++)
				if (weir_prefix_holds(&of[k], &a) && of[k].bits > longest) {
					longest = of[k].bits;
					expected = region[k];
				}
			assert_int_equal(p->locations[weir_places_find(p, &a)].client_region,
					 expected);
		}
		weir_places_free(p);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_prefixes_nothing_is_known),
		cmocka_unit_test(the_longest_prefix_decides),
		cmocka_unit_test(what_a_prefix_does_not_know_the_one_around_it_may),
		cmocka_unit_test(prefixes_that_say_nothing_new_are_left_out),
		cmocka_unit_test(an_earlier_source_knows_better),
		cmocka_unit_test(a_prefix_of_all_of_ipv6_says_nothing_of_ipv4),
		cmocka_unit_test(coordinates_grow_coarser_until_they_fit),
		cmocka_unit_test(random_prefixes_and_clients),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
