/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fuzz_dns_filter.c - the logic of the filter on the DNS sockets, compiled for the host, over any
 * bytes: it stays within the message, and lets pass what has a question and drops what has none. */
#include <assert.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The kernel's helpers, over the bytes of the fuzzer. */
static const uint8_t *packet;
static struct weir_count *count_of(const uint32_t *reason);

static long load_bytes(const struct __sk_buff *skb, uint32_t at, void *to, uint32_t len)
{
	memset(to, 0, len);
	if (at > skb->len || skb->len - at < len)
		return -1;
	memcpy(to, packet + at, len);
	return 0;
}

#define bpf_skb_load_bytes               load_bytes
#define bpf_map_lookup_elem(map, reason) count_of(reason)
#include "dns_filter.h"

static struct weir_count counts[WEIR_DNS_REASON_COUNT];

static struct weir_count *count_of(const uint32_t *reason)
{
	assert(*reason < WEIR_DNS_REASON_COUNT);
	return &counts[*reason];
}

/* A question that ends within the message, read the plain way. */
static bool has_question(const uint8_t *m, size_t len)
{
	size_t at = 12;

	while (at < len && m[at] && m[at] < 64)
		at += 1u + m[at];
	return at < len && !m[at] && at - 12 < 255 && len - at >= 5;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct __sk_buff skb = { .len = (uint32_t)size + DNS_AT };
	uint8_t *copy = malloc(skb.len); /* of the very size: no byte beyond is touched */
	uint64_t passed = counts[WEIR_DNS_QUERY].packets;
	int kept;

	memset(copy, 0xff, DNS_AT);
	memcpy(copy + DNS_AT, data, size);
	packet = copy;
	kept = weir_dns_filter(&skb);
	assert(kept == 0 || kept == (int)skb.len);
	assert(passed + !!kept == counts[WEIR_DNS_QUERY].packets);
	if (kept)
		assert(size <= 4096 && !(data[2] & 0x80) && has_question(data, size));
	else if (size >= 17 && size <= 4096 && data[2] < 8 &&
		 !memcmp(data + 4, "\0\1\0\0\0\0\0\0", 8))
		assert(!has_question(data, size));
	free(copy);
	return 0;
}
