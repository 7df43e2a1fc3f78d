/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rdata.h - the content of DNS records, from presentation format (RFC 1035, 5.1, and that of each
 * type) to wire format. Pure; one thread. */
#ifndef WEIR_MODEL_RDATA_H
#define WEIR_MODEL_RDATA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct weir_rdata;

struct weir_rdata *weir_rdata_new(void);
void weir_rdata_free(struct weir_rdata *r); /* takes NULL */

/* Whether type ("MX", in capital letters) is one that records may have, besides those whose content
 * is an address or a name. */
bool weir_rdata_known(const char *type, uint16_t *number);

/* Reads content of a known type; names in it are complete, with or without a final dot. A TXT that
 * has no quotes is one text. NULL: *why says what is wrong (static); else the bytes, names not
 * compressed, which stay until the next call. */
const uint8_t *weir_rdata_read(struct weir_rdata *r, const char *type, const char *content,
			       size_t *len, const char **why);

#endif
