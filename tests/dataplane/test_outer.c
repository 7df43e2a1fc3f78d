/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Outer headers by mode and family, where they say that they come from, and how large a client's
 * packet may be when a router further on has no room. */
#include "bed.h"

#include <poll.h>
#include <stdio.h>
#include <unistd.h>

#include "dataplane/plane_impl.h"
#include "weir.skel.h"

static const char *const far[2] = { "10.1.0.1", "fd01::1" };
static const char *const own[2] = { "10.1.255.254", "fd01::ff" };

/* Both endpoints, reached in this mode. */
static void reach(struct bed *b, uint8_t mode)
{
	struct weir_tables_endpoint e[2];
	const struct weir_nat_sources no_sources = { .n = 0 };
	const struct weir_tables t = { .endpoints = e, .n_endpoints = 2, .nat = &no_sources };

	for (int v6 = 0; v6 < 2; v6++)
		e[v6] = (struct weir_tables_endpoint){
			.addr = pkt_addr(far[v6]), .mode = mode, .healthy = true, .alive = true
		};
	assert_int_equal(weir_plane_sync(b->plane, &t, b->now_ms), 0);
}

static const struct weir_endpoint *template(const struct bed *b, uint8_t mode, int v6)
{
	union weir_addr addr = pkt_addr(far[v6]);

	for (uint32_t s = 1; s < 64; s++)
		if (b->ids[s].used && b->ids[s].mode == mode &&
		    !memcmp(&b->ids[s].addr, &addr, sizeof(addr)))
			return &b->endpoints[s];
	fail_msg("%s has no slot", far[v6]);
	return NULL;
}

/* Its source and destination, and its checksum base. */
static void comes_from(const struct weir_endpoint *e, int v6, const char *source)
{
	union weir_addr src = pkt_addr(source), dst = pkt_addr(far[v6]);
	uint32_t at = v6 ? 14 + 8 : 14 + 12, len = v6 ? 16 : 4, sum = 0, from = v6 ? 14 + 8 : 14;
	uint16_t word;

	assert_memory_equal(e->hdr + at, src.b + 16 - len, len);
	assert_memory_equal(e->hdr + at + len, dst.b + 16 - len, len);
	for (uint32_t i = from; i < at + 2 * len; i += 2) {
		memcpy(&word, e->hdr + i, 2);
		sum += word;
	}
	sum = (sum & 0xffff) + (sum >> 16);
	assert_int_equal(e->csum, (uint16_t)(sum + (sum >> 16)));
}

static void each_mode_and_family_has_its_header(void **state)
{
	static const uint8_t front[WEIR_MODE_GUE + 1][2] = {
		[WEIR_MODE_IPIP] = { 14 + 20, 14 + 40 },
		[WEIR_MODE_L2] = { 14, 14 },
		[WEIR_MODE_GUE] = { 14 + 28, 14 + 48 },
	};
	struct bed *b = *state;

	for (uint8_t mode = 0; mode <= WEIR_MODE_GUE; mode++) {
		reach(b, mode);
		for (int v6 = 0; v6 < 2; v6++) {
			const struct weir_endpoint *e = template(b, mode, v6);

			assert_int_not_equal(e->ifindex, 0);
			assert_int_equal(e->hdr_len, front[mode][v6]);
			assert_int_equal(e->mtu, 1500 - (front[mode][v6] - 14));
			if (mode != WEIR_MODE_L2)
				comes_from(e, v6, own[v6]);
		}
	}
}

static void modes_that_translate_have_an_address_and_no_header(void **state)
{
	struct bed *b = *state;

	for (uint8_t mode = WEIR_MODE_NAT; mode <= WEIR_MODE_FULLNAT; mode++) {
		reach(b, mode);
		for (int v6 = 0; v6 < 2; v6++) {
			const struct weir_endpoint *e = template(b, mode, v6);
			union weir_addr addr = pkt_addr(far[v6]);

			assert_int_not_equal(e->ifindex, 0);
			assert_int_equal(e->hdr_len,
					 mode == WEIR_MODE_NAT ? WEIR_HDR_NAT : WEIR_HDR_FULLNAT);
			assert_memory_equal(e->hdr + WEIR_NAT_ADDR, &addr, sizeof(addr));
			assert_int_equal(pkt_get16(e->hdr + WEIR_NAT_PORT), 0);
			assert_int_equal(e->mtu, 1500);
		}
	}
}

static void options_are_in_the_program(void **state)
{
	struct bed *b = *state;

	assert_int_equal(b->plane->skel->rodata->weir_gue_port, htons(6080));
	assert_int_equal(b->plane->skel->rodata->weir_spread_v4, 0);
	assert_int_equal(b->plane->skel->rodata->weir_spread_v6, 0);
	bed_leave(b);
	b->options.gue_port = 9886;
	assert_true(weir_prefix_parse("10.9.0.128/25", &b->options.outer4));
	assert_true(weir_prefix_parse("fd09::/80", &b->options.outer6));
	bed_return(b);
	assert_int_equal(b->plane->skel->rodata->weir_gue_port, htons(9886));
	assert_int_equal(b->plane->skel->rodata->weir_spread_v4, htonl(0x7f));
	assert_int_equal(b->plane->skel->rodata->weir_spread_v6, 0xffffffff);
}

static void a_prefix_to_come_from_is_followed_also_by_what_was_there(void **state)
{
	struct bed *b = *state;

	reach(b, WEIR_MODE_GUE);
	bed_leave(b);
	assert_true(weir_prefix_parse("10.9.0.128/25", &b->options.outer4));
	assert_true(weir_prefix_parse("fd09::7", &b->options.outer6));
	bed_return(b);
	comes_from(template(b, WEIR_MODE_GUE, 0), 0, "10.9.0.128");
	comes_from(template(b, WEIR_MODE_GUE, 1), 1, "fd09::7");
	assert_int_equal(b->plane->skel->rodata->weir_spread_v6, 0);
	bed_leave(b);
	b->options.outer4.bits = b->options.outer6.bits = 0;
	bed_return(b);
	for (int v6 = 0; v6 < 2; v6++)
		comes_from(template(b, WEIR_MODE_GUE, v6), v6, own[v6]);
}

/* --- what routers say --- */

#define BELIEF_MS 600000
#define CODE      1 /* places in an error */
#define CHECKSUM  2

/* What an error is about, and what it says. */
struct error {
	const char *src, *dst; /* of the quoted header; NULL: ours */
	int mtu, proto, port;  /* proto 0: IP in IP; port 0: GUE's */
	int at, byte;          /* a byte of the message that is changed; at 0: none */
	int cut;               /* bytes at the end that are missing */
	bool refused;          /* nobody takes it */
};

static uint32_t quoted_v4(uint8_t *m, const struct error *e)
{
	const uint8_t ip[12] = { 0x45, 0, 5, 0xdc, 0, 0, 0x40, 0, 60, (uint8_t)(e->proto ?: 4) };
	union weir_addr src = pkt_addr(e->src ?: own[0]), dst = pkt_addr(e->dst ?: far[0]);

	m[0] = 3;
	m[1] = 4;
	pkt_put16(m + 6, (uint16_t)e->mtu);
	memcpy(m + 8, ip, sizeof(ip));
	memcpy(m + 20, src.b + 12, 4);
	memcpy(m + 24, dst.b + 12, 4);
	return 28;
}

static uint32_t quoted_v6(uint8_t *m, const struct error *e)
{
	const uint8_t ip[8] = { 0x60, 0, 0, 0, 5, 0xb4, (uint8_t)(e->proto ?: 4), 60 };
	union weir_addr src = pkt_addr(e->src ?: own[1]), dst = pkt_addr(e->dst ?: far[1]);

	m[0] = 2;
	pkt_put16(m + 6, (uint16_t)e->mtu);
	memcpy(m + 8, ip, sizeof(ip));
	memcpy(m + 16, src.b, 16);
	memcpy(m + 32, dst.b, 16);
	return 48;
}

/* Sends an error to ourselves, as a router would. */
static void say(int v6, struct error e)
{
	struct weir_sockaddr to = { .addr = pkt_addr(own[v6]) };
	int fd = socket(v6 ? AF_INET6 : AF_INET, SOCK_RAW, v6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP);
	uint32_t len;
	struct sockaddr_storage ss;
	socklen_t ss_len = weir_sockaddr_native(&to, &ss);
	uint8_t m[64] = { 0 };

	len = v6 ? quoted_v6(m, &e) : quoted_v4(m, &e);
	pkt_put16(m + len, 50000);
	pkt_put16(m + len + 2, (uint16_t)(e.port ?: WEIR_GUE_PORT));
	len += 8 - (uint32_t)e.cut;
	if (e.refused) { /* port unreachable */
		m[0] = v6 ? 1 : 3;
		m[1] = v6 ? 4 : 3;
		m[7] = m[6] = 0;
	}
	if (e.at)
		m[e.at] = (uint8_t)e.byte;
	if (!v6 && e.at != CHECKSUM)
		pkt_put16(m + 2, pkt_checksum(m, len, 0));
	assert_int_equal(sendto(fd, m, len, 0, (struct sockaddr *)&ss, ss_len), len);
	close(fd);
}

/* Takes in what the world says until a client's packet may be of so many bytes. */
static void becomes(struct bed *b, uint8_t mode, int v6, int mtu)
{
	struct pollfd fd = { .fd = weir_plane_fd(b->plane), .events = POLLIN };

	for (int i = 0; template(b, mode, v6)->mtu != mtu && i < 100; i++) {
		poll(&fd, 1, 30);
		weir_plane_readable(b->plane);
	}
	assert_int_equal(template(b, mode, v6)->mtu, mtu);
}

static void a_router_further_on_decides_how_large_packets_can_be(void **state)
{
	struct bed *b = *state;

	for (uint8_t gue = 0; gue < 2; gue++) {
		uint8_t mode = gue ? WEIR_MODE_GUE : WEIR_MODE_IPIP;

		reach(b, mode);
		for (int v6 = 0; v6 < 2; v6++) {
			int front = (v6 ? 40 : 20) + 8 * gue;

			for (int inner6 = 0; inner6 < 2; inner6++) {
				int proto = gue ? 17 : inner6 ? 41 : 4;

				say(v6, (struct error){ .mtu = 1400 - inner6, .proto = proto });
				becomes(b, mode, v6, 1400 - inner6 - front);
			}
		}
	}
}

/* What is true afterwards is said last, so that everything before it has been taken in; over IPv4
 * before over IPv6. */
static void what_is_said_only_lowers_it_and_not_without_end(void **state)
{
	struct bed *b = *state;

	reach(b, WEIR_MODE_IPIP);
	say(0, (struct error){ .mtu = 1400 });
	say(0, (struct error){ .mtu = 1450 });
	say(1, (struct error){ .mtu = 1450 });
	becomes(b, WEIR_MODE_IPIP, 1, 1450 - 40);
	assert_int_equal(template(b, WEIR_MODE_IPIP, 0)->mtu, 1400 - 20);
	for (int mtu = 0; mtu < 576; mtu += 68)
		say(0, (struct error){ .mtu = mtu });
	becomes(b, WEIR_MODE_IPIP, 0, 576 - 20);
	say(1, (struct error){ .mtu = 1500 });
	say(1, (struct error){ .mtu = 68 });
	becomes(b, WEIR_MODE_IPIP, 1, 1280 - 40);
}

static void on_silence(void *told, const struct weir_endpoint_id *e)
{
	*(union weir_addr *)told = e->addr;
}

static void an_endpoint_that_takes_nothing_is_told_of(void **state)
{
	struct bed *b = *state;
	union weir_addr told;

	reach(b, WEIR_MODE_GUE);
	weir_plane_on_silence(b->plane, on_silence, &told);
	for (int v6 = 0; v6 < 2; v6++) {
		struct weir_live *l =
			&b->plane->live[template(b, WEIR_MODE_GUE, v6) - b->endpoints];
		struct pollfd fd = { .fd = weir_plane_fd(b->plane), .events = POLLIN };
		union weir_addr is = pkt_addr(far[v6]);

		told = pkt_addr("::");
		l->syns = 1; /* of a service that is watched */
		say(v6, (struct error){ .dst = own[v6], .proto = 17, .refused = true });
		for (uint32_t n = 1; n <= WEIR_SUSPECT; n++) {
			assert_memory_not_equal(&told, &is, sizeof(is));
			say(v6, (struct error){ .proto = 17, .refused = true });
			for (int i = 0; l->refused < n && i < 100; i++) {
				poll(&fd, 1, 30);
				weir_plane_readable(b->plane);
			}
			assert_int_equal(l->refused, n);
		}
		assert_memory_equal(&told, &is, sizeof(is));
	}
}

static void what_is_about_nothing_of_ours_is_not_believed(void **state)
{
	static const struct error lies[] = {
		{ .dst = "10.1.0.2", .mtu = 1000 },
		{ .src = "10.1.255.253", .mtu = 1000 },
		{ .proto = 6, .mtu = 1000 },
		{ .proto = 17, .port = 6081, .mtu = 1000 },
		{ .proto = 47, .mtu = 1000 },
		{ .mtu = 1000, .at = CHECKSUM, .byte = 1 },
		{ .mtu = 1000, .at = CODE, .byte = 13 },
		{ .mtu = 1000, .cut = 1 },
	};
	struct bed *b = *state;

	for (uint8_t gue = 0; gue < 2; gue++) {
		uint8_t mode = gue ? WEIR_MODE_GUE : WEIR_MODE_IPIP;

		reach(b, mode);
		for (size_t i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
			struct error e = lies[i];

			e.proto = e.proto ?: gue ? 17 : 4;
			say(0, e);
			e.src = e.src ? "fd01::fe" : NULL;
			e.dst = e.dst ? "fd01::2" : NULL;
			if (e.at == 0)
				say(1, e);
		}
		for (int v6 = 0; v6 < 2; v6++) {
			say(v6, (struct error){ .mtu = 1450, .proto = gue ? 17 : 41 });
			becomes(b, mode, v6, 1450 - (v6 ? 40 : 20) - 8 * gue);
		}
	}
}

static void every_source_that_we_use_may_be_quoted(void **state)
{
	struct bed *b = *state;

	bed_leave(b);
	assert_true(weir_prefix_parse("10.9.0.128/25", &b->options.outer4));
	bed_return(b);
	reach(b, WEIR_MODE_IPIP);
	say(0, (struct error){ .mtu = 1000, .src = "10.9.0.127" });
	say(0, (struct error){ .mtu = 1000 });
	say(0, (struct error){ .mtu = 1450, .src = "10.9.0.255" });
	becomes(b, WEIR_MODE_IPIP, 0, 1450 - 20);
}

static void after_ten_minutes_it_is_forgotten(void **state)
{
	struct bed *b = *state;

	b->now_ms = 5 * BELIEF_MS; /* the machine has been up for longer than this agent */
	reach(b, WEIR_MODE_IPIP);
	say(0, (struct error){ .mtu = 1400 });
	becomes(b, WEIR_MODE_IPIP, 0, 1400 - 20);
	bed_pass(b, BELIEF_MS / 2);
	say(1, (struct error){ .mtu = 1400 });
	becomes(b, WEIR_MODE_IPIP, 1, 1400 - 40);
	bed_pass(b, BELIEF_MS / 2 - 1);
	assert_int_equal(template(b, WEIR_MODE_IPIP, 0)->mtu, 1400 - 20);
	bed_pass(b, 1);
	assert_int_equal(template(b, WEIR_MODE_IPIP, 0)->mtu, 1500 - 20);
	assert_int_equal(template(b, WEIR_MODE_IPIP, 1)->mtu, 1400 - 40);
	bed_pass(b, BELIEF_MS / 2);
	assert_int_equal(template(b, WEIR_MODE_IPIP, 1)->mtu, 1500 - 40);
	say(0, (struct error){ .mtu = 1300 });
	becomes(b, WEIR_MODE_IPIP, 0, 1300 - 20);
}

static void sh(const char *command)
{
	assert_int_equal(system(command), 0);
}

static void the_route_is_the_limit_and_another_way_a_new_beginning(void **state)
{
	struct bed *b = *state;

	reach(b, WEIR_MODE_IPIP);
	say(0, (struct error){ .mtu = 1400 });
	becomes(b, WEIR_MODE_IPIP, 0, 1400 - 20);
	sh("ip route add 10.1.0.1/32 dev w0 mtu 1350");
	becomes(b, WEIR_MODE_IPIP, 0, 1350 - 20);
	sh("ip route change 10.1.0.1/32 dev w0 mtu 1450");
	becomes(b, WEIR_MODE_IPIP, 0, 1400 - 20);
	sh("ip neigh add 10.1.200.1 lladdr 06:00:00:00:00:77 dev w0 nud permanent && "
	   "ip route change 10.1.0.1/32 via 10.1.200.1 dev w0");
	becomes(b, WEIR_MODE_IPIP, 0, 1500 - 20);
	sh("ip route del 10.1.0.1/32; ip neigh del 10.1.200.1 dev w0");
}

/* A message about the agent's own packets, which the kernel takes in and forgets by itself. */
static void what_the_kernel_was_told_passes_too(void **state)
{
	struct bed *b = *state;
	struct weir_sockaddr to = { .addr = pkt_addr(far[0]), .port = 7777 };
	struct weir_sockaddr from = { .addr = pkt_addr(own[0]), .port = 50000 };
	struct sockaddr_storage ss;
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	assert_int_equal(bind(fd, (void *)&ss, weir_sockaddr_native(&from, &ss)), 0);
	assert_int_equal(connect(fd, (void *)&ss, weir_sockaddr_native(&to, &ss)), 0);
	sh("echo 2 > /proc/sys/net/ipv4/route/mtu_expires; "
	   "ip route add 10.1.0.1/32 dev w0 mtu 1450");
	reach(b, WEIR_MODE_IPIP);
	say(0, (struct error){ .mtu = 1111, .proto = 17, .port = 7777 });
	sh("ip route get 10.1.0.1 | grep -q 'mtu 1111' && ip route add 10.77.0.0/16 dev w0");
	becomes(b, WEIR_MODE_IPIP, 0, 1111 - 20);
	sh("for i in $(seq 100); do "
	   "ip route get 10.1.0.1 | grep -q 'mtu 1111' || exit 0; sleep 0.05; done; false");
	assert_int_equal(template(b, WEIR_MODE_IPIP, 0)->mtu, 1111 - 20);
	bed_pass(b, BELIEF_MS);
	assert_int_equal(template(b, WEIR_MODE_IPIP, 0)->mtu, 1450 - 20);
	sh("ip route del 10.77.0.0/16 dev w0; ip route del 10.1.0.1/32; "
	   "echo 600 > /proc/sys/net/ipv4/route/mtu_expires");
	close(fd);
}

static int make(void **state)
{
	return bed_make(state) ||
	       system("ip addr add fd01::ff/64 dev w0 nodad && "
		      "ip neigh add fd01::1 lladdr 06:00:00:00:00:21 dev w0 nud permanent");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		BED_TEST(each_mode_and_family_has_its_header),
		BED_TEST(modes_that_translate_have_an_address_and_no_header),
		BED_TEST(options_are_in_the_program),
		BED_TEST(a_prefix_to_come_from_is_followed_also_by_what_was_there),
		BED_TEST(a_router_further_on_decides_how_large_packets_can_be),
		BED_TEST(what_is_said_only_lowers_it_and_not_without_end),
		BED_TEST(an_endpoint_that_takes_nothing_is_told_of),
		BED_TEST(what_is_about_nothing_of_ours_is_not_believed),
		BED_TEST(every_source_that_we_use_may_be_quoted),
		BED_TEST(after_ten_minutes_it_is_forgotten),
		BED_TEST(the_route_is_the_limit_and_another_way_a_new_beginning),
		BED_TEST(what_the_kernel_was_told_passes_too),
	};

	return cmocka_run_group_tests(tests, make, bed_remove);
}
