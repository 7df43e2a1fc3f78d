/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cloudflare_dns.h - what the files about DNS records share. */
#ifndef WEIR_API_CLOUDFLARE_DNS_H
#define WEIR_API_CLOUDFLARE_DNS_H

#include "api/cloudflare_impl.h"

/* --- cloudflare_dns.c --- */

/* A record with what this request has changed already; NULL or a JSON null: there is none. */
const json_t *cf_record(const struct api_request *r, const char *id);

/* cf_take() of a record, with its content if it came as data. */
json_t *cf_take_record(struct api_request *r, const json_t *body, const json_t *was);

/* --- cloudflare_dns_list.c --- */

/* Whether it is in the zone of the path, and fits the filters of a list. */
bool cf_concerns_record(const struct api_request *r, const json_t *record);

/* --- cloudflare_dns_data.c: content by its members, of SRV, CAA and the like --- */

/* Puts content (and priority) into record by its data. False: a member is missing, or the type has
 * none. */
bool cf_data_content(const char *type, json_t *record);

/* The members of a stored record's content, the caller's; NULL: its type has none. */
json_t *cf_content_data(const json_t *record);

#endif
