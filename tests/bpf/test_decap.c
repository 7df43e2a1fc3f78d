/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The program for backends without tunnel devices: what it opens, and what it leaves alone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <linux/bpf.h>
#include <netinet/in.h>
#include <string.h>

#include "../lib/pkt.h"
#include "decap.skel.h"

#define GUE_PORT 6080
#define NOT_ECT  0
#define ECT_1    1
#define ECT_0    2
#define CE       3

static struct decap_bpf *skel;
static const char *const vip[2] = { "192.0.2.1", "2001:db8::1" };
static const char *const client[2] = { "198.51.100.7", "2001:db8:7::7" };
static const char *const balancer[2] = { "10.0.0.2", "2001:db8:1::2" };
static const char *const own[2] = { "10.0.0.9", "2001:db8:1::9" };

static void set_port(uint16_t port)
{
	uint16_t be = htons(port);
	uint32_t zero = 0;

	assert_int_equal(
		bpf_map_update_elem(bpf_map__fd(skel->maps.decap_port), &zero, &be, BPF_ANY), 0);
}

static int setup(void **state)
{
	uint8_t one = 1;

	(void)state;
	skel = decap_bpf__open_and_load();
	if (!skel)
		return -1;
	for (int v6 = 0; v6 < 2; v6++) {
		union weir_addr a = pkt_addr(vip[v6]);

		bpf_map_update_elem(bpf_map__fd(skel->maps.decap_vips), &a, &one, BPF_ANY);
	}
	set_port(GUE_PORT);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	decap_bpf__destroy(skel);
	return 0;
}

static struct pkt inner(int v6, uint8_t ecn)
{
	struct flow f = flow_of(IPPROTO_TCP, client[v6], 4000, vip[v6], 443);
	struct pkt p = pkt_payload(pkt_new(&f, PKT_ACK), 100);
	uint8_t *ip = p.data + 14;

	if (v6) {
		ip[1] = (uint8_t)(ip[1] | ecn << 4);
		return p;
	}
	ip[1] |= ecn;
	pkt_put16(ip + 10, 0);
	pkt_put16(ip + 10, pkt_checksum(ip, 20, 0));
	return p;
}

/* In an outer packet of this family; gue: in UDP, too, to this port, 0: not. */
static struct pkt wrap(const struct pkt *in, int outer6, uint16_t gue, uint8_t ecn)
{
	struct flow f = flow_of(gue                                  ? IPPROTO_UDP
				: pkt_get16(in->data + 12) == 0x86dd ? 41
								     : 4,
				balancer[outer6], 50000, own[outer6], gue);
	struct pkt p = pkt_new(&f, 0);
	uint32_t front = 14 + (outer6 ? 40u : 20u) + (gue ? 8 : 0), len = in->len - 14;
	uint8_t *ip = p.data + 14;

	p.len = front;
	memcpy(p.data + front, in->data + 14, len);
	p.len += len;
	if (outer6)
		pkt_put16(ip + 4, (uint16_t)(p.len - 14 - 40));
	else
		pkt_put16(ip + 2, (uint16_t)(p.len - 14));
	ip[1] = (uint8_t)(outer6 ? ip[1] | ecn << 4 : ip[1] | ecn);
	if (gue)
		pkt_put16(p.data + front - 4, (uint16_t)(len + 8));
	return p;
}

static struct pkt run(const struct pkt *in, uint32_t action)
{
	struct pkt out = { 0 };
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = in->data, .data_size_in = in->len,
		    .data_out = out.data, .data_size_out = sizeof(out.data));

	assert_int_equal(bpf_prog_test_run_opts(bpf_program__fd(skel->progs.weir_decap), &opts), 0);
	assert_int_equal(opts.retval, action);
	out.len = opts.data_size_out;
	return out;
}

static void is_opened(const struct pkt *in, const struct pkt *want)
{
	struct pkt out = run(in, XDP_PASS);

	assert_int_equal(out.len, want->len);
	assert_memory_equal(out.data + 12, want->data + 12, want->len - 12);
	assert_memory_equal(out.data, in->data, 12);
}

static void is_left_alone(const struct pkt *in)
{
	struct pkt out = run(in, XDP_PASS);

	assert_int_equal(out.len, in->len);
	assert_memory_equal(out.data, in->data, in->len);
}

#define EACH_WAY                                     \
	for (int v6 = 0; v6 < 2; v6++)               \
		for (int out6 = 0; out6 < 2; out6++) \
			for (uint16_t gue = 0; gue <= GUE_PORT; gue += GUE_PORT)

static void any_family_is_opened_in_any(void **state)
{
	(void)state;
	EACH_WAY
	{
		struct pkt in = inner(v6, NOT_ECT), out = wrap(&in, out6, gue, NOT_ECT);

		is_opened(&out, &in);
	}
}

static void what_is_for_no_vip_is_left_alone(void **state)
{
	(void)state;
	EACH_WAY
	{
		struct pkt in = inner(v6, NOT_ECT), out;

		in.data[14 + (v6 ? 39 : 19)] = 99;
		out = wrap(&in, out6, gue, CE);
		is_left_alone(&out);
	}
}

static void the_port_can_change(void **state)
{
	struct pkt in = inner(0, NOT_ECT), usual = wrap(&in, 0, GUE_PORT, 0);
	struct pkt other = wrap(&in, 0, 9886, 0), not_udp = wrap(&in, 0, 0, 0);

	(void)state;
	is_left_alone(&other);
	set_port(9886);
	is_opened(&other, &in);
	is_left_alone(&usual);
	is_opened(&not_udp, &in);
}

static void what_is_not_variant_1_is_left_alone(void **state)
{
	(void)state;
	for (int first = 0; first < 16; first++) {
		struct pkt in = inner(0, NOT_ECT), out = wrap(&in, 0, GUE_PORT, 0);

		out.data[14 + 28] = (uint8_t)(first << 4);
		if (first == 4) /* IPv4, by its first bits */
			run(&out, XDP_PASS);
		else
			is_left_alone(&out);
	}
}

static void what_is_cut_short_or_in_fragments_is_left_alone(void **state)
{
	(void)state;
	EACH_WAY
	{
		struct pkt in = inner(v6, NOT_ECT), out = wrap(&in, out6, gue, 0);
		uint32_t headers = (uint32_t)(out.len - in.len) + 14 + (v6 ? 40 : 20);

		for (uint32_t len = 14; len < headers; len++) {
			struct pkt cut = pkt_cut(out, len);

			is_left_alone(&cut);
		}
		if (!out6) {
			out = pkt_byte(out, 14 + 6, 0x20); /* more fragments */
			is_left_alone(&out);
		}
	}
}

/* CE, as in RFC 6040, section 4.2; nobody on the way sets anything else. */
static void congestion_marks_reach_the_inner_packet(void **state)
{
	(void)state;
	EACH_WAY
	{
		for (uint8_t of = NOT_ECT; of <= CE; of++) {
			struct pkt in = inner(v6, of), marked = inner(v6, CE);

			for (uint8_t on = NOT_ECT; on <= CE; on++) {
				struct pkt out = wrap(&in, out6, gue, on);

				if (on == CE && of == NOT_ECT)
					run(&out, XDP_DROP);
				else
					is_opened(&out, on == CE ? &marked : &in);
			}
		}
	}
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(any_family_is_opened_in_any),
		TEST(what_is_for_no_vip_is_left_alone),
		TEST(the_port_can_change),
		TEST(what_is_not_variant_1_is_left_alone),
		TEST(what_is_cut_short_or_in_fragments_is_left_alone),
		TEST(congestion_marks_reach_the_inner_packet),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
