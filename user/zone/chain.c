/* SPDX-License-Identifier: GPL-2.0-or-later */
/* chain.c - names in canonical order, and NSEC. */
#include "zone/chain.h"

#include <arpa/inet.h>
#include <string.h>

#include "zone/types.h"

#define WINDOW_BYTES 32
#define NO_WINDOW    256u

uint32_t weir_chain_find(const struct weir_chain *c, const uint8_t *name)
{
	uint32_t low = 0, high = c->n;

	while (low < high) {
		uint32_t mid = low + (high - low) / 2;

		if (weir_wire_cmp(c->at[mid]->name, name) <= 0)
			low = mid + 1;
		else
			high = mid;
	}
	return low ? low - 1 : WEIR_NOT_IN_CHAIN;
}

static void set_bit(uint8_t bits[WINDOW_BYTES], uint16_t type)
{
	bits[(type & 0xff) / 8] |= (uint8_t)(0x80 >> type % 8);
}

static bool is_told(uint16_t type, bool delegation)
{
	return !delegation || type == WEIR_TYPE_NS || type == WEIR_TYPE_DS;
}

/* Fills in a window of types. Returns the next one of which there are some, NO_WINDOW: none. */
static unsigned fill_window(const struct weir_set *sets, bool delegation, unsigned window,
			    uint8_t bits[WINDOW_BYTES])
{
	unsigned next = NO_WINDOW;

	memset(bits, 0, WINDOW_BYTES);
	if (!window) {
		set_bit(bits, WEIR_TYPE_RRSIG);
		set_bit(bits, WEIR_TYPE_NSEC);
	}
	for (const struct weir_set *s = sets; s; s = s->next) {
		unsigned w = s->type >> 8;

		if (!is_told(s->type, delegation))
			continue;
		if (w == window)
			set_bit(bits, s->type);
		else if (w > window && w < next)
			next = w;
	}
	return next;
}

size_t weir_nsec_data(const struct weir_set *sets, bool delegation, const struct weir_node *next,
		      uint8_t out[WEIR_NSEC_MAX])
{
	size_t at = next->len;
	unsigned following;

	memcpy(out, next->name, next->len);
	for (unsigned window = 0; window != NO_WINDOW; window = following) {
		uint8_t len = WINDOW_BYTES;

		following = fill_window(sets, delegation, window, out + at + 2);
		while (!out[at + 1 + len])
			len--;
		out[at] = (uint8_t)window;
		out[at + 1] = len;
		at += 2u + len;
	}
	return at;
}

struct weir_rr weir_nsec_of_file(const struct weir_chain *c, uint32_t nth, const uint8_t ttl[4],
				 uint8_t wire[WEIR_RR_FIXED + WEIR_NSEC_MAX])
{
	static const uint8_t head[] = { 0, WEIR_TYPE_NSEC, 0, WEIR_CLASS_IN };
	const struct weir_node *n = c->at[nth];
	size_t len = weir_nsec_data(n->sets, n->cut, c->at[nth + 1 < c->n ? nth + 1 : 0],
				    wire + WEIR_RR_FIXED);
	uint16_t be_len = htons((uint16_t)len);

	memcpy(wire, head, sizeof(head));
	memcpy(wire + 4, ttl, 4);
	memcpy(wire + 8, &be_len, 2);
	return (struct weir_rr){ wire, (uint32_t)(WEIR_RR_FIXED + len), 0 };
}
