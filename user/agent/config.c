/* SPDX-License-Identifier: GPL-2.0-or-later */
/* config.c - the configuration file: bytes -> JSON value -> model, with the position of what is
 * wrong. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/agent.h"
#include "base/mem.h"
#include "model/yaml.h"

/* The whole file, NUL-terminated, the caller's to free. NULL: *err says why. */
static char *read_file(const char *path, size_t *len, struct weir_err *err)
{
	FILE *f = fopen(path, "rbe");
	size_t room = 65536, n = 0, got;
	char *text;

	if (!f) {
		weir_err_set(err, "", "cannot be opened: %s", strerror(errno));
		return NULL;
	}
	text = weir_alloc(room, 1);
	while ((got = fread(text + n, 1, room - n - 1, f)) > 0 && n <= WEIR_YAML_MAX_BYTES) {
		n += got;
		if (room - n < 2)
			text = weir_grow(text, room *= 2, 1);
	}
	if (ferror(f) || n > WEIR_YAML_MAX_BYTES) {
		weir_err_set(err, "", ferror(f) ? "cannot be read" : "is larger than %u bytes",
			     WEIR_YAML_MAX_BYTES);
		free(text);
		text = NULL;
	} else {
		text[n] = 0;
	}
	fclose(f);
	*len = n;
	return text;
}

bool weir_config_read(const char *path, json_t **keep, struct weir_model **out,
		      struct weir_err *err)
{
	struct weir_lines *lines = NULL;
	json_t *root = NULL;
	size_t len;
	char *text = read_file(path, &len, err);
	bool ok;

	if (!text)
		return false;
	ok = weir_yaml_parse(text, len, &root, &lines, err);
	if (ok) {
		ok = weir_model_parse(root, out, err);
		if (!ok)
			weir_lines_locate(lines, err);
	}
	if (ok && keep)
		*keep = json_incref(root);
	json_decref(root);
	weir_lines_free(lines);
	free(text);
	return ok;
}

const char *weir_config_error(const char *path, const struct weir_err *err, char *out, size_t size)
{
	char at[32] = "";

	if (err->line)
		snprintf(at, sizeof(at), "%u:%u:", err->line, err->column);
	snprintf(out, size, "%s:%s%s%s%s %s", path, at, err->path[0] ? " " : "", err->path,
		 err->path[0] ? ":" : "", err->text);
	return out;
}
