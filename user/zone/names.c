/* SPDX-License-Identifier: GPL-2.0-or-later */
/* names.c - domain names in wire form. */
#include "zone/names.h"

#include <stdio.h>
#include <string.h>

#define POINTER     0xc0
#define HEADER_SIZE 12 /* nothing to point at lies in it */

static uint8_t lower(uint8_t c)
{
	return c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c;
}

/* Appends a label of len bytes; room is kept for the root's. */
static bool add_label(struct weir_name *n, const uint8_t *bytes, size_t len)
{
	if (!len || len > WEIR_LABEL_MAX || n->len + 1 + len >= WEIR_NAME_MAX)
		return false;
	n->wire[n->len++] = (uint8_t)len;
	for (size_t i = 0; i < len; i++)
		n->wire[n->len++] = lower(bytes[i]);
	n->labels++;
	return true;
}

bool weir_name_parse(const char *text, struct weir_name *out)
{
	out->len = out->labels = 0;
	if (!*text)
		return false;
	for (const char *p = strcmp(text, ".") ? text : "", *dot; *p; p = *dot ? dot + 1 : dot) {
		dot = strchrnul(p, '.');
		if (!add_label(out, (const uint8_t *)p, (size_t)(dot - p)))
			return false;
	}
	out->wire[out->len++] = 0;
	return true;
}

/* Eight bytes at once: the upper bit of each says whether it is a letter to change. */
static uint64_t lower8(uint64_t x)
{
	const uint64_t ones = 0x0101010101010101ull, low = x & 0x7f * ones;
	uint64_t from_a = low + (0x80 - 'A') * ones, behind_z = low + (0x7f - 'Z') * ones;

	return x | ((from_a ^ behind_z) & ~x & 0x80 * ones) >> 2;
}

/* Labels have lengths below 'A', so that all bytes of a name can be lowered alike. */
static void copy_lower(uint8_t *to, const uint8_t *from, size_t n)
{
	uint64_t x;

	for (; n >= 8; n -= 8, from += 8, to += 8) {
		memcpy(&x, from, 8);
		x = lower8(x);
		memcpy(to, &x, 8);
	}
	for (; n; n--)
		*to++ = lower(*from++);
}

size_t weir_name_read(const uint8_t *msg, size_t len, size_t at, struct weir_name *out)
{
	const size_t start = at;
	uint8_t labels = 0;

	out->len = out->labels = 0;
	for (; at < len && msg[at]; at += 1u + msg[at], labels++)
		if (msg[at] > WEIR_LABEL_MAX || at - start + 1 + msg[at] >= WEIR_NAME_MAX)
			return 0;
	if (at >= len)
		return 0;
	at++;
	copy_lower(out->wire, msg + start, at - start);
	out->len = (uint8_t)(at - start);
	out->labels = labels;
	return at;
}

size_t weir_name_skip(const uint8_t *msg, size_t len, size_t at)
{
	size_t start = at;

	while (at < len && at - start < WEIR_NAME_MAX) {
		size_t label = msg[at];

		if (!label)
			return at + 1;
		if ((label & POINTER) == POINTER) {
			size_t target;

			if (len - at < 2)
				return 0;
			target = (label & ~(size_t)POINTER) << 8 | msg[at + 1];
			return target >= HEADER_SIZE && target < start ? at + 2 : 0;
		}
		if (label > WEIR_LABEL_MAX)
			return 0;
		at += 1 + label;
	}
	return 0;
}

bool weir_wire_is_in(const uint8_t *name, size_t len, const uint8_t *above, size_t above_len)
{
	size_t at = 0;

	while (len - at > above_len)
		at += 1u + name[at];
	return len - at == above_len && !memcmp(name + at, above, above_len);
}

bool weir_name_is_in(const struct weir_name *n, const uint8_t *name, size_t len)
{
	return weir_wire_is_in(n->wire, n->len, name, len);
}

/* Where the labels of a name begin. Returns how many there are. */
static unsigned labels_of(const uint8_t *name, uint8_t at[WEIR_LABELS])
{
	unsigned n = 0;

	for (size_t i = 0; name[i]; i += 1u + name[i])
		at[n++] = (uint8_t)i;
	return n;
}

int weir_wire_cmp(const uint8_t *a, const uint8_t *b)
{
	uint8_t at_a[WEIR_LABELS], at_b[WEIR_LABELS];
	unsigned n = labels_of(a, at_a), m = labels_of(b, at_b);

	while (n && m) {
		const uint8_t *x = a + at_a[--n], *y = b + at_b[--m];
		int order = memcmp(x + 1, y + 1, *x < *y ? *x : *y);

		if (!order)
			order = *x - *y;
		if (order)
			return order;
	}
	return (n > 0) - (m > 0);
}

unsigned weir_wire_labels(const uint8_t *name)
{
	unsigned n = 0;

	for (; *name; name += 1u + *name)
		n++;
	return n;
}

const char *weir_name_text(const uint8_t *name, char out[WEIR_NAME_TEXT])
{
	size_t n = 0;

	if (!*name)
		out[n++] = '.';
	for (unsigned left; (left = *name);) {
		for (name++; left; left--, name++)
			if (*name <= ' ' || *name > '~')
				n += (size_t)sprintf(out + n, "\\%03u", *name);
			else
				n += (size_t)sprintf(out + n,
						     strchr(".\\\"();@$", *name) ? "\\%c" : "%c",
						     *name);
		out[n++] = '.';
	}
	out[n] = 0;
	return out;
}
