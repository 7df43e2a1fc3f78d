/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Frames that lie in several buffers, of which the program sees the first: what test runs make of
 * more than a page. */
#include "bed.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <unistd.h>

#include "weir.skel.h"

#define VIP4     "192.0.2.1"
#define VIP6     "2001:db8::1"
#define LARGEST  9100
#define ALL      UINT32_MAX
#define ONE_PAGE 3000 /* so much is in the first buffer, at least */

struct jumbo {
	uint32_t len;
	uint8_t data[LARGEST + 64];
};

static struct plane_service s4, s6;

static int services(void **state)
{
	bed_reset(state);
	s4 = plane_add_service(plane, VIP4, IPPROTO_TCP, 443, 4096);
	s6 = plane_add_service(plane, VIP6, IPPROTO_TCP, 443, 4096);
	return 0;
}

static uint32_t serve(enum weir_mode mode, const char *own, const char *far)
{
	uint32_t slot = plane_add_endpoint(plane, mode, own, far, LO);

	plane_set_rows(plane, &s4, slot, REST);
	plane_set_rows(plane, &s6, slot, REST);
	return slot;
}

static struct pkt data4(void)
{
	struct flow f = flow_of(IPPROTO_TCP, "198.51.100.7", 40000, VIP4, 443);

	return pkt_new(&f, PKT_ACK);
}

static struct pkt data6(void)
{
	struct flow f = flow_of(IPPROTO_TCP, "2001:db8:7::7", 40000, VIP6, 443);

	return pkt_new(&f, PKT_ACK);
}

/* The packet with payload up to a frame of len bytes. */
static const struct jumbo *grown(const struct pkt *p, uint32_t len)
{
	static struct jumbo j;
	uint32_t ip = pkt_ip_at(p);

	assert_in_range(len, p->len, LARGEST);
	memcpy(j.data, p->data, p->len);
	for (uint32_t i = p->len; i < len; i++)
		j.data[i] = (uint8_t)(i * 7 + (i >> 8));
	j.len = len;
	if (j.data[ip] >> 4 == 6) {
		pkt_put16(j.data + ip + 4, (uint16_t)(len - ip - 40));
		return &j;
	}
	pkt_put16(j.data + ip + 2, (uint16_t)(len - ip));
	pkt_put16(j.data + ip + 10, 0);
	pkt_put16(j.data + ip + 10, pkt_checksum(j.data + ip, (j.data[ip] & 15) * 4u, 0));
	return &j;
}

/* first: bytes in the first buffer; ALL: as many as it takes. An error, or 0 and in *out what
 * leaves. */
static int try_run(const struct jumbo *in, uint32_t first, struct jumbo *out, uint32_t *action)
{
	struct xdp_md ctx = { .data_end = first };
	LIBBPF_OPTS(bpf_test_run_opts, run, .data_in = in->data, .data_size_in = in->len,
		    .data_out = out->data, .data_size_out = sizeof(out->data), .repeat = 1);
	int err;

	if (first != ALL) {
		run.ctx_in = &ctx;
		run.ctx_size_in = sizeof(ctx);
	}
	err = bpf_prog_test_run_opts(plane_fd(plane), &run);
	*action = run.retval;
	out->len = run.data_size_out;
	return err;
}

static const struct jumbo *run(const struct jumbo *in, uint32_t action, enum weir_reason why)
{
	static struct jumbo out;
	struct weir_count before[WEIR_REASON_COUNT];
	uint32_t got;

	plane_counts(plane, before);
	assert_int_equal(try_run(in, ALL, &out, &got), 0);
	assert_int_equal(got, action);
	assert_int_equal(counted(before, in->len), why);
	return &out;
}

/* It leaves behind an outer IPv4 header that says its length, and is the same otherwise. */
static void leaves_in_ip4(const struct jumbo *in, uint32_t slot, uint32_t ip_len)
{
	uint64_t bytes = plane_stats(plane, slot).bytes;
	const struct jumbo *out = run(in, XDP_TX, WEIR_FORWARD);

	assert_int_equal(out->len, in->len + 20);
	assert_int_equal(pkt_get16(out->data + 16), ip_len + 20);
	assert_int_equal(pkt_checksum(out->data + 14, 20, 0), 0);
	assert_memory_equal(out->data + 34, in->data + 14, in->len - 14);
	assert_int_equal(plane_stats(plane, slot).bytes, bytes + in->len);
}

static void they_travel_in_ipv4_at_any_length(void **state)
{
	uint32_t slot = serve(WEIR_MODE_IPIP, "10.1.2.3", "10.9.8.7");
	struct pkt p4 = data4(), p6 = data6();

	(void)state;
	for (uint32_t len = ONE_PAGE; len < 4200; len++)
		leaves_in_ip4(grown(&p4, len), slot, len - 14);
	for (uint32_t len = 4200; len < 9100; len += 7)
		leaves_in_ip4(grown(&p6, len), slot, len - 14);
}

static void they_travel_in_ipv6(void **state)
{
	struct pkt p = data6();
	const struct jumbo *in = grown(&p, 9014), *out;

	(void)state;
	serve(WEIR_MODE_IPIP, "2001:db8:1::3", "2001:db8:9::7");
	out = run(in, XDP_TX, WEIR_FORWARD);
	assert_int_equal(out->len, in->len + 40);
	assert_int_equal(pkt_get16(out->data + 14 + 4), 9000);
	assert_memory_equal(out->data + 54, in->data + 14, in->len - 14);
}

/* Its checksum does not need the payload, which is out of reach: test_gue.c. */
static void they_travel_in_udp(void **state)
{
	struct pkt p = data6();
	struct jumbo in = *grown(&p, 9014);
	const struct jumbo *out;
	uint32_t pseudo = IPPROTO_TCP + 8960;

	(void)state;
	for (uint32_t i = 22; i < 54; i += 2)
		pseudo += pkt_get16(in.data + i);
	pkt_put16(in.data + 70, 0);
	pkt_put16(in.data + 70, pkt_checksum(in.data + 54, 8960, pseudo));
	serve(WEIR_MODE_GUE, "10.1.2.3", "10.9.8.7");
	out = run(&in, XDP_TX, WEIR_FORWARD);
	assert_int_equal(out->len, in.len + 28);
	pseudo = IPPROTO_UDP + 9008;
	for (uint32_t i = 26; i < 34; i += 2)
		pseudo += pkt_get16(out->data + i);
	assert_int_equal(pkt_checksum(out->data + 34, 9008, pseudo), 0);
	assert_memory_equal(out->data + 42, in.data + 14, 9000);
}

static void direct_return_changes_the_mac_addresses_only(void **state)
{
	struct pkt p = data4();
	const struct jumbo *in = grown(&p, 9014), *out;

	(void)state;
	serve(WEIR_MODE_L2, "10.1.2.3", "10.9.8.7");
	out = run(in, XDP_TX, WEIR_FORWARD);
	assert_int_equal(out->len, in->len);
	assert_memory_equal(out->data + 12, in->data + 12, in->len - 12);
}

static void the_long_way_takes_them_too(void **state)
{
	uint32_t slot = serve(WEIR_MODE_IPIP, "10.1.2.3", "10.9.8.7");
	struct pkt options = pkt_options(data4(), 8), tagged = pkt_vlan(data4(), 7);
	const struct jumbo *in, *out;

	(void)state;
	leaves_in_ip4(grown(&options, 9014), slot, 9000);
	in = grown(&tagged, 9018);
	out = run(in, XDP_TX, WEIR_FORWARD);
	assert_int_equal(out->len, in->len + 20);
	assert_int_equal(pkt_get16(out->data + 20), 9020);
	assert_memory_equal(out->data + 38, in->data + 18, in->len - 18);
}

static void padding_is_not_counted_into_the_tunnel(void **state)
{
	uint32_t slot = serve(WEIR_MODE_IPIP, "10.1.2.3", "10.9.8.7");
	struct pkt p = data4();
	struct jumbo in = *grown(&p, 5014);

	(void)state;
	in.len += 40;
	leaves_in_ip4(&in, slot, 5000);
}

static void one_that_ends_too_soon_is_dropped(void **state)
{
	static const uint32_t lengths[] = { ONE_PAGE, 3600, 5000, 9013 };
	struct pkt p = data4();
	struct jumbo in = *grown(&p, 9014);

	(void)state;
	serve(WEIR_MODE_IPIP, "10.1.2.3", "10.9.8.7");
	for (uint32_t i = 0; i < 4; i++) {
		in.len = lengths[i];
		run(&in, XDP_DROP, WEIR_DROP_TRUNCATED);
	}
}

static void one_that_is_too_large_is_told_of(void **state)
{
	uint32_t slot = serve(WEIR_MODE_IPIP, "10.1.2.3", "10.9.8.7");
	struct pkt p = data4();
	const struct jumbo *in = grown(&p, 9014), *out;

	(void)state;
	plane->endpoints[slot].mtu = 8000;
	out = run(in, XDP_TX, WEIR_REPLY_MTU);
	assert_int_equal(out->len, 14 + 20 + 8 + 512);
	assert_int_equal(pkt_get16(out->data + 34), 0x0304);
	assert_int_equal(pkt_get16(out->data + 40), 8000);
	assert_int_equal(pkt_checksum(out->data + 34, 8 + 512, 0), 0);
	assert_memory_equal(out->data + 42, in->data + 14, 512);
}

static void a_ping_is_answered_with_all_it_brought(void **state)
{
	struct flow f = flow_of(IPPROTO_ICMP, "198.51.100.7", 0, VIP4, 0);
	struct pkt p = pkt_new(&f, 0);
	struct jumbo in = *grown(&p, 9014);
	const struct jumbo *out;

	(void)state;
	pkt_put16(in.data + 36, 0);
	pkt_put16(in.data + 36, pkt_checksum(in.data + 34, in.len - 34, 0));
	out = run(&in, XDP_TX, WEIR_REPLY_ECHO);
	assert_int_equal(out->len, in.len);
	assert_int_equal(out->data[34], 0);
	assert_int_equal(pkt_checksum(out->data + 34, out->len - 34, 0), 0);
	assert_memory_equal(out->data + 38, in.data + 38, in.len - 38);
}

static void one_for_nobody_passes_untouched(void **state)
{
	struct flow f = flow_of(IPPROTO_TCP, "198.51.100.7", 40000, "192.0.2.99", 443);
	struct pkt p = pkt_new(&f, PKT_ACK);
	const struct jumbo *in = grown(&p, 9014), *out = run(in, XDP_PASS, WEIR_PASS_NOT_OURS);

	(void)state;
	assert_int_equal(out->len, in->len);
	assert_memory_equal(out->data, in->data, in->len);
}

/* --- headers outside the first buffer --- */

/* The same packet with so little in its first buffer ends like the whole, byte by byte. */
static void ends_the_same(const struct pkt *p, enum weir_reason why)
{
	static struct jumbo whole, split;
	const struct jumbo *in = grown(p, 1500);
	uint32_t want, got;

	assert_int_equal(try_run(in, ALL, &whole, &want), 0);
	for (uint32_t first = 0; first < 250; first++) {
		uint64_t before = plane_count(plane, why);

		assert_int_equal(try_run(in, first, &split, &got), 0);
		assert_int_equal(got, want);
		assert_int_equal(plane_count(plane, why), before + 1);
		assert_int_equal(split.len, whole.len);
		assert_memory_equal(split.data, whole.data, whole.len);
	}
}

static void headers_are_pulled_into_the_first_buffer(void **state)
{
	struct flow f = flow_of(IPPROTO_TCP, "198.51.100.7", 40000, "192.0.2.99", 443);
	struct pkt all[] = { data4(), data6(), pkt_options(data4(), 40), pkt_vlan(data6(), 7) };
	struct pkt other = pkt_new(&f, PKT_ACK);

	(void)state;
	serve(WEIR_MODE_IPIP, "10.1.2.3", "10.9.8.7");
	for (uint32_t i = 0; i < sizeof(all) / sizeof(*all); i++)
		ends_the_same(&all[i], WEIR_FORWARD);
	ends_the_same(&other, WEIR_PASS_NOT_OURS);
}

/* Where the kernel cannot pull them, the host gets all that it may be meant for. */
static void or_the_packet_is_passed_to_the_host(void **state)
{
	static struct jumbo out;
	struct pkt p = pkt_vlan(data4(), 7); /* 58 bytes of headers */
	const struct jumbo *in = grown(&p, 1500);
	uint32_t action;

	(void)state;
	serve(WEIR_MODE_IPIP, "10.1.2.3", "10.9.8.7");
	for (uint32_t first = 0; first < 58; first++) {
		uint64_t before = plane_count(plane, WEIR_PASS_SPLIT);

		assert_int_equal(try_run(in, first, &out, &action), 0);
		assert_int_equal(action, XDP_PASS);
		if (first < 14 ||
		    first >= 18) /* else its tag is cut, as those of no IP packet may be */
			assert_int_equal(plane_count(plane, WEIR_PASS_SPLIT), before + 1);
		assert_int_equal(out.len, in->len);
		assert_memory_equal(out.data, in->data, in->len);
	}
	assert_int_equal(try_run(in, 58, &out, &action), 0);
	assert_int_equal(action, XDP_TX);
}

static void multi_buffer(struct weir_bpf *skel)
{
	bpf_program__set_flags(skel->progs.weir_xdp, BPF_F_XDP_HAS_FRAGS);
	skel->rodata->weir_multi_buffer = 1;
}

static void and_pull_data(struct weir_bpf *skel)
{
	multi_buffer(skel);
	skel->rodata->weir_pull_data = 1;
}

static int open_jumbo(void **state)
{
	(void)state;
	plane = plane_load_with(multi_buffer);
	return 0;
}

static int open_pulling(void **state)
{
	(void)state;
	plane = plane_load_with(and_pull_data);
	return 0;
}

/* Whether test runs can split a packet where they are asked to: others ignore it or refuse. */
static bool makes_small_buffers(void)
{
	static struct jumbo out;
	struct pkt p = data4();
	uint32_t action;
	bool can;

	open_jumbo(NULL);
	can = !try_run(grown(&p, 200), 0, &out, &action) && !plane_count(plane, WEIR_PASS_NOT_OURS);
	bed_close(NULL);
	return can;
}

static bool can_pull(void)
{
	struct btf *kernel = btf__load_vmlinux_btf();
	bool can = btf__find_by_name_kind(kernel, "bpf_xdp_pull_data", BTF_KIND_FUNC) > 0;

	btf__free(kernel);
	return can;
}

/* Whether the kernel takes a program for them (Linux 5.18). */
static bool takes_multi_buffer(void)
{
	const struct bpf_insn pass[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = XDP_PASS },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	LIBBPF_OPTS(bpf_prog_load_opts, opts, .prog_flags = BPF_F_XDP_HAS_FRAGS);
	int fd = bpf_prog_load(BPF_PROG_TYPE_XDP, NULL, "GPL", pass, 2, &opts);

	return fd >= 0 && !close(fd);
}

/* Where the kernel knows no such frames: it makes none. */
static void this_kernel_makes_none(void **state)
{
	static struct jumbo j = { .len = 9014 };
	LIBBPF_OPTS(bpf_test_run_opts, run, .data_in = j.data, .data_size_in = j.len);

	(void)state;
	assert_int_not_equal(bpf_prog_test_run_opts(plane_fd(plane), &run), 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup(name, services)
	const struct CMUnitTest tests[] = {
		TEST(they_travel_in_ipv4_at_any_length),
		TEST(they_travel_in_ipv6),
		TEST(they_travel_in_udp),
		TEST(direct_return_changes_the_mac_addresses_only),
		TEST(the_long_way_takes_them_too),
		TEST(padding_is_not_counted_into_the_tunnel),
		TEST(one_that_ends_too_soon_is_dropped),
		TEST(one_that_is_too_large_is_told_of),
		TEST(a_ping_is_answered_with_all_it_brought),
		TEST(one_for_nobody_passes_untouched),
	};
	const struct CMUnitTest none[] = { TEST(this_kernel_makes_none) };
	const struct CMUnitTest split[] = { TEST(or_the_packet_is_passed_to_the_host) };
	const struct CMUnitTest pulled[] = { TEST(headers_are_pulled_into_the_first_buffer) };
	int failed;

	if (!takes_multi_buffer()) {
		printf("# this kernel has no multi-buffer XDP (Linux 5.18)\n");
		return cmocka_run_group_tests(none, bed_open, bed_close);
	}
	failed = cmocka_run_group_tests(tests, open_jumbo, bed_close);
	if (!makes_small_buffers()) {
		printf("# test runs of this kernel make no small first buffer (Linux 6.18)\n");
		return failed;
	}
	failed += cmocka_run_group_tests(split, open_jumbo, bed_close);
	if (can_pull())
		return failed + cmocka_run_group_tests(pulled, open_pulling, bed_close);
	printf("# this kernel has no bpf_xdp_pull_data (Linux 6.18)\n");
	return failed;
}
