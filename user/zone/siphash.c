/* SPDX-License-Identifier: GPL-2.0-or-later */
/* siphash.c - SipHash-2-4. */
#include "zone/siphash.h"

static uint64_t get64(const uint8_t *p, size_t n)
{
	uint64_t v = 0;

	for (size_t i = 0; i < n; i++)
		v |= (uint64_t)p[i] << 8 * i;
	return v;
}

static uint64_t rotl(uint64_t x, unsigned n)
{
	return x << n | x >> (64 - n);
}

static void rounds(uint64_t v[4], unsigned n)
{
	while (n--) {
		v[0] += v[1];
		v[2] += v[3];
		v[1] = rotl(v[1], 13) ^ v[0];
		v[3] = rotl(v[3], 16) ^ v[2];
		v[0] = rotl(v[0], 32);
		v[2] += v[1];
		v[0] += v[3];
		v[1] = rotl(v[1], 17) ^ v[2];
		v[3] = rotl(v[3], 21) ^ v[0];
		v[2] = rotl(v[2], 32);
	}
}

uint64_t weir_siphash(const uint8_t key[16], const void *in, size_t len)
{
	const uint64_t k0 = get64(key, 8), k1 = get64(key + 8, 8);
	uint64_t v[4] = { k0 ^ 0x736f6d6570736575, k1 ^ 0x646f72616e646f6d, k0 ^ 0x6c7967656e657261,
			  k1 ^ 0x7465646279746573 };
	const uint8_t *p = in;
	size_t left = len;

	for (; left >= 8; left -= 8, p += 8) {
		uint64_t word = get64(p, 8);

		v[3] ^= word;
		rounds(v, 2);
		v[0] ^= word;
	}
	left = get64(p, left) | (uint64_t)len << 56;
	v[3] ^= left;
	rounds(v, 2);
	v[0] ^= left;
	v[2] ^= 0xff;
	rounds(v, 4);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}
