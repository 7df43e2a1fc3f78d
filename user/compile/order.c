/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "compile/order.h"

#include <assert.h>
#include <string.h>

#include "base/hash.h"

/* The field of 1 << bits elements: polynomials modulo this one. */
struct field {
	uint32_t bits, modulus;
};

static struct field field_of(uint32_t bits)
{
	static const uint16_t moduli[] = { 3, 3, 7, 11, 19, 37, 67, 131, 285, 529, 1033 };

	assert(bits && bits < sizeof(moduli) / sizeof(*moduli));
	return (struct field){ bits, moduli[bits] };
}

static uint32_t times_x(const struct field *f, uint32_t a)
{
	a <<= 1;
	return a >> f->bits ? a ^ f->modulus : a;
}

static uint32_t times(const struct field *f, uint32_t a, uint32_t b)
{
	uint32_t product = 0;

	for (; b; b >>= 1, a = times_x(f, a))
		product ^= b & 1 ? a : 0;
	return product;
}

static uint32_t draw(uint64_t *seed, uint32_t below)
{
	return (uint32_t)(weir_mix64(*seed += 0x9e3779b97f4a7c15ull) % below);
}

void weir_order_init(struct weir_order *o, uint64_t id, uint32_t size)
{
	uint32_t bits = (uint32_t)__builtin_ctz(size);
	struct field f = field_of(bits / 2);
	uint32_t q = 1u << f.bits, plane = q * q, *step = o->step;
	uint64_t seed = weir_mix64(id);
	uint32_t slope = draw(&seed, q), x = 1 + draw(&seed, q - 1), y = times(&f, slope, x);
	uint32_t line = 1 + draw(&seed, q - 1);

	assert(bits <= WEIR_ORDER_BITS);
	memset(o, 0, sizeof(*o));
	o->first = draw(&seed, size);
	for (uint32_t i = 0; i < f.bits; i++, x = times_x(&f, x), y = times_x(&f, y))
		*step++ = x << f.bits | y;
	if (size > plane)
		*step++ = plane | draw(&seed, plane);
	for (uint32_t i = 0; i < f.bits; i++, line = times_x(&f, line))
		*step++ = line;
}
