/* SPDX-License-Identifier: GPL-2.0-or-later */
/* names.h - domain names in wire form: labels with a length byte each, the root's last, ASCII
 * letters in lower case. Pure. */
#ifndef WEIR_ZONE_NAMES_H
#define WEIR_ZONE_NAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WEIR_NAME_MAX  255 /* bytes of a name, the root's label included */
#define WEIR_LABEL_MAX 63
#define WEIR_LABELS    127 /* of the longest name, without the root's */

struct weir_name {
	uint8_t wire[WEIR_NAME_MAX];
	uint8_t len;    /* of wire, at least 1 */
	uint8_t labels; /* without the root's */
};

/* "www.example.com", with or without a final dot; "." is the root. No escapes: every byte but
 * the dot stands for itself. False: no name (an empty or too long label, too long, empty). */
bool weir_name_parse(const char *text, struct weir_name *out);

/* Reads the name at msg[at], which may not be compressed, and lowers it. Returns where it ends,
 * 0: not a name, or it runs past len. */
size_t weir_name_read(const uint8_t *msg, size_t len, size_t at, struct weir_name *out);

/* Passes over the name at msg[at], which may be compressed. Pointers go backwards only. Returns
 * where it ends, 0: not a name, or it runs past len. */
size_t weir_name_skip(const uint8_t *msg, size_t len, size_t at);

/* Whether n is that name or below it. */
bool weir_name_is_in(const struct weir_name *n, const uint8_t *name, size_t len);

/* Whether a name is that other one or below it. */
bool weir_wire_is_in(const uint8_t *name, size_t len, const uint8_t *above, size_t above_len);

/* Canonical order (RFC 4034, 6.1): by labels from the last to the first; < 0, 0, > 0. */
int weir_wire_cmp(const uint8_t *a, const uint8_t *b);

/* How many labels a name has, without the root's. */
unsigned weir_wire_labels(const uint8_t *name);

/* The name as text with a final dot, as in a zone file (RFC 1035, 5.1): escaped where it has to be.
 */
#define WEIR_NAME_TEXT 1024
const char *weir_name_text(const uint8_t *name, char out[WEIR_NAME_TEXT]);

#endif
