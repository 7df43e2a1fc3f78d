/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the kernel answers, as the agent keeps it: only what differs is written, an agent that comes
 * finds what another one left, and nothing stays when it goes. */
#include "bed.h"

#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "../lib/dns.h"
#include "dataplane/plane_dns.h"
#include "weir/dns_answer.h"

static int open_map(const struct bed *b, const char *name)
{
	char path[160];
	int fd;

	snprintf(path, sizeof(path), "%s/v%d/%s", b->pins, WEIR_ABI, name);
	fd = bpf_obj_get(path);
	assert_return_code(fd, errno);
	return fd;
}

static uint32_t keys_in(const struct bed *b, const char *name)
{
	int fd = open_map(b, name);
	uint8_t key[16], *last = NULL;
	uint32_t n = 0;

	while (!bpf_map_get_next_key(fd, last, key)) {
		last = key;
		n++;
	}
	close(fd);
	return n;
}

/* In either map. */
static uint32_t entries_in(const struct bed *b)
{
	return keys_in(b, "weir_dns_small") + keys_in(b, "weir_dns_answers");
}

/* hits: where it is counted. */
static bool holds_large(const struct bed *b, const struct dns_hot *h, uint16_t *hits)
{
	int fd = open_map(b, "weir_dns_answers");
	struct weir_hot_answer is;
	bool found = !bpf_map_lookup_elem(fd, &h->key, &is);

	close(fd);
	if (!found)
		return false;
	assert_true(is.first == is.last);
	*hits = is.hits;
	is.first = is.last = is.hits = 0;
	return !memcmp(&is, &h->value, sizeof(is));
}

static bool holds_small(const struct bed *b, const struct dns_hot *h, uint16_t *hits)
{
	int fd = open_map(b, "weir_dns_small");
	struct weir_hot_small is, want;
	bool found = !bpf_map_lookup_elem(fd, &h->key, &is);

	close(fd);
	if (!found)
		return false;
	assert_true(is.first == is.last);
	*hits = is.hits;
	is.first = is.last = is.hits = 0;
	return weir_hot_shrink(&h->value, &want) && !memcmp(&is, &want, sizeof(is));
}

static bool holds(const struct bed *b, const struct dns_hot *h)
{
	uint16_t hits;

	return holds_small(b, h, &hits) != holds_large(b, h, &hits);
}

static struct dns_hot entry(const char *name, uint32_t n)
{
	struct dns_hot h = dns_hot(name, DNS_A);

	dns_weighted(&h, n);
	h.value.first = h.value.last = 0;
	return h;
}

static bool put(struct bed *b, const struct dns_hot *h, bool changes)
{
	return weir_plane_dns_put(b->plane, &h->key, &h->value, changes, 1);
}

static uint64_t written(const struct bed *b)
{
	uint64_t n;

	weir_plane_dns_answers(b->plane, &n);
	return n;
}

static void only_what_differs_is_written(void **state)
{
	struct bed *b = *state;
	struct dns_hot one = entry("one.test", 1), two = entry("two.test", 2);

	assert_true(weir_plane_dns_begin(b->plane, false)); /* nobody has named any yet */
	assert_true(put(b, &one, true));
	assert_true(put(b, &two, false));
	weir_plane_dns_end(b->plane);
	assert_int_equal(written(b), 2);
	assert_true(holds(b, &one) && holds(b, &two));
	assert_false(weir_plane_dns_begin(b->plane, false));
	assert_true(put(b, &one, true));
	weir_plane_dns_end(b->plane);
	assert_int_equal(written(b), 2);
	assert_true(holds(b, &two)); /* changes do not concern it */
	one = entry("one.test", 3);
	assert_false(weir_plane_dns_begin(b->plane, false));
	assert_true(put(b, &one, true));
	weir_plane_dns_end(b->plane);
	assert_int_equal(written(b), 3);
	assert_true(holds(b, &one));
	assert_true(weir_plane_dns_begin(b->plane, true));
	assert_true(put(b, &one, true));
	weir_plane_dns_end(b->plane);
	assert_false(holds(b, &two));
	assert_false(weir_plane_dns_begin(b->plane, false));
	weir_plane_dns_end(b->plane);
	assert_int_equal(entries_in(b), 0);
}

static void an_entry_is_in_the_map_that_it_fits(void **state)
{
	static const uint32_t choices[] = { 3, WEIR_SMALL_CHOICES + 1, 2, WEIR_HOT_CHOICES };
	struct bed *b = *state;
	uint16_t hits;

	for (uint32_t i = 0; i < 4; i++) {
		struct dns_hot h = entry("one.test", choices[i]);

		assert_true(weir_plane_dns_begin(b->plane, true));
		assert_true(put(b, &h, true));
		weir_plane_dns_end(b->plane);
		assert_int_equal(holds_small(b, &h, &hits), choices[i] <= WEIR_SMALL_CHOICES);
		assert_int_equal(holds_large(b, &h, &hits), choices[i] > WEIR_SMALL_CHOICES);
		assert_int_equal(entries_in(b), 1);
	}
	assert_true(weir_plane_dns_begin(b->plane, true));
	weir_plane_dns_end(b->plane);
	assert_int_equal(entries_in(b), 0);
}

static void the_next_agent_goes_on_with_what_is_there(void **state)
{
	struct bed *b = *state;
	struct dns_hot one = entry("one.test", 1), two = entry("two.test", 2);

	weir_plane_dns_begin(b->plane, true);
	put(b, &one, true);
	put(b, &two, true);
	weir_plane_dns_end(b->plane);
	bed_leave(b);
	assert_int_equal(entries_in(b), 2);
	bed_return(b);
	assert_true(holds(b, &one) && holds(b, &two)); /* until it has said something */
	two = entry("two.test", 4);
	assert_true(weir_plane_dns_begin(b->plane, false));
	put(b, &two, true);
	assert_true(holds(b, &one));
	weir_plane_dns_end(b->plane);
	assert_true(holds(b, &two));
	assert_int_equal(entries_in(b), 1);
}

static void what_does_not_fit_is_left_to_the_agent(void **state)
{
	struct bed *b = *state;
	struct dns_hot h = entry("many.test", 1);
	uint32_t n = 0;

	weir_plane_dns_begin(b->plane, true);
	for (; n <= WEIR_MAX_HOT_ANSWERS; n++) {
		h.key.hash++;
		if (!put(b, &h, false))
			break;
	}
	weir_plane_dns_end(b->plane);
	assert_int_equal(n, WEIR_MAX_HOT_ANSWERS);
	assert_true(weir_plane_dns_begin(b->plane, false)); /* all are to be named again */
	assert_false(put(b, &h, false));
	assert_true(weir_plane_dns_end(b->plane)); /* others have gone */
	assert_true(weir_plane_dns_begin(b->plane, false));
	assert_true(put(b, &h, false));
	assert_false(weir_plane_dns_end(b->plane));
	assert_int_equal(entries_in(b), 1);
	assert_false(weir_plane_dns_begin(b->plane, false));
	weir_plane_dns_end(b->plane);
}

/* --- counts --- */

/* One more answer on some CPU. */
static void hit(struct bed *b, const struct dns_hot *h)
{
	int fd = open_map(b, "weir_dns_hits");
	uint32_t cpu = (uint32_t)libbpf_num_possible_cpus() - 1;
	size_t size = sizeof(struct weir_dns_hits) * (cpu + 1);
	struct weir_dns_hits *hits;
	uint16_t at;

	assert_true(holds_small(b, h, &at) || holds_large(b, h, &at));
	hits = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	assert_ptr_not_equal(hits, MAP_FAILED);
	hits[cpu].of[at]++;
	munmap(hits, size);
	close(fd);
}

static void on_hits(void *text, const uint8_t *name, size_t len, uint64_t tag, uint64_t n)
{
	char *to = text;

	assert_int_equal(name[len - 1], 0);
	sprintf(to + strlen(to), "%.*s %llu %llu;", name[0], (const char *)name + 1,
		(unsigned long long)tag, (unsigned long long)n);
}

static void told(struct bed *b, const char *want)
{
	char text[1000] = "";

	weir_plane_dns_hits(b->plane, on_hits, text);
	assert_string_equal(text, want);
}

static void answers_are_counted_by_what_they_were(void **state)
{
	struct bed *b = *state;
	struct dns_hot one = entry("one.test", 1), two = entry("two.test", 2);

	weir_plane_dns_begin(b->plane, true);
	assert_true(weir_plane_dns_put(b->plane, &one.key, &one.value, true, 11));
	assert_true(weir_plane_dns_put(b->plane, &two.key, &two.value, false, 12));
	weir_plane_dns_end(b->plane);
	told(b, "");
	hit(b, &one);
	hit(b, &one);
	hit(b, &two);
	told(b, "one 11 2;two 12 1;");
	told(b, "");
	hit(b, &one);
	weir_plane_dns_begin(b->plane, false);
	assert_true(weir_plane_dns_put(b->plane, &one.key, &one.value, true, 13));
	weir_plane_dns_end(b->plane);
	hit(b, &one);
	told(b, "one 11 1;one 13 1;");
	hit(b, &one);
	hit(b, &two);
	weir_plane_dns_begin(b->plane, true); /* both go */
	weir_plane_dns_end(b->plane);
	told(b, "two 12 1;one 13 1;");
	weir_plane_dns_begin(b->plane, true);
	assert_true(weir_plane_dns_put(b->plane, &one.key, &one.value, true, 11));
	weir_plane_dns_end(b->plane);
	told(b, ""); /* of a counter that was another's */
	hit(b, &one);
	bed_leave(b);
	bed_return(b);
	weir_plane_dns_begin(b->plane, true);
	assert_true(weir_plane_dns_put(b->plane, &one.key, &one.value, true, 11));
	weir_plane_dns_end(b->plane);
	told(b, "");
	hit(b, &one);
	told(b, "one 11 1;");
	weir_plane_dns_begin(b->plane, true);
	weir_plane_dns_end(b->plane);
}

/* --- addresses --- */

static struct weir_sockaddr at(const char *addr, uint16_t port)
{
	return (struct weir_sockaddr){ .addr = pkt_addr(addr), .port = port };
}

static uint32_t dns_slots(const struct bed *b)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < WEIR_SERVICE_SLOTS; i++)
		n += b->services[i].key.used == WEIR_SLOT_DNS &&
		     b->services[i].key.flags == WEIR_SERVICE_DNS;
	return n;
}

static void addresses_are_those_that_were_said(void **state)
{
	struct bed *b = *state;
	struct weir_sockaddr all[] = { at("192.0.2.53", 53), at("2001:db8::53", 53),
				       at("192.0.2.53", 5353), at("0.0.0.0", 53), at("::", 53) };

	assert_int_equal(weir_plane_dns_listen(b->plane, all, 5, WEIR_DNS_KERNEL_XDP), 0);
	assert_int_equal(dns_slots(b), 3);
	assert_int_equal(weir_plane_dns_listen(b->plane, all + 1, 1, WEIR_DNS_KERNEL_TC), 0);
	assert_int_equal(dns_slots(b), 1);
	bed_leave(b);
	bed_return(b);
	assert_int_equal(dns_slots(b), 1);
	assert_int_equal(weir_plane_dns_listen(b->plane, all, 2, WEIR_DNS_KERNEL_XDP), 0);
	assert_int_equal(dns_slots(b), 2);
	assert_int_equal(weir_plane_dns_listen(b->plane, all, 2, WEIR_DNS_KERNEL_OFF), 0);
	assert_int_equal(dns_slots(b), 0);
}

/* Service 3 is UDP, port 443. */
static void a_service_has_its_address_first(void **state)
{
	struct bed *b = *state;
	struct weir_sockaddr same = { .addr = bed_service_addr(3), .port = 443 };

	assert_int_equal(weir_plane_dns_listen(b->plane, &same, 1, WEIR_DNS_KERNEL_XDP), 0);
	assert_int_equal(dns_slots(b), 1);
	bed_serve(b, 3, WEIR_TABLE_MIN, 0, 1);
	bed_sync(b);
	assert_int_equal(dns_slots(b), 0);
	assert_non_null(bed_service(b, 3));
	b->wish.service[3].on = false;
	bed_sync(b);
	assert_int_equal(dns_slots(b), 1);
}

/* --- zones --- */

static void zones_are_those_that_were_named(void **state)
{
	struct bed *b = *state;
	uint32_t key = 0;
	struct weir_dns_guard g;
	int fd = open_map(b, "weir_dns_guard");

	assert_false(bpf_map_lookup_elem(fd, &key, &g));
	assert_int_equal(g.zones, 0); /* nobody knows yet: every name may be ours */
	weir_plane_dns_zones_begin(b->plane);
	weir_plane_dns_zone(b->plane, 7, 2);
	weir_plane_dns_zone(b->plane, 8, 5);
	weir_plane_dns_zones_end(b->plane);
	assert_int_equal(keys_in(b, "weir_dns_zones"), 2);
	bed_leave(b);
	bed_return(b);
	weir_plane_dns_zones_begin(b->plane);
	weir_plane_dns_zone(b->plane, 7, 2);
	weir_plane_dns_zones_end(b->plane);
	assert_int_equal(keys_in(b, "weir_dns_zones"), 1);
	assert_false(bpf_map_lookup_elem(fd, &key, &g));
	assert_int_equal(g.zones, 1);
	assert_int_equal(g.labels, 2);
	close(fd);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, bed_open, bed_close)
	const struct CMUnitTest tests[] = {
		TEST(only_what_differs_is_written),
		TEST(an_entry_is_in_the_map_that_it_fits),
		TEST(the_next_agent_goes_on_with_what_is_there),
		TEST(what_does_not_fit_is_left_to_the_agent),
		TEST(answers_are_counted_by_what_they_were),
		TEST(addresses_are_those_that_were_said),
		TEST(a_service_has_its_address_first),
		TEST(zones_are_those_that_were_named),
	};

	return cmocka_run_group_tests(tests, bed_make, bed_remove);
}
