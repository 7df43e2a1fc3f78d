/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fastly_impl.h - what the files of the Fastly facade share.
 *
 * Three kinds of objects are its own: fastly_service; fastly_version, with the id SERVICE.NUMBER
 * and all of its objects inside, so that a clone is a copy; and fastly_server. A service that has
 * an active version says in "made" which objects of the model were made of it. */
#ifndef WEIR_API_FASTLY_IMPL_H
#define WEIR_API_FASTLY_IMPL_H

#include "api/request.h"

#define FASTLY_ID   23 /* 22 characters of base62, NUL */
#define FASTLY_NAME 255

/* --- replies --- */

/* {"msg", "detail"}, in the place of a reply that is there; the request changes nothing then. */
void fastly_refuse(struct api_request *r, unsigned status, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* 404 as "Couldn't find Pool '{ ... name => ... }'". */
void fastly_refuse_unknown(struct api_request *r, const char *word, const char *name);

/* What is wrong with an object that was made of a version, and with which one, in out->text. */
void fastly_explain(const struct api_request *r, const struct weir_changed *result,
		    struct weir_err *out);

void fastly_reply(struct api_request *r, json_t *reply);
void fastly_reply_ok(struct api_request *r);

/* --- ids, times and texts --- */

void fastly_new_id(char out[FASTLY_ID]);
json_t *fastly_now(const struct api_request *r);

/* A value of a form as a text, which JSON may have as a number or a boolean; NULL: there is none.
 */
const char *fastly_text(const json_t *body, const char *key, char room[32]);

/* --- where a request is --- */

struct fastly_at {
	const char *service_id;
	const json_t *service;
	json_int_t number;     /* of a version */
	const json_t *version; /* NULL: the path has none */
	char version_id[64];
};

/* The service, and the version, of the path. False: it was refused. */
bool fastly_find_service(struct api_request *r, struct fastly_at *at);
bool fastly_find_version(struct api_request *r, struct fastly_at *at);

/* The same of a version that can be changed. */
bool fastly_find_draft(struct api_request *r, struct fastly_at *at);

/* One of a service by number; NULL: there is none. */
const json_t *fastly_version_of(const struct api_request *r, const char *service_id,
				json_int_t number);
json_int_t fastly_active_of(const json_t *service);

void fastly_version_id(const char *service_id, json_int_t number, char out[64]);

/* An empty one, a draft. */
json_t *fastly_new_version(const struct api_request *r, const char *service_id, json_int_t number);

/* As clients see it, and all of a service. */
json_t *fastly_show_version(const json_t *service, const json_t *version);
json_t *fastly_show_versions(const struct api_request *r, const json_t *service);

/* A copy of the version, changed now, to be put into the request's changes. */
json_t *fastly_touch(const struct api_request *r, const json_t *body);

/* --- objects of a version --- */

/* As clients see them: all of a kind ("pools"), the caller's. */
json_t *fastly_show_all(const struct fastly_at *at, const char *of);

/* The kinds, by number; NULL beyond the last. */
const char *fastly_kind(size_t i);

/* --- servers --- */

/* Those of a pool as they will be: with (NULL: gone) in the place of the one of that id, or behind
 * all. Borrowed bodies in a list that is the caller's. */
struct fastly_instead {
	const char *id; /* NULL: as they are */
	json_t *body;
};

json_t *fastly_servers_of(const struct api_request *r, const char *pool_id,
			  const struct fastly_instead *instead);

/* The version loses this pool: its servers go with the last version that has it. */
void fastly_drop_servers(struct api_request *r, const struct fastly_at *at, const char *pool_id);

/* --- what is in effect --- */

/* Puts the changes of the model into the request's that follow when version (NULL: none) is the
 * active one of the service, whose body is changed in place. Warnings are added to notes. False:
 * why says what is wrong with the version. */
bool fastly_make(struct api_request *r, json_t *service, const json_t *version,
		 const struct fastly_instead *instead, json_t *notes, struct weir_err *why);

/* Every message about a version in one; NULL: there is none. The caller's. */
char *fastly_join(const json_t *notes);

/* --- operations --- */

void fastly_list_services(struct api_request *r);
void fastly_create_service(struct api_request *r);
void fastly_search_service(struct api_request *r);
void fastly_get_service(struct api_request *r);
void fastly_update_service(struct api_request *r);
void fastly_delete_service(struct api_request *r);
void fastly_service_details(struct api_request *r);
void fastly_service_domains(struct api_request *r);
void fastly_list_versions(struct api_request *r);
void fastly_create_version(struct api_request *r);
void fastly_get_version(struct api_request *r);
void fastly_update_version(struct api_request *r);
void fastly_clone(struct api_request *r);
void fastly_activate(struct api_request *r);
void fastly_deactivate(struct api_request *r);
void fastly_lock(struct api_request *r);
void fastly_validate(struct api_request *r);
void fastly_list_objects(struct api_request *r);
void fastly_create_object(struct api_request *r);
void fastly_get_object(struct api_request *r);
void fastly_update_object(struct api_request *r);
void fastly_delete_object(struct api_request *r);
void fastly_link(struct api_request *r);
void fastly_get_link(struct api_request *r);
void fastly_unlink(struct api_request *r);
void fastly_list_servers(struct api_request *r);
void fastly_create_server(struct api_request *r);
void fastly_get_server(struct api_request *r);
void fastly_update_server(struct api_request *r);
void fastly_delete_server(struct api_request *r);

/* The reply to an activation also says what of it has no effect. */
void fastly_say_notes(struct api_request *r, const json_t *notes);

json_t *fastly_schema(const char *name);

#endif
