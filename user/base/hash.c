/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/hash.h"

#include <endian.h>
#include <string.h>

#define STEP 0x9e3779b97f4a7c15ull

/* Little-endian words of 8 bytes, the last one padded with zeros; the length is hashed too. */
uint64_t weir_hash_bytes(uint64_t seed, const void *bytes, size_t len)
{
	const uint8_t *p = bytes;
	uint64_t h = weir_mix64(seed ^ (len * STEP)), w;

	for (; len >= 8; p += 8, len -= 8) {
		memcpy(&w, p, 8);
		h = weir_mix64(h ^ le64toh(w)) + STEP;
	}
	if (!len)
		return h;
	w = 0;
	for (size_t k = 0; k < len; k++)
		w |= (uint64_t)p[k] << (8 * k);
	return weir_mix64(h ^ w) + STEP;
}
