/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fuzz_packet.c - any bytes as a frame, through the packet program as host C: no byte outside the
 * frame is touched, exactly one reason is counted, the action agrees with it, what is passed is
 * as it came, what is forwarded was for a VIP, or is an endpoint's reply, and is whole. */
#include <assert.h>

#include "../lib/host_world.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Where IP begins, read as naively as can be; 0: nowhere. */
static size_t ip_at(const uint8_t *frame, size_t len)
{
	size_t at = 12;

	for (int i = 0; i < 2 && len >= at + 4; i++)
		if ((frame[at] == 0x81 && !frame[at + 1]) ||
		    (frame[at] == 0x88 && frame[at + 1] == 0xa8))
			at += 4;
	if (len >= at + 22 && frame[at] == 0x08 && !frame[at + 1])
		return at + 2;
	return len >= at + 42 && frame[at] == 0x86 && frame[at + 1] == 0xdd ? at + 2 : 0;
}

static int is_v6(const uint8_t *ip)
{
	return ip[-2] == 0x86;
}

/* Whether an address of the frame, the destination or the source, is this one. */
static int has(const uint8_t *frame, size_t len, int source, union weir_addr v4, union weir_addr v6)
{
	size_t at = ip_at(frame, len);
	const uint8_t *ip = frame + at;

	if (!at)
		return 0;
	if (is_v6(ip))
		return !memcmp(ip + (source ? 8 : 24), v6.b, 16);
	return !memcmp(ip + (source ? 12 : 16), v4.b + 12, 4);
}

static int for_a_vip(const uint8_t *frame, size_t len)
{
	return has(frame, len, 0, HOST_VIP4, HOST_VIP6);
}

static uint32_t sum(const uint8_t *b, size_t len, uint32_t begun)
{
	uint64_t n = begun;

	for (size_t i = 0; i < len; i++)
		n += i & 1 ? b[i] : (uint32_t)b[i] << 8;
	while (n >> 16)
		n = (n & 0xffff) + (n >> 16);
	return (uint32_t)(n % 0xffff); /* two forms of zero */
}

/* What a receiver adds up: 0 when all checksums are right. Of plain TCP and UDP with a checksum; of
 * IPv4 anything else the header alone. */
static uint32_t receiver_sum(const uint8_t *ip)
{
	int v6 = is_v6(ip);
	size_t header = v6 ? 40 : (ip[0] & 15) * 4u, len = (size_t)(ip[2] << 8 | ip[3]) - header;
	uint8_t proto = ip[v6 ? 6 : 9];
	uint32_t n = v6 ? 0 : sum(ip, header, 0);

	if (v6)
		len = (size_t)(ip[4] << 8 | ip[5]);
	if (!v6 && (ip[0] != 0x45 || (ip[6] & 0x3f) || ip[7]))
		return n;
	if (proto != 6 && (proto != 17 || (!ip[header + 6] && !ip[header + 7])))
		return n;
	n += sum(ip + (v6 ? 8 : 12), v6 ? 32 : 8, (uint32_t)len + proto);
	return (n + sum(ip + header, len, 0)) % 0xffff;
}

/* Addresses changed, and what follows from that; nothing else. */
static void check_translated(const uint8_t *data, size_t size, const struct host_frame *f, int hops)
{
	size_t at = ip_at(data, size);
	const uint8_t *was = data + at, *ip = f->data + at;
	int ttl = is_v6(was) ? 7 : 8;

	assert(at && f->len == size && !memcmp(f->data + 12, data + 12, at - 12));
	assert(!memcmp(ip, was, is_v6(was) ? 7 : 8));
	assert(ip[ttl] == was[ttl] - hops && (!hops || ip[ttl]));
	if (!is_v6(was))
		assert(ip[9] == was[9]);
	assert(receiver_sum(ip) == receiver_sum(was));
}

static void check_forwarded(const uint8_t *data, size_t size, const struct host_frame *f)
{
	size_t grown = f->len - size, at = ip_at(data, size);
	const uint8_t *ip = f->data + at;

	assert(for_a_vip(data, size));
	if (f->data[5] >= HOST_NAT4 && f->data[5] <= HOST_FULLNAT6) {
		check_translated(data, size, f, 1);
		if (is_v6(ip) != (f->data[5] == HOST_NAT6 || f->data[5] == HOST_FULLNAT6))
			return; /* validation sees to it that there is no such pair */
		assert(has(f->data, f->len, 0, HOST_NAT_ADDR4, HOST_NAT_ADDR6));
		if (f->data[5] >= HOST_FULLNAT4)
			assert(has(f->data, f->len, 1, HOST_SOURCE4, HOST_SOURCE6));
		return;
	}
	assert(grown == 0 || grown == 20 || grown == 40 || grown == 28 || grown == 48);
	assert(!memcmp(f->data + at + grown, data + at, size - at));
	if (grown == 20 || grown == 28) {
		assert((size_t)(ip[2] << 8 | ip[3]) + at <= f->len);
		assert(!sum(ip, 20, 0));
	} else if (grown) {
		assert((size_t)(ip[4] << 8 | ip[5]) + at + 40 <= f->len);
	} else {
		assert(!memcmp(f->data + 12, data + 12, 2));
	}
}

static void check(const uint8_t *data, size_t size, const struct host_frame *f, int action,
		  enum weir_reason why)
{
	assert(why < WEIR_REASON_COUNT);
	if (why == WEIR_FORWARD_NAT_REPLY || why == WEIR_PASS_NAT_REPLY) {
		assert(!for_a_vip(data, size));
		assert(has(f->data, f->len, 1, HOST_VIP4, HOST_VIP6));
		check_translated(data, size, f, why == WEIR_FORWARD_NAT_REPLY);
		assert((action == XDP_PASS) == (why == WEIR_PASS_NAT_REPLY));
		return;
	}
	if (why <= WEIR_LAST_FORWARD) {
		assert(action == XDP_TX || action == XDP_REDIRECT);
		check_forwarded(data, size, f);
		return;
	}
	if (why <= WEIR_LAST_REPLY) { /* back to where it came from, and no longer than it was */
		assert(action == XDP_TX && f->len <= size + 48);
		assert(why == WEIR_REPLY_MTU || for_a_vip(data, size));
		assert(!memcmp(f->data, data + 6, 6) && !memcmp(f->data + 6, data, 6));
		return;
	}
	assert(action == (why <= WEIR_LAST_PASS ? XDP_PASS : XDP_DROP));
	if (why == WEIR_DROP_MTU) /* perhaps already on the way to becoming an error */
		return;
	assert(f->len == size && (!size || !memcmp(f->data, data, size)));
	if (why > WEIR_DROP_TRUNCATED && why != WEIR_DROP_TTL)
		assert(for_a_vip(data, size));
}

/* What was counted is what is recorded, and within limits. */
static void check_counts(void)
{
	uint32_t open[HOST_KINDS] = { 0 };

	for (uint32_t i = 0; i < WEIR_FLOW_BUCKETS * WEIR_FLOW_WAYS; i++) {
		const struct weir_flow *f = &host.flows[i / WEIR_FLOW_WAYS].way[i % WEIR_FLOW_WAYS];

		open[f->endpoint % HOST_KINDS] += f->key && f->seen & WEIR_FLOW_OPEN;
	}
	for (uint32_t k = 1; k < HOST_KINDS; k++) {
		const struct weir_conns *c = &host.conns[weir_conns_index(k)];

		assert(c->opened - c->closed == open[k]);
	}
}

/* The first byte of the frame also says how much headroom there is. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t headroom = size ? data[0] & ~3u : 0;
	static uint32_t inputs;

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
	if (!(++inputs % 4096)) /* it looks at all records */
		check_counts();
	return 0;
}
