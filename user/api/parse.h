/* SPDX-License-Identifier: GPL-2.0-or-later */
/* parse.h - bytes of a request into segments, arguments and JSON. What returns bool has set err
 * when it returns false: the sentence is for the client. Any thread. */
#ifndef WEIR_API_PARSE_H
#define WEIR_API_PARSE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

/* Decodes %XX in place, and + where it stands for a space. False: a % without two digits, a NUL, or
 * what is not UTF-8. */
bool api_decode(char *text, bool plus);

/* Cuts path at its slashes, in place, and decodes each part; a slash at the end is nothing. False:
 * more than most, or one that api_decode() does not take. */
bool api_split(char *path, const char **segments, size_t most, size_t *n, struct weir_err *err);

/* name=value&... into an object, name -> text, or a list of texts where it comes more than once.
 * The caller's; NULL: err. */
json_t *api_parse_form(const char *text, size_t len, struct weir_err *err);

/* JSON with bounds on depth and numbers. The caller's; NULL: err. */
json_t *api_parse_json(const char *text, size_t len, struct weir_err *err);

#endif
