/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The filter of the DNS sockets on a real socket: what arrives and what is counted must be what
 * a plain C judge says of the same message. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <arpa/inet.h>
#include <cmocka.h>
#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "weir/seeing.h"
#include "weir.skel.h"

#define MESSAGES  24000
#define SEEN_MIN  200 /* messages of each reason, at least */
#define TIMEOUT_S 5

struct msg {
	size_t len;
	__u8 b[6000];
};

struct link {
	int in, out;
};

static struct weir_bpf *skel;
static struct link v4, v6;
static __u64 seed = 20260101;

static unsigned roll(unsigned n)
{
	seed = seed * 6364136223846793005ull + 1442695040888963407ull;
	return (unsigned)((seed >> 33) % n);
}

/* What bpf/dns_filter.h promises, in plain C. */
static enum weir_dns_reason judge(const struct msg *m)
{
	const __u8 *b = m->b;
	size_t at = 12;

	if (m->len < 17)
		return WEIR_DNS_DROP_SHORT;
	if (m->len > 4096)
		return WEIR_DNS_DROP_LARGE;
	if (b[2] >= 128)
		return WEIR_DNS_DROP_RESPONSE;
	if (b[4] != 0 || b[5] != 1)
		return WEIR_DNS_DROP_COUNTS;
	if (b[2] < 8 && (b[6] || b[7] || b[8] || b[9] > 1 || b[10] || b[11] > 3))
		return WEIR_DNS_DROP_COUNTS;
	while (at < m->len && b[at]) {
		if (b[at] >= 64)
			return WEIR_DNS_DROP_NAME;
		at += b[at] + 1u;
	}
	return at + 1 - 12 <= 255 && at + 5 <= m->len ? WEIR_DNS_QUERY : WEIR_DNS_DROP_NAME;
}

/* --- messages --- */

static void add(struct msg *m, unsigned n, int byte)
{
	for (; n; n--)
		m->b[m->len++] = byte < 0 ? (__u8)roll(256) : (__u8)byte;
}

/* A query for a name of up to labels labels, each of up to 63 bytes; it may be too long. */
static struct msg query(unsigned labels)
{
	static const __u8 header[] = { 0, 0, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0 };
	struct msg m = { .len = sizeof(header) };

	memcpy(m.b, header, sizeof(header));
	for (unsigned n = roll(labels + 1); n; n--) {
		unsigned size = 1 + roll(roll(2) ? 63 : 8);

		add(&m, 1, (int)size);
		add(&m, size, -1);
	}
	add(&m, 1, 0);
	add(&m, 4, 1);
	return m;
}

/* A name of so many bytes on the wire, in labels of about size bytes. */
static struct msg query_of(unsigned bytes, unsigned size)
{
	struct msg m = query(0);
	unsigned left = bytes - 1;

	m.len = 12;
	while (left) {
		unsigned label = left > size + 1 ? size : left - 1;

		if (left - 1 - label == 1) /* no room for a label of its own */
			label = label < 63 ? label + 1 : label - 1;
		add(&m, 1, (int)label);
		add(&m, label, 'x');
		left -= 1 + label;
	}
	add(&m, 1, 0);
	add(&m, 4, 1);
	return m;
}

static void mutate(struct msg *m)
{
	static const __u8 values[] = { 0, 1, 2, 3, 4, 63, 64, 127, 128, 192, 255 };

	for (unsigned n = 1 + roll(3); n; n--) {
		unsigned at = roll(3) ? roll(12) : roll((unsigned)m->len);

		m->b[at] = roll(2) ? values[roll(sizeof(values))] : (__u8)roll(256);
	}
}

/* Noise behind the header of a query. */
static void add_noise(struct msg *m)
{
	m->len = 12;
	add(m, roll(400), -1);
}

static struct msg any_message(void)
{
	struct msg m = query(6);
	unsigned kind = roll(8);

	if (kind == 0)
		m.len = roll((unsigned)m.len + 1);
	else if (kind == 1)
		add(&m, roll(5000 - (unsigned)m.len), -1);
	else if (kind == 2)
		m = query_of(240 + roll(30), 1 + roll(63));
	else if (kind < 6)
		mutate(&m);
	else if (kind == 6)
		add_noise(&m);
	return m;
}

/* --- the wire --- */

static struct link link_of(int family)
{
	struct sockaddr_in6 sin6 = { .sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT };
	struct sockaddr_in sin = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
	struct sockaddr *a = family == AF_INET ? (struct sockaddr *)&sin : (struct sockaddr *)&sin6;
	socklen_t len = family == AF_INET ? sizeof(sin) : sizeof(sin6);
	struct link l = { socket(family, SOCK_DGRAM, 0), socket(family, SOCK_DGRAM, 0) };
	struct timeval timeout = { .tv_sec = TIMEOUT_S };
	int fd = bpf_program__fd(skel->progs.weir_dns_filter);

	assert_return_code(setsockopt(l.in, SOL_SOCKET, SO_ATTACH_BPF, &fd, sizeof(fd)), errno);
	assert_return_code(setsockopt(l.in, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout)),
			   errno);
	assert_return_code(bind(l.in, a, len), errno);
	assert_return_code(getsockname(l.in, a, &len), errno);
	assert_return_code(connect(l.out, a, len), errno);
	return l;
}

static struct weir_count counted(unsigned reason)
{
	int cpus = libbpf_num_possible_cpus();
	struct weir_count per_cpu[256], sum = { 0, 0 };

	assert_in_range(cpus, 1, 256);
	assert_return_code(
		bpf_map_lookup_elem(bpf_map__fd(skel->maps.weir_dns_counts), &reason, per_cpu),
		errno);
	for (int i = 0; i < cpus; i++) {
		sum.packets += per_cpu[i].packets;
		sum.bytes += per_cpu[i].bytes;
	}
	return sum;
}

/* Waits until one more message was counted for this reason: the kernel may take its time. */
static void expect_counted(enum weir_dns_reason why, struct weir_count before, size_t len)
{
	time_t end = time(NULL) + TIMEOUT_S;
	struct weir_count now = counted(why);

	while (now.packets == before.packets && time(NULL) < end) {
		sched_yield();
		now = counted(why);
	}
	assert_int_equal(now.packets, before.packets + 1);
	assert_int_equal(now.bytes, before.bytes + len);
}

/* Sends m: it must be counted for the judge's reason, and arrive whole if that is no drop. What
 * arrives though it should not is taken for the next one that should, and differs. */
static enum weir_dns_reason expect_judged(const struct link *l, const struct msg *m)
{
	enum weir_dns_reason why = judge(m);
	struct weir_count before = counted(why);
	static __u8 got[sizeof(m->b)];

	assert_int_equal(send(l->out, m->b, m->len, 0), m->len);
	expect_counted(why, before, m->len);
	if (why == WEIR_DNS_QUERY) {
		assert_int_equal(recv(l->in, got, sizeof(got), 0), m->len);
		assert_memory_equal(got, m->b, m->len);
	} else {
		assert_int_equal(recv(l->in, got, sizeof(got), MSG_DONTWAIT), -1);
	}
	return why;
}

/* --- tests --- */

static void the_filter_and_the_judge_agree(void **state)
{
	unsigned seen[WEIR_DNS_REASON_COUNT] = { 0 };

	(void)state;
	for (unsigned i = 0; i < MESSAGES; i++) {
		struct msg m = any_message();

		seen[expect_judged(i % 4 ? &v4 : &v6, &m)]++;
	}
	assert_in_range(seen[WEIR_DNS_QUERY], SEEN_MIN, MESSAGES);
	for (unsigned i = WEIR_DNS_DROP_SHORT; i <= WEIR_DNS_DROP_NAME; i++)
		assert_in_range(seen[i], SEEN_MIN, MESSAGES);
}

static void every_truncation_of_a_query_is_dropped(void **state)
{
	struct msg m = query_of(40, 9);

	(void)state;
	assert_int_equal(expect_judged(&v4, &m), WEIR_DNS_QUERY);
	while (m.len--)
		assert_int_not_equal(expect_judged(&v4, &m), WEIR_DNS_QUERY);
}

static void names_of_255_bytes_pass_and_longer_ones_do_not(void **state)
{
	(void)state;
	for (unsigned size = 1; size < 64; size++) {
		struct msg fits = query_of(255, size), too_long = query_of(256, size);

		assert_int_equal(expect_judged(&v4, &fits), WEIR_DNS_QUERY);
		assert_int_equal(expect_judged(&v4, &too_long), WEIR_DNS_DROP_NAME);
	}
}

static void labels_of_63_bytes_pass_and_longer_ones_do_not(void **state)
{
	(void)state;
	for (unsigned size = 60; size < 256; size++) {
		struct msg m = query(0);

		m.len = 12;
		add(&m, 1, (int)size);
		add(&m, size, 'x');
		add(&m, 1, 0);
		add(&m, 4, 1);
		assert_int_equal(expect_judged(&v4, &m),
				 size < 64 ? WEIR_DNS_QUERY : WEIR_DNS_DROP_NAME);
	}
}

static void other_opcodes_pass_with_a_question(void **state)
{
	(void)state;
	for (unsigned opcode = 1; opcode < 16; opcode++) {
		struct msg m = query(3);

		m.b[2] = (__u8)(opcode << 3);
		m.b[7] = m.b[9] = m.b[11] = 9;
		assert_int_equal(expect_judged(&v4, &m), WEIR_DNS_QUERY);
		m.b[5] = 0;
		assert_int_equal(expect_judged(&v4, &m), WEIR_DNS_DROP_COUNTS);
	}
}

static int setup(void **state)
{
	struct bpf_program *p;

	(void)state;
	skel = weir_bpf__open();
	if (!skel)
		return -1;
	bpf_object__for_each_program(p, skel->obj)
		bpf_program__set_autoload(p, p == skel->progs.weir_dns_filter);
	if (weir_bpf__load(skel))
		return -1;
	v4 = link_of(AF_INET);
	v6 = link_of(AF_INET6);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	close(v4.in);
	close(v4.out);
	close(v6.in);
	close(v6.out);
	weir_bpf__destroy(skel);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_filter_and_the_judge_agree),
		cmocka_unit_test(every_truncation_of_a_query_is_dropped),
		cmocka_unit_test(names_of_255_bytes_pass_and_longer_ones_do_not),
		cmocka_unit_test(labels_of_63_bytes_pass_and_longer_ones_do_not),
		cmocka_unit_test(other_opcodes_pass_with_a_question),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
