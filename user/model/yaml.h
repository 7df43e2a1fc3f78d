/* SPDX-License-Identifier: GPL-2.0-or-later */
/* yaml.h - YAML text into the JSON value that the REST API would get, by libyaml (YAML 1.1 syntax).
 * Plain scalars follow the YAML 1.2 core schema (true/false, null, numbers); "no" is a string.
 * Pure; any thread. */
#ifndef WEIR_MODEL_YAML_H
#define WEIR_MODEL_YAML_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

#define WEIR_YAML_MAX_BYTES (64u << 20)
#define WEIR_YAML_MAX_DEPTH 32

/* Where each value of a document stands in its text. */
struct weir_lines;

/* Reads one document. Duplicate keys, anchors and aliases, several documents and non-string keys
 * are errors. On true the caller owns *out (json_decref) and *lines (weir_lines_free); an empty
 * text is an empty object. On false *err has line and column. */
bool weir_yaml_parse(const char *text, size_t len, json_t **out, struct weir_lines **lines,
		     struct weir_err *err);

/* Sets err->line and err->column to where err->path, or its longest known parent, stands. */
void weir_lines_locate(const struct weir_lines *lines, struct weir_err *err);
void weir_lines_free(struct weir_lines *lines); /* takes NULL */

#endif
