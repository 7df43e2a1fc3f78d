/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fuzz_zone.c - any bytes as a zone file: it is refused with a reason, or it is a zone, whose names
 * are then asked for: every answer is a correct message that ldns can read as well. The document
 * above it is that of tests/unit/zone/world.h. */
#include <stdbool.h> /* before ldns, which else has one of its own */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <ldns/ldns.h>

#include "../unit/zone/wire.h"
#include "../unit/zone/world.h"
#include "zone/file.h"

#define ASKED 32 /* names of a zone that are asked for */

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct world *w;
static struct msg query;
static struct reply reply;

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	w = world_new();
	w->model.n_records -= WORLD_BIG + WORLD_HUGE; /* these take time and show nothing here */
	return 0;
}

/* In a zone of the world that lies below the file's. */
static bool in_other_zone(const struct weir_node *n)
{
	static const uint8_t other[] = "\1a\4deep\7example\3com";

	return n->len > sizeof(other) &&
	       !memcmp(n->name + n->len - sizeof(other), other, sizeof(other));
}

static void ask_for(const struct weir_zones *z, const struct weir_node *n, unsigned type)
{
	static const uint8_t header[] = { 0x12, 0x34, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0 };
	static uint8_t out[WEIR_DNS_MAX_SIZE];
	struct weir_asker asker = { .random = n->hash, .tcp = true };
	struct weir_told told;
	ldns_pkt *pkt = NULL;
	size_t len;

	memcpy(query.b, header, sizeof(header));
	memcpy(query.b + sizeof(header), n->name, n->len);
	query.len = sizeof(header) + n->len;
	add16(&query, type);
	add16(&query, 1);
	add_opt(&query, 1232, 0, 0, 0);
	len = weir_zones_answer(z, query.b, query.len, &asker, out, sizeof(out), &told);
	assert(read_reply(&reply, out, len, &query));
	/* A name that is there is denied where its alias ends, and in a zone of its own alone. */
	assert(reply.rcode == NOERROR ||
	       (reply.rcode == NXDOMAIN && (reply.n[1] || in_other_zone(n))));
	assert(ldns_wire2pkt(&pkt, out, len) == LDNS_STATUS_OK);
	ldns_pkt_free(pkt);
	reply_free(&reply);
}

static void ask_all(const struct weir_zone_file *f)
{
	static const struct weir_self self = { .nsid = "", .version = "" };
	const struct weir_zone_file *files[3] = { f };
	struct weir_zones *z = weir_zones_build(&w->view, files, &self, NULL, NULL);
	unsigned asked = 0;

	for (uint32_t i = 0; i <= f->layer.mask && asked < ASKED; i++) {
		const struct weir_node *n = f->layer.slots[i];

		if (!n)
			continue;
		asked++;
		for (const struct weir_set *s = n->sets; s; s = s->next)
			if (s->type != 251 && s->type != 252) /* IXFR, AXFR */
				ask_for(z, n, s->type);
		ask_for(z, n, A);
		ask_for(z, n, ANY);
	}
	weir_zones_free(z);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct weir_err err = { .text = "" };
	char *text = malloc(size ? size : 1); /* of the very size: no byte beyond is touched */
	struct weir_zone_file *f;

	memcpy(text, data, size);
	f = weir_zone_file_parse("example.com", text, size, &err);
	free(text);
	assert(!f == !!*err.text);
	if (f)
		ask_all(f);
	weir_zone_file_free(f);
	return 0;
}
