/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the kernel's test runs cannot show, on the packet program as host C: frames shorter than
 * an Ethernet header, as long as IP allows, and without room in front. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>

#include "../lib/host_world.h"
#include "../lib/pkt.h"

#define ETHER 14

struct frame {
	uint8_t data[ETHER + 65535 + 40];
	size_t len;
};

/* A TCP segment for a VIP, with an IP packet of this length. */
static struct frame *segment(int v6, uint32_t ip_len)
{
	struct frame *f = calloc(1, sizeof(*f));
	struct flow t = v6 ? flow_of(6, "2001:db8:7::7", 4000, "2001:db8::1", 443)
			   : flow_of(6, "198.51.100.7", 4000, "192.0.2.1", 443);
	struct pkt p = pkt_new(&t, PKT_ACK);

	assert_non_null(f);
	memcpy(f->data, p.data, p.len);
	pkt_put16(f->data + ETHER + (v6 ? 4 : 2), (uint16_t)(v6 ? ip_len - 40 : ip_len));
	f->len = ETHER + ip_len;
	return f;
}

static void ends(const struct frame *f, size_t len, size_t headroom, int action,
		 enum weir_reason why, size_t grown)
{
	struct host_frame h = host_frame(f->data, len, headroom);
	enum weir_reason counted = WEIR_REASON_COUNT;

	assert_int_equal(host_run(&h, &counted), action);
	assert_int_equal(counted, why);
	assert_int_equal(h.len, len + grown);
	host_free(&h);
}

static void frames_shorter_than_their_headers_are_dropped(void **state)
{
	(void)state;
	host_world(HOST_V4);
	for (int v6 = 0; v6 < 2; v6++) {
		struct frame *f = segment(v6, 80);

		for (size_t len = 0; len < f->len; len++)
			ends(f, len, 256, XDP_DROP, WEIR_DROP_TRUNCATED, 0);
		ends(f, f->len, 256, XDP_TX, WEIR_FORWARD, 20);
		free(f);
	}
}

static void without_headroom_a_packet_is_dropped(void **state)
{
	static const struct {
		enum host_kind kind;
		size_t need;
	} kinds[] = { { HOST_V4, 20 }, { HOST_V6, 40 }, { HOST_L2, 0 } };

	(void)state;
	for (size_t k = 0; k < 3; k++) {
		struct frame *f = segment(k & 1, 100);
		size_t need = kinds[k].need;

		host_world(kinds[k].kind);
		ends(f, f->len, need, XDP_TX, WEIR_FORWARD, need);
		for (size_t room = 0; room < need; room += 4)
			ends(f, f->len, room, XDP_DROP, WEIR_DROP_NO_HEADROOM, 0);
		free(f);
	}
}

static void what_would_be_longer_than_ip_allows_is_answered(void **state)
{
	const uint32_t most = 65535 - 40;

	(void)state;
	for (int v6 = 0; v6 < 2; v6++) {
		struct frame *fits = segment(v6, most), *big = segment(v6, most + 1);
		struct frame *most_of_all = segment(v6, 65535);
		const size_t answer = ETHER + (v6 ? 40 + 8 + 1200 : 20 + 8 + 512);

		for (int kind = HOST_V4; kind <= HOST_V6; kind++) {
			host_world((enum host_kind)kind);
			ends(fits, fits->len, 256, XDP_TX, WEIR_FORWARD, kind == HOST_V4 ? 20 : 40);
			ends(big, big->len, 256, XDP_TX, WEIR_REPLY_MTU, answer - big->len);
			ends(most_of_all, most_of_all->len, 256, XDP_TX, WEIR_REPLY_MTU,
			     answer - most_of_all->len);
		}
		host_world(HOST_L2);
		ends(most_of_all, most_of_all->len, 256, XDP_TX, WEIR_FORWARD, 0);
		free(fits);
		free(big);
		free(most_of_all);
	}
}

static void ages_of_records_survive_the_wrap_of_the_clock(void **state)
{
	struct frame *f = segment(0, 80);

	(void)state;
	for (uint64_t clock = (1ull << 30) - 3; clock < (1ull << 30) + 3; clock++) {
		host_world(HOST_V4);
		for (uint32_t i = 0; i < HOST_ROWS; i++)
			host_row(i, (struct weir_row){ HOST_V4, HOST_V6 }, 0);
		host.jiffies = clock << WEIR_FLOW_TICK;
		ends(f, f->len, 256, XDP_TX, WEIR_FORWARD_PREV, 40);
		for (uint32_t i = 0; i < WEIR_FLOW_BUCKETS; i++) /* a bucket full of live flows */
			for (uint32_t w = 0; w < WEIR_FLOW_WAYS; w++)
				host.flows[i].way[w] =
					(struct weir_flow){ w + 1, HOST_L2,
							    (uint32_t)((clock - w)
								       << WEIR_FLOW_FLAGS) |
								    WEIR_FLOW_ESTABLISHED };
		for (int again = 0; again < 2; again++)
			ends(f, f->len, 256, XDP_TX, WEIR_FORWARD_PREV, 40);
		for (uint32_t i = 0; i < WEIR_FLOW_BUCKETS; i++)
			for (uint32_t w = 0; w < WEIR_FLOW_WAYS; w++)
				assert_int_equal(host.flows[i].way[w].key, w + 1);
	}
	free(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(frames_shorter_than_their_headers_are_dropped),
		cmocka_unit_test(without_headroom_a_packet_is_dropped),
		cmocka_unit_test(what_would_be_longer_than_ip_allows_is_answered),
		cmocka_unit_test(ages_of_records_survive_the_wrap_of_the_clock),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
