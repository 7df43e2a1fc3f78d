/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fuzz_rdata.c - any bytes as "TYPE content" of a record: refused with a reason, or data of that
 * type, which ldns can read in a message as well. */
#include <assert.h>
#include <stdbool.h> /* before ldns, which else has one of its own */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <ldns/ldns.h>

#include "model/rdata.h"

#define HEAD 11 /* of a record of the root, in front of its data */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_by_ldns(uint16_t type, const uint8_t *data, size_t len)
{
	uint8_t head[HEAD] = { 0,  (uint8_t)(type >> 8), (uint8_t)type, 0, 1, 0, 0, 0,
			       60, (uint8_t)(len >> 8),  (uint8_t)len };
	uint8_t *wire = malloc(HEAD + len);
	ldns_rr *rr = NULL;
	size_t at = 0;

	memcpy(wire, head, HEAD);
	memcpy(wire + HEAD, data, len);
	assert(ldns_wire2rr(&rr, wire, HEAD + len, &at, LDNS_SECTION_ANSWER) == LDNS_STATUS_OK);
	assert(at == HEAD + len);
	ldns_rr_free(rr);
	free(wire);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct weir_rdata *r;
	char *text = malloc(size + 1), *content;
	const char *why = NULL;
	const uint8_t *wire;
	uint16_t type;
	size_t len;

	memcpy(text, data, size);
	text[size] = 0;
	content = strchrnul(text, ' ');
	if (*content)
		*content++ = 0;
	r = r ? r : weir_rdata_new();
	if (weir_rdata_known(text, &type)) {
		wire = weir_rdata_read(r, text, content, &len, &why);
		assert(!wire == !!why);
		if (wire) {
			assert(len <= 65535);
			check_by_ldns(type, wire, len);
		}
	}
	free(text);
	return 0;
}
