/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/err.h"

#include <stdarg.h>
#include <stdio.h>

/* Length of the UTF-8 character that s begins with, 0: none. (Overlong forms and surrogates count:
 * what comes here was checked before it was cut.) */
static size_t character(const unsigned char *s)
{
	size_t n = *s < 0x80   ? 1
		   : *s < 0xc2 ? 0
		   : *s < 0xe0 ? 2
		   : *s < 0xf0 ? 3
		   : *s < 0xf5 ? 4
			       : 0;

	for (size_t i = 1; i < n; i++)
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	return n;
}

/* An operator's text may hold anything and may have been cut inside a character: what stays is
 * fit for a terminal and for JSON. */
static void tidy(char *text)
{
	unsigned char *s = (unsigned char *)text;
	size_t n;

	for (; *s; s += n ? n : 1) {
		n = character(s);
		if (!n || *s < 0x20 || *s == 0x7f)
			*s = '?';
		else if (*s == 0xc2 && s[1] < 0xa0) /* control characters of the upper half */
			s[0] = s[1] = '?';
	}
}

bool weir_err_set(struct weir_err *e, const char *path, const char *fmt, ...)
{
	va_list ap;

	e->line = e->column = 0;
	snprintf(e->path, sizeof(e->path), "%s", path);
	va_start(ap, fmt);
	vsnprintf(e->text, sizeof(e->text), fmt, ap);
	va_end(ap);
	tidy(e->path);
	tidy(e->text);
	return false;
}
