/* SPDX-License-Identifier: GPL-2.0-or-later */
/* weirctl_objects.h - what commands about objects share. */
#ifndef WEIR_TOOLS_WEIRCTL_OBJECTS_H
#define WEIR_TOOLS_WEIRCTL_OBJECTS_H

#include "weirctl.h"

/* An object of a YAML file ("-": standard input), the caller's. NULL: said. */
json_t *weirctl_read_file(const char *path);

/* Prints what came of a change, and frees it; answer NULL: status is the exit status. Returns that.
 */
int weirctl_say_changed(struct weirctl *ctl, json_t *answer, int status);

/* 32 random hexadecimal digits. */
void weirctl_random_id(char out[33]);

#endif
