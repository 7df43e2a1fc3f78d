/* SPDX-License-Identifier: GPL-2.0-or-later */
/* objects.h - weir's own way to objects: operations of api_weir, see WEIR_API_OBJECTS. */
#ifndef WEIR_API_OBJECTS_H
#define WEIR_API_OBJECTS_H

#include "api/request.h"

void api_objects_all(struct api_request *r);
void api_objects_of_kind(struct api_request *r);
void api_objects_one(struct api_request *r);
void api_objects_create(struct api_request *r);
void api_objects_replace(struct api_request *r);
void api_objects_edit(struct api_request *r);
void api_objects_remove(struct api_request *r);
void api_objects_change(struct api_request *r);
void api_events(struct api_request *r); /* events.c */
/* The changed() of api_weir. */
void api_objects_changed(struct api_request *r, const struct weir_changed *result);

#endif
