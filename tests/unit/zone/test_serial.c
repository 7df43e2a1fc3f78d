/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Serials of zones that change without the document: those who take such a zone get to know. */
#include "taken.h"
#include "zone/serial.h"

#define NOW (WEIR_SERIAL_EPOCH + 5000)

static const char *const file = "@ 3600 SOA ns1 hostmaster 7 3600 600 86400 60\n@ 3600 NS ns1\n"
				"ns1 300 A 192.0.2.53\n";

static struct signed_zones s;
static struct weir_serials serials;

/* example.com has a file, b.example.com has none; both may be taken. */
static void open_zones(void)
{
	static const struct weir_prefix all = { .bits = 0 };

	signed_init(&s, 2, file);
	for (unsigned i = 0; i < 2; i++)
		s.w->zones[i].transfer =
			(struct weir_transfer_conf){ .allow = &all, .n_allow = 1, .pooled = true };
	serials.now_s = NOW;
}

static void close_zones(void)
{
	signed_fini(&s);
	weir_serials_fini(&serials);
}

static void build(const struct weir_signer *signer)
{
	static const struct weir_self self = { .nsid = "", .version = "" };

	weir_zones_free(s.zones);
	s.zones = weir_zones_build(&s.w->view, s.files, &self, signer, &serials);
}

/* Of the SOA, as it is transferred; what that tells must hold. */
static uint32_t serial_of(const char *zone, bool is_signed)
{
	static struct taken_zone t;
	uint32_t serial;

	assert_true(taken_take(&t, s.zones, zone, 65535));
	if (is_signed && !taken_holds(&t))
		fail_msg("%s", t.all.why);
	serial = t.serial;
	taken_free(&t);
	return serial;
}

static void a_serial_goes_on_when_the_zone_says_another_thing(void **state)
{
	(void)state;
	open_zones();
	build(NULL);
	assert_int_equal(serial_of("example.com", false), 7 + 5000);
	assert_int_equal(serial_of("b.example.com", false), 7 + 5000);
	serials.now_s += 10;
	build(NULL);
	assert_int_equal(serial_of("b.example.com", false), 7 + 5000);
	world_addr(s.w, "a.b.example.com", "192.0.2.1");
	build(NULL);
	assert_int_equal(serial_of("example.com", false), 7 + 5000);
	assert_int_equal(serial_of("b.example.com", false), 7 + 5010);
	world_addr(s.w, "a.b.example.com", "192.0.2.2"); /* within the same second */
	build(NULL);
	assert_int_equal(serial_of("b.example.com", false), 7 + 5011);
	serials.now_s -= 1000; /* somebody set the clock */
	s.w->model.n_records--;
	build(NULL);
	assert_int_equal(serial_of("b.example.com", false), 7 + 5012);
	close_zones();
}

static void weights_and_times_to_live_are_said_as_well(void **state)
{
	uint32_t was;

	(void)state;
	open_zones();
	world_member(s.w, "pool.example.com", "one.example.net", 1);
	world_member(s.w, "pool.example.com", "two.example.net", 1);
	build(NULL);
	was = serial_of("example.com", false);
	s.w->records[0].weight = 3;
	build(NULL);
	assert_int_equal(serial_of("example.com", false), was + 1);
	s.w->records[0].ttl++;
	build(NULL);
	assert_int_equal(serial_of("example.com", false), was + 2);
	close_zones();
}

static void a_file_that_is_read_anew_is_another_one(void **state)
{
	struct weir_err err;
	struct weir_zone_file *other;
	uint32_t was;

	(void)state;
	open_zones();
	build(NULL);
	was = serial_of("example.com", false);
	other = weir_zone_file_parse("example.com", file, strlen(file), &err);
	assert_non_null(other);
	s.files[0] = other;
	build(NULL);
	assert_int_equal(serial_of("example.com", false), was + 1);
	s.files[0] = s.file;
	close_zones();
	weir_zone_file_free(other);
}

static void signatures_are_said_and_the_serial_is_signed(void **state)
{
	uint32_t was;

	(void)state;
	open_zones();
	world_member(s.w, "pool.b.example.com", "one.example.net", 1);
	build(&s.signer);
	was = serial_of("b.example.com", true);
	assert_int_equal(serial_of("example.com", true), 7 + 5000);
	build(&s.signer);
	assert_int_equal(serial_of("b.example.com", true), was);
	s.keys[1].zone_key = &signed_tags[0]; /* rolled */
	build(&s.signer);
	assert_int_equal(serial_of("b.example.com", true), was + 1);
	assert_int_equal(serial_of("example.com", true), 7 + 5000);
	s.keys[1].ds.n = 0; /* which the parent says */
	build(&s.signer);
	assert_int_equal(serial_of("example.com", true), 7 + 5001);
	for (unsigned i = 0; i < 2; i++) /* answers have it, too */
		holds(&s, i ? "b.example.com" : "example.com", SOA);
	holds(&s, "nobody.example.com", A);
	close_zones();
}

static void a_zone_that_nobody_takes_as_it_is_now_has_the_serial_that_is_written(void **state)
{
	(void)state;
	open_zones();
	s.w->zones[0].transfer.pooled = false;
	build(NULL);
	assert_int_equal(serial_of("example.com", false), 7);
	assert_int_equal(serial_of("b.example.com", false), 7 + 5000);
	build(&s.signer);
	assert_int_equal(serial_of("example.com", true), 7 + 5000);
	close_zones();
}

static void who_serves_the_parent_alone_finds_the_child(void **state)
{
	static struct taken_zone t;
	struct msg owner = { .len = 0 };
	unsigned ns = 0, glue = 0;

	(void)state;
	open_zones();
	s.w->ns[0] = "ns.b.example.com";
	world_addr(s.w, "ns.b.example.com", "192.0.2.1");
	world_addr(s.w, "ns.b.example.com", "2001:db8::1");
	world_addr(s.w, "www.b.example.com", "192.0.2.2");
	build(&s.signer);
	assert_true(taken_take(&t, s.zones, "example.com", 65535));
	if (!taken_holds(&t))
		fail_msg("%s", t.all.why);
	add_name(&owner, "b.example.com");
	for (unsigned i = 0; i < t.all.n; i++) {
		if (!judge_is_in(t.all.rrs[i].owner, owner.b))
			continue;
		ns += t.all.rrs[i].type == NS;
		glue += t.all.rrs[i].type == A || t.all.rrs[i].type == AAAA;
	}
	assert_int_equal(ns, 2);
	assert_int_equal(glue, 2);
	taken_free(&t);
	close_zones();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_serial_goes_on_when_the_zone_says_another_thing),
		cmocka_unit_test(weights_and_times_to_live_are_said_as_well),
		cmocka_unit_test(a_file_that_is_read_anew_is_another_one),
		cmocka_unit_test(signatures_are_said_and_the_serial_is_signed),
		cmocka_unit_test(
			a_zone_that_nobody_takes_as_it_is_now_has_the_serial_that_is_written),
		cmocka_unit_test(who_serves_the_parent_alone_finds_the_child),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
