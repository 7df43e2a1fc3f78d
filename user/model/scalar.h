/* SPDX-License-Identifier: GPL-2.0-or-later */
/* scalar.h - unquoted YAML scalars into JSON values. For yaml.c. Pure. */
#ifndef WEIR_MODEL_SCALAR_H
#define WEIR_MODEL_SCALAR_H

#include <jansson.h>
#include <stddef.h>

/* s without NUL in its len bytes. NULL: a number that JSON cannot hold, or invalid UTF-8. */
json_t *weir_scalar_plain(const char *s, size_t len);

#endif
