/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tls.h - what https probes demand of a server, as its pool says, and the words for what they find.
 * On the loop's thread only. */
#ifndef WEIR_PROBE_TLS_H
#define WEIR_PROBE_TLS_H

#include <curl/curl.h>

#include "probe/target.h"

#define WEIR_TLS_NAME 256

/* What is noted while a handshake runs. */
struct weir_tls_note {
	const char *cert_hostname; /* to be found in the certificate; NULL: libcurl looks */
	int alert;                 /* the last fatal one, from or to the server; 0: none */
};

/* Also over a redirect. */
static inline bool weir_tls_is_used(const struct weir_monitor *m)
{
	return m->type == WEIR_MONITOR_HTTPS ||
	       (m->type == WEIR_MONITOR_HTTP && m->follow_redirects);
}

/* The Host of the probe; NULL: it has none of its own. */
const char *weir_tls_host(const struct weir_target *t);

/* The name that the server is asked for. False: it is asked for none. */
bool weir_tls_server_name(const struct weir_target *t, char out[WEIR_TLS_NAME]);

/* Sets all that is about TLS. note must live as long as the transfer. False: a file that the pool
 * names cannot be read. */
bool weir_tls_set(CURL *easy, const struct weir_target *t, struct weir_tls_note *note);

/* The word for a transfer that ended with result. NULL: it is not about TLS. */
const char *weir_tls_reason(CURL *easy, CURLcode result, const struct weir_tls_note *note);

#endif
