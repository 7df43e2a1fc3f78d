/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/hash.h"

/* Little-endian words of 8 bytes, the last one padded with zeros; the length is hashed too. */
uint64_t weir_hash_bytes(uint64_t seed, const void *bytes, size_t len)
{
	const uint8_t *p = bytes;
	uint64_t h = weir_mix64(seed ^ (len * 0x9e3779b97f4a7c15ull));

	for (size_t i = 0; i < len; i += 8) {
		uint64_t w = 0;

		for (size_t k = 0; k < 8 && i + k < len; k++)
			w |= (uint64_t)p[i + k] << (8 * k);
		h = weir_mix64(h ^ w) + 0x9e3779b97f4a7c15ull;
	}
	return h;
}
