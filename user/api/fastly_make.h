/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fastly_make.h - objects of the model as they are made of a version. */
#ifndef WEIR_API_FASTLY_MAKE_H
#define WEIR_API_FASTLY_MAKE_H

#include "api/fastly_impl.h"

struct making {
	struct api_request *r;
	const char *service_id;
	const json_t *version;
	const struct fastly_instead *instead;
	json_t *notes;
	struct weir_err *why;
	json_t *want; /* kind -> id -> body */
};

/* A text that is not there is empty. */
static inline const char *making_text(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	return s ? s : "";
}

/* The object is wanted (taken over). */
void making_want(const struct making *m, const char *kind, const char *id, json_t *body);

/* What has no effect, or another one than its words. */
void making_note(const struct making *m, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* The pool and its monitor; one without servers is none of the model's. False: *m->why. */
bool making_pool(const struct making *m, const json_t *pool);

#endif
