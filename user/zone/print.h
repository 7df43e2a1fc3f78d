/* SPDX-License-Identifier: GPL-2.0-or-later */
/* print.h - records as lines of a zone file (RFC 1035, 5). Pure. */
#ifndef WEIR_ZONE_PRINT_H
#define WEIR_ZONE_PRINT_H

#include <stdio.h>

#include "zone/zone.h"

/* "A", or TYPE1234 (RFC 3597) of a type that has no word here. */
#define WEIR_TYPE_TEXT 16
const char *weir_type_text(uint16_t type, char out[WEIR_TYPE_TEXT]);

/* The number of a word, or of TYPE1234; case does not matter. 0: neither. */
uint16_t weir_type_parse(const char *text);

/* Writes the data of a record, names not compressed, in the form of its type, or of RFC 3597 where
 * that is not known here or the data are not of that type. */
void weir_rdata_print(FILE *to, uint16_t type, const uint8_t *data, size_t len);

/* Writes a zone whole, as a file that can be read again; what is answered by chance or health as it
 * is at present. False: there is no such zone. */
bool weir_zone_print(FILE *to, const struct weir_zones *z, const char *name);

#endif
