/* SPDX-License-Identifier: GPL-2.0-or-later */
/* siphash.h - SipHash-2-4 (Aumasson, Bernstein, 2012): a keyed hash for short inputs that those
 * without the key cannot foresee. Pure. */
#ifndef WEIR_ZONE_SIPHASH_H
#define WEIR_ZONE_SIPHASH_H

#include <stddef.h>
#include <stdint.h>

uint64_t weir_siphash(const uint8_t key[16], const void *in, size_t len);

#endif
