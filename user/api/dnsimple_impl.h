/* SPDX-License-Identifier: GPL-2.0-or-later */
/* dnsimple_impl.h - what the files of the DNSimple facade share.
 *
 * DNSimple knows things by whole numbers. An object that was made here has its number as its id, in
 * 32 hexadecimal digits; all others have one by the hash of their id, with bit 52 set. So there is
 * no table of numbers to keep. Numbers are below 2^53: JavaScript has no others. */
#ifndef WEIR_API_DNSIMPLE_IMPL_H
#define WEIR_API_DNSIMPLE_IMPL_H

#include "api/request.h"
#include "base/mem.h"

#define DNSIMPLE_ACCOUNT 1 /* there is one */
#define DNSIMPLE_NAME    256
#define DNSIMPLE_TTL     3600
#define DNSIMPLE_ID      33

/* --- replies --- */

/* {"message": ...}, in the place of a reply that is there. */
void dnsimple_refuse(struct api_request *r, unsigned status, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* {"message": "Validation failed", "errors": {field: [text]}} */
json_t *dnsimple_invalid(const char *field, const char *text);
void dnsimple_refuse_field(struct api_request *r, const char *field, const char *text);

/* The same with a whole body, which is taken over. */
void dnsimple_refuse_with(struct api_request *r, unsigned status, json_t *errors);

/* {"data": ...} with a status. Takes data over. */
void dnsimple_reply(struct api_request *r, unsigned status, json_t *data);

/* Whether the path names the account that there is; else it is refused. */
bool dnsimple_account(struct api_request *r);

/* --- numbers, names and times --- */

json_int_t dnsimple_number(const char *id);

/* The id of an object that was made here and has this number. False: no such one can have it. */
bool dnsimple_id_of(json_int_t number, char out[DNSIMPLE_ID]);

/* An id for a new object of this kind, whose number is larger than those of former ones. */
void dnsimple_new_id(const struct api_request *r, const char *kind, char out[DNSIMPLE_ID]);

/* A domain name in lower case, without its final dot. Returns out. */
const char *dnsimple_domain(const char *name, char out[DNSIMPLE_NAME]);

/* Without the fraction of a second; of what has none: the beginning of time. The caller's. */
json_t *dnsimple_time(const json_t *body, const char *key);

/* --- zones --- */

struct dnsimple_zone {
	const char *id;
	const json_t *body;
	char name[DNSIMPLE_NAME];
	json_t *below; /* names of zones within this one */
};

/* The zone of {zone}, by its name or number. False: it was refused; else dnsimple_zone_done(). */
bool dnsimple_find_zone(struct api_request *r, struct dnsimple_zone *out);
void dnsimple_zone_done(struct dnsimple_zone *z);

/* What the zone calls this name, in place: "" is its own; NULL: it is in another one. */
const char *dnsimple_within(const struct dnsimple_zone *z, char name[DNSIMPLE_NAME]);

/* --- lists --- */

struct dnsimple_item {
	json_int_t number;
	const char *id, *name, *type, *content;
	const json_t *body; /* in the model's form; of a system record made of its zone */
	bool system;
};

struct dnsimple_list {
	struct weir_arena *arena;
	struct dnsimple_item *items;
	size_t n, room;
};

struct dnsimple_item *dnsimple_list_add(struct dnsimple_list *l);

/* One page of it in the order that the request wants, as the reply: fields are the names that sort
 * may have, first those of the default order. */
void dnsimple_list_reply(struct api_request *r, struct dnsimple_list *l, const char *fields,
			 json_t *(*show)(const struct dnsimple_item *item, const void *arg),
			 const void *arg);

/* --- records --- */

/* All of a zone, its SOA and NS among them. l->arena is there. */
void dnsimple_list_records(const struct api_request *r, const struct dnsimple_zone *z,
			   struct dnsimple_list *l);
json_t *dnsimple_show_record(const struct dnsimple_item *item, const void *zone);

/* A request that changes records of a zone. */
struct dnsimple_edit {
	struct api_request *r;
	const struct dnsimple_zone *zone;
	struct dnsimple_list list; /* as they are, once that is needed */
	struct dnsimple_item one;  /* that was found without it */
	json_t *touched;           /* ids of those that are edited or deleted */
	json_t *errors;            /* the body of a reply to what is refused */
	unsigned status;
};

/* Each adds a change to the request; *shown is the record as it will be, the caller's. False:
 * errors and status say why. */
bool dnsimple_make_record(struct dnsimple_edit *e, const json_t *from, json_t **shown);
bool dnsimple_edit_record(struct dnsimple_edit *e, json_int_t number, const json_t *from,
			  json_t **shown);
bool dnsimple_drop_record(struct dnsimple_edit *e, json_int_t number);

/* NULL: errors and status say why. */
const struct dnsimple_item *dnsimple_find_record(struct dnsimple_edit *e, json_int_t number);

/* The number in a path or of JSON; -1: it is none. */
json_int_t dnsimple_parse_number(const char *text);

/* "origins[0].name" of the model is which field of DNSimple. */
const char *dnsimple_field(const char *path, char out[64]);

/* --- operations --- */

void dnsimple_list_zones(struct api_request *r);
void dnsimple_get_zone(struct api_request *r);
void dnsimple_zone_file(struct api_request *r);
void dnsimple_distribution(struct api_request *r);
void dnsimple_activate(struct api_request *r);
void dnsimple_deactivate(struct api_request *r);
void dnsimple_set_ns(struct api_request *r);
void dnsimple_list_domains(struct api_request *r);
void dnsimple_create_domain(struct api_request *r);
void dnsimple_get_domain(struct api_request *r);
void dnsimple_delete_domain(struct api_request *r);
void dnsimple_get_records(struct api_request *r);
void dnsimple_create_record(struct api_request *r);
void dnsimple_get_record(struct api_request *r);
void dnsimple_patch_record(struct api_request *r);
void dnsimple_delete_record(struct api_request *r);
void dnsimple_record_distribution(struct api_request *r);
void dnsimple_batch(struct api_request *r);

/* What of a batch a change belongs to was refused. */
void dnsimple_batch_refused(struct api_request *r, const struct weir_changed *result);

json_t *dnsimple_schema(const char *name);

#endif
