/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tap_sink.h - where dnstap goes to: a socket that somebody listens on, or a file. Used by fstrm's
 * thread, which it never keeps for ever; the rest is for the loop. */
#ifndef WEIR_DNS_TAP_SINK_H
#define WEIR_DNS_TAP_SINK_H

#include <stdbool.h>
#include <stdint.h>

struct fstrm_writer;
struct weir_dns_tap_sink;

/* One of socket and file is NULL; they stay the caller's and are needed until it is freed. The
 * writer is the caller's, to be ended before *out is freed. NULL: no memory, and *out is NULL. */
struct fstrm_writer *weir_dns_tap_sink_open(const char *socket, const char *file,
					    struct weir_dns_tap_sink **out);
void weir_dns_tap_sink_free(struct weir_dns_tap_sink *s); /* takes NULL */

/* From now on it waits for the other side for a second at most. */
void weir_dns_tap_sink_end(struct weir_dns_tap_sink *s);

/* Whether the file that it writes to, if any, still has this name. */
bool weir_dns_tap_sink_is_there(const struct weir_dns_tap_sink *s, const char *file);

/* Whether it is open; the messages that were written. */
void weir_dns_tap_sink_stats(const struct weir_dns_tap_sink *s, bool *open, uint64_t *written);

#endif
