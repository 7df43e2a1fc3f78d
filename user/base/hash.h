/* SPDX-License-Identifier: GPL-2.0-or-later */
/* hash.h - hashes for tables and digests: equal on every machine, not secret, not for adversaries.
 * (The packet hash, which is keyed, is bpf/hash.h.) */
#ifndef WEIR_BASE_HASH_H
#define WEIR_BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

/* A bijection that spreads every input bit over every output bit (the finalizer of SplitMix64). */
static inline uint64_t weir_mix64(uint64_t x)
{
	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ull;
	x = (x ^ (x >> 27)) * 0x94d049bb133111ebull;
	return x ^ (x >> 31);
}

/* Folds len bytes into seed; chain calls to hash several things. */
uint64_t weir_hash_bytes(uint64_t seed, const void *bytes, size_t len);

#endif
