/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fuzz_dns.c - any bytes as a DNS query: the answer is none, or a correct message no larger than
 * allowed. The lowest bit of the first byte says TCP; the next 8 bytes are the random number. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "../unit/zone/wire.h"
#include "../unit/zone/world.h"

#define PREFIX 9

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct weir_zones *zones;
static struct msg query;
static struct reply reply;

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	struct world *w = world_new();

	(void)argc;
	(void)argv;
	zones = weir_zones_build(&w->view);
	free(w);
	return 0;
}

/* What the client can take over UDP: as its OPT says, if that is right behind the question. */
static size_t udp_limit(void)
{
	struct reply q = { .b = query.b, .len = query.len };
	size_t at = 12, size;
	char name[1100];

	if (!reply.edns)
		return 512;
	if (!read_name(&q, &at, name) || at + 9 > query.len || query.b[at + 4] ||
	    get16(query.b + at + 5) != 41)
		return WEIR_DNS_UDP_SIZE;
	size = get16(query.b + at + 7);
	return size < 512 ? 512 : size < WEIR_DNS_UDP_SIZE ? size : WEIR_DNS_UDP_SIZE;
}

static void check(const uint8_t *out, size_t len, bool tcp)
{
	assert(read_reply(&reply, out, len, &query));
	assert(tcp || len <= udp_limit());
	if (reply.tc)
		assert(!tcp && !reply.n[1] && !reply.n[2]);
	if (reply.edns)
		assert(query.b[10] || query.b[11]);
	reply_free(&reply);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	bool tcp = size && data[0] & 1;
	size_t cap = tcp ? WEIR_DNS_MAX_SIZE : WEIR_DNS_UDP_SIZE, len;
	uint8_t *out, *in;
	uint64_t random;

	if (size < PREFIX || size - PREFIX > sizeof(query.b))
		return 0;
	memcpy(&random, data + 1, sizeof(random));
	query.len = size - PREFIX;
	memcpy(query.b, data + PREFIX, query.len);
	in = malloc(query.len ? query.len : 1); /* of the very size: no byte beyond is touched */
	out = malloc(cap);
	memcpy(in, query.b, query.len);
	len = weir_zones_answer(zones, in, query.len, tcp, random, out, cap);
	assert(len <= cap);
	if (len)
		check(out, len, tcp);
	else
		assert(query.len < 12 || query.b[2] & 0x80);
	free(in);
	free(out);
	return 0;
}
