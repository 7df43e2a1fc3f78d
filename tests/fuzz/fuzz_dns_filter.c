/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fuzz_dns_filter.c - the logic of the filter on the DNS sockets, compiled for the host, over any
 * bytes: it stays within the message, and lets pass what has a question for a name of ours and
 * drops what has none. */
#include <assert.h>
#include <ctype.h>
#include <stdbool.h>

#include "../lib/host.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Bytes of the name of a question that ends within the message, read the plain way; 0: none. */
static size_t name_of(const uint8_t *m, size_t len)
{
	size_t at = 12;

	while (at < len && m[at] && m[at] < 64)
		at += 1u + m[at];
	return at < len && !m[at] && at - 12 < 255 && len - at >= 5 ? at + 1 - 12 : 0;
}

/* Whether it ends with "a." on a label, which is our zone. */
static bool is_ours(const uint8_t *name)
{
	for (; *name; name += *name + 1)
		if (name[0] == 1 && tolower(name[1]) == 'a' && !name[2])
			return true;
	return false;
}

static void world(void)
{
	const uint8_t apex[] = { 1, 'a', 0 };

	host.dns_zone = 0;
	for (size_t i = sizeof(apex); i-- > 0;)
		host.dns_zone = weir_dns_zone_hash(host.dns_zone, apex[i]);
	host.dns_zone = weir_dns_zone_key(host.dns_zone);
	*host.dns_guard = (struct weir_dns_guard){ .labels = 1, .zones = 1 };
	memset(host.dns_budget, 0, sizeof(host.dns_budget)); /* nothing is to be refused */
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct __sk_buff skb = { .len = (uint32_t)size + DNS_AT };
	uint8_t *bytes = malloc(skb.len); /* of the very size: no byte beyond is touched */
	uint64_t passed = host.dns_counts[WEIR_DNS_QUERY].packets;
	size_t name = name_of(data, size);
	bool kept;

	world();
	memset(bytes, 0xff, DNS_AT);
	memcpy(bytes + DNS_AT, data, size);
	host.message = bytes;
	kept = weir_dns_filter(&skb) == (int)skb.len;
	assert(passed + kept == host.dns_counts[WEIR_DNS_QUERY].packets);
	if (kept)
		assert(size <= 4096 && !(data[2] & 0x80) && name && is_ours(data + 12));
	else if (size >= 17 && size <= 4096 && data[2] < 8 &&
		 !memcmp(data + 4, "\0\1\0\0\0\0\0\0", 8))
		assert(!name || !is_ours(data + 12));
	free(bytes);
	return 0;
}
