/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fuzz_packet.c - any bytes as a frame, through the packet program as host C: no byte outside the
 * frame is touched, exactly one reason is counted, the action agrees with it, what is passed is
 * as it came, and what is forwarded was for a VIP and is whole. */
#include <assert.h>

#include "../lib/host.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Whether the destination address is a VIP, read as naively as can be. */
static int for_a_vip(const uint8_t *frame, size_t len)
{
	union weir_addr v4 = HOST_VIP4, v6 = HOST_VIP6;

	if (len >= 34 && frame[12] == 0x08 && frame[13] == 0x00)
		return !memcmp(frame + 30, v4.b + 12, 4);
	if (len < 54 || frame[12] != 0x86 || frame[13] != 0xdd)
		return 0;
	return !memcmp(frame + 38, v6.b, 16);
}

static void check_forwarded(const uint8_t *data, size_t size, const struct host_frame *f)
{
	size_t grown = f->len - size;
	const uint8_t *ip = f->data + 14;

	assert(for_a_vip(data, size));
	assert(grown == 0 || grown == 20 || grown == 40 || grown == 28 || grown == 48);
	assert(!memcmp(f->data + 14 + grown, data + 14, size - 14));
	if (grown == 20 || grown == 28) {
		uint32_t sum = 0;

		assert((size_t)(ip[2] << 8 | ip[3]) + 14 <= f->len);
		for (int i = 0; i < 20; i += 2)
			sum += (uint32_t)(ip[i] << 8 | ip[i + 1]);
		sum = (sum & 0xffff) + (sum >> 16);
		assert(sum + (sum >> 16) == 0xffff);
	} else if (grown) {
		assert((size_t)(ip[4] << 8 | ip[5]) + 54 <= f->len);
	} else {
		assert(!memcmp(f->data + 12, data + 12, 2));
	}
}

static void check(const uint8_t *data, size_t size, const struct host_frame *f, int action,
		  enum weir_reason why)
{
	assert(why < WEIR_REASON_COUNT);
	if (why <= WEIR_LAST_FORWARD) {
		assert(action == XDP_TX || action == XDP_REDIRECT);
		check_forwarded(data, size, f);
		return;
	}
	if (why <= WEIR_LAST_REPLY) { /* back to where it came from, and no longer than it was */
		assert(action == XDP_TX && for_a_vip(data, size) && f->len <= size + 48);
		assert(!memcmp(f->data, data + 6, 6) && !memcmp(f->data + 6, data, 6));
		return;
	}
	assert(action == (why <= WEIR_LAST_PASS ? XDP_PASS : XDP_DROP));
	assert(f->len == size && (!size || !memcmp(f->data, data, size)));
	if (why > WEIR_DROP_TRUNCATED)
		assert(for_a_vip(data, size));
}

/* The first byte of the frame also says how much headroom there is. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t headroom = size ? data[0] & ~3u : 0;

	if (!host.jiffies)
		host_world(HOST_KINDS);
	host.jiffies += headroom;
	for (int again = 0; again < 2; again++) { /* the second time, its flow is recorded */
		struct host_frame f = host_frame(data, size, headroom);
		enum weir_reason why = WEIR_REASON_COUNT;
		int action = host_run(&f, &why);

		check(data, size, &f, action, why);
		host_free(&f);
	}
	return 0;
}
