/* SPDX-License-Identifier: GPL-2.0-or-later */
/* log.h - one line a message on standard error, with the priority prefix of sd-daemon(3) when the
 * journal reads it and the time of day otherwise. Any thread. */
#ifndef WEIR_BASE_LOG_H
#define WEIR_BASE_LOG_H

enum weir_log_level {
	WEIR_LOG_ERROR = 3, /* syslog's numbers */
	WEIR_LOG_WARN = 4,
	WEIR_LOG_INFO = 6,
	WEIR_LOG_DEBUG = 7, /* only when WEIR_DEBUG is in the environment */
};

void weir_log(enum weir_log_level level, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

#define weir_error(...) weir_log(WEIR_LOG_ERROR, __VA_ARGS__)
#define weir_warn(...)  weir_log(WEIR_LOG_WARN, __VA_ARGS__)
#define weir_info(...)  weir_log(WEIR_LOG_INFO, __VA_ARGS__)
#define weir_debug(...) weir_log(WEIR_LOG_DEBUG, __VA_ARGS__)

#endif
