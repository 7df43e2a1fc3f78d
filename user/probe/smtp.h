/* SPDX-License-Identifier: GPL-2.0-or-later */
/* smtp.h - what a mail server says, byte by byte, and what is to be said next. Pure. */
#ifndef WEIR_PROBE_SMTP_H
#define WEIR_PROBE_SMTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum weir_smtp_next {
	WEIR_SMTP_WAIT, /* for more bytes */
	WEIR_SMTP_HELO, /* to be said */
	WEIR_SMTP_QUIT,
	WEIR_SMTP_PASS, /* all was answered well */
	WEIR_SMTP_FAIL, /* another code than expected, or no SMTP */
};

/* A conversation; zeroed it is a new one. */
struct weir_smtp {
	unsigned step;   /* replies that were good */
	unsigned column; /* of the present line */
	unsigned lines;  /* that the reply has before it */
	size_t bytes;    /* of the reply */
	uint16_t code;   /* of the reply; as much as is read of it */
	uint16_t digits; /* of the present line, in the same way */
	bool more;       /* the present line is not the last */
};

/* Takes n bytes in. After PASS and FAIL it is not to be called again; code is that of the last
 * reply, 0: none. */
enum weir_smtp_next weir_smtp_hear(struct weir_smtp *s, const char *bytes, size_t n);

#endif
