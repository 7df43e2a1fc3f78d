/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

static const char *level_name(enum weir_log_level level)
{
	switch (level) {
	case WEIR_LOG_ERROR:
		return "error: ";
	case WEIR_LOG_WARN:
		return "warning: ";
	case WEIR_LOG_DEBUG:
		return "debug: ";
	case WEIR_LOG_INFO:
		break;
	}
	return "";
}

/* Writes the start of a line: <6> under systemd, else the time in UTC. */
static int prefix(char *out, size_t size, enum weir_log_level level)
{
	struct timespec ts;
	struct tm tm;

	if (getenv("JOURNAL_STREAM"))
		return snprintf(out, size, "<%d>", level);
	clock_gettime(CLOCK_REALTIME, &ts);
	gmtime_r(&ts.tv_sec, &tm);
	return snprintf(out, size, "%02d:%02d:%02d.%03ld %s", tm.tm_hour, tm.tm_min, tm.tm_sec,
			ts.tv_nsec / 1000000, level_name(level));
}

void weir_log(enum weir_log_level level, const char *fmt, ...)
{
	char line[1024];
	va_list ap;
	int n, at;

	if (level == WEIR_LOG_DEBUG && !getenv("WEIR_DEBUG"))
		return;
	at = prefix(line, sizeof(line), level);
	va_start(ap, fmt);
	n = vsnprintf(line + at, sizeof(line) - (size_t)at - 1, fmt, ap);
	va_end(ap);
	at += n;
	if ((size_t)at > sizeof(line) - 2)
		at = (int)sizeof(line) - 2;
	line[at++] = '\n';
	/* One write a line, so that lines of several processes do not mix. */
	if (write(STDERR_FILENO, line, (size_t)at) < 0)
		return;
}
