/* SPDX-License-Identifier: GPL-2.0-or-later */
/* wire.h - integers as messages have them: the upper byte first, at any address. */
#ifndef WEIR_BASE_WIRE_H
#define WEIR_BASE_WIRE_H

#include <stdint.h>

static inline uint16_t weir_get16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

/* The lower 16 bits of v. Returns what is behind them. */
static inline uint8_t *weir_put16(uint8_t *p, unsigned v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
	return p + 2;
}

static inline uint8_t *weir_put32(uint8_t *p, uint32_t v)
{
	return weir_put16(weir_put16(p, v >> 16), v);
}

#endif
