/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "steering.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "weir.skel.h"

void plane_add_place(struct plane *p, const char *addr, uint32_t bits, uint32_t location)
{
	struct weir_place_key key = { .addr = pkt_addr(addr) };

	key.bits = 32 + bits + (strchr(addr, ':') ? 0 : 96);
	if (!bpf_map_update_elem(bpf_map__fd(p->skel->maps.weir_places), &key, &location, 0))
		return;
	perror("weir_places");
	exit(1);
}

void plane_remove_places(struct plane *p)
{
	int fd = bpf_map__fd(p->skel->maps.weir_places);
	struct weir_place_key key;

	while (!bpf_map_get_next_key(fd, NULL, &key) && !bpf_map_delete_elem(fd, &key))
		;
}

uint32_t plane_slice(const struct flow *f)
{
	uint64_t h = plane_hash_client(f);

	for (int i = 0; i < 2; i++)
		h = (h ^ h >> 32) * 0xd6e8feb86659fd93ull;
	return (uint32_t)((h ^ h >> 32) >> 54);
}

uint32_t plane_table(const struct plane_service *s)
{
	uint32_t log2 = 0;

	while ((uint32_t)WEIR_TABLE_MIN << log2 < s->size)
		log2++;
	assert(s->base % WEIR_TABLE_MIN == 0 && s->size == (uint32_t)WEIR_TABLE_MIN << log2);
	return WEIR_WAY_TABLE(s->base, log2);
}
