/* SPDX-License-Identifier: GPL-2.0-or-later */
/* http.c - a probe that passes when the response is what the monitor expects, in time. rtt is the
 * time from the start to the first byte of the response, handshakes included. */
#include "probe/target.h"

#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "loop/multi.h"
#include "probe/tls.h"
#include "weir/api.h"

#define BODY_MAX      10240 /* bytes looked at; the rest is not read */
#define HEADERS_MAX   65536 /* bytes, over all redirects */
#define REDIRECTS_MAX 5L
#define LATE_NS       50000000 /* after the time-out */

/* A place for a probe; kept and used again. */
struct slot {
	struct weir_http *http;
	struct slot *next_free;
	struct weir_target *target; /* NULL: free */
	CURL *easy;
	struct curl_slist *headers, *connect_to;
	size_t headers_len, body_len;
	uint64_t started_ns;
	int open_err; /* errno of a socket that could not be made */
	struct weir_tls_note tls;
	char body[BODY_MAX]; /* lower case */
};

struct weir_http {
	struct weir_multi *multi;
	struct slot *free;
};

#define set(slot, option, value)                                                                  \
	do {                                                                                      \
		CURLcode rc_ = curl_easy_setopt((slot)->easy, option, value);                     \
		assert(rc_ == CURLE_OK); /* else no memory, or another libcurl than built with */ \
	} while (0)

static curl_socket_t on_open(void *arg, curlsocktype purpose, struct curl_sockaddr *at)
{
	struct slot *s = arg;
	int fd = socket(at->family, at->socktype | SOCK_CLOEXEC, at->protocol);

	(void)purpose;
	if (fd >= 0)
		return fd;
	s->open_err = errno; /* libcurl would not tell */
	return CURL_SOCKET_BAD;
}

static size_t on_header(char *data, size_t size, size_t n, void *arg)
{
	struct slot *s = arg;

	(void)data;
	s->headers_len += size * n;
	return s->headers_len > HEADERS_MAX ? 0 : size * n; /* 0 ends the transfer */
}

static size_t on_body(char *data, size_t size, size_t n, void *arg)
{
	struct slot *s = arg;
	size_t len = size * n, room = BODY_MAX - s->body_len;
	size_t take = len < room ? len : room;

	for (size_t i = 0; i < take; i++)
		s->body[s->body_len + i] = (char)tolower((unsigned char)data[i]);
	s->body_len += take;
	return s->body_len == BODY_MAX ? 0 : len;
}

static void slot_free(struct slot *s)
{
	curl_easy_cleanup(s->easy);
	free(s);
}

static CURL *easy_new(void)
{
	CURL *easy = curl_easy_init();

	assert(easy);
	return easy;
}

static struct slot *slot_take(struct weir_http *h)
{
	struct slot *s = h->free;

	if (s) {
		h->free = s->next_free;
	} else {
		s = weir_new(struct slot);
		s->http = h;
		s->easy = easy_new();
	}
	s->headers_len = s->body_len = 0;
	s->open_err = 0;
	return s;
}

/* Makes the handle as new, before the lists it points to go. */
static void easy_renew(struct slot *s)
{
	long err = 0;

	curl_easy_getinfo(s->easy, CURLINFO_OS_ERRNO, &err);
	if (!err) {
		curl_easy_reset(s->easy);
		return;
	}
	curl_easy_cleanup(s->easy); /* a reset one still tells the errno of the old failure */
	s->easy = easy_new();
}

/* The transfer is over or removed. */
static void slot_give(struct slot *s)
{
	easy_renew(s);
	curl_slist_free_all(s->headers);
	curl_slist_free_all(s->connect_to);
	s->headers = s->connect_to = NULL;
	s->target->run = NULL;
	s->target = NULL;
	s->next_free = s->http->free;
	s->http->free = s;
}

static void append(struct curl_slist **list, const char *text)
{
	struct curl_slist *l = curl_slist_append(*list, text);

	assert(l);
	*list = l;
}

static void add_header(struct slot *s, const char *name, const char *value)
{
	size_t size = strlen(name) + strlen(value) + 3;
	char *line = weir_alloc(size, 1);

	snprintf(line, size, *value ? "%s: %s" : "%s;", name, value); /* libcurl's form for empty */
	append(&s->headers, line);
	free(line);
}

static void add_headers(struct slot *s)
{
	const struct weir_monitor *m = s->target->monitor;
	const char *host = s->target->origin->host, *named = weir_tls_host(s->target);

	if (host || (named && named == s->target->origin->host_name))
		add_header(s, "Host", named);
	for (uint32_t i = 0; i < m->n_headers; i++)
		if (!host || strcasecmp(m->headers[i].name, "Host") != 0)
			add_header(s, m->headers[i].name, m->headers[i].value);
	set(s, CURLOPT_HTTPHEADER, s->headers);
}

/* The host of the URL is the name for SNI and in the certificate, where there is one; what the
 * Host header says is add_headers()'s. Where it would say nothing it says the address. */
static void set_url(struct slot *s)
{
	const struct weir_target *t = s->target;
	bool tls = t->monitor->type == WEIR_MONITOR_HTTPS;
	size_t size = strlen(t->monitor->path) + WEIR_TLS_NAME + WEIR_SOCKADDR_TEXT;
	char at[WEIR_SOCKADDR_TEXT], name[WEIR_TLS_NAME];
	char *url = weir_alloc(size, 1);

	weir_sockaddr_text(&t->to, at);
	if (tls && weir_tls_server_name(t, name)) {
		snprintf(url, size, "https://%s:%u%s", name, t->to.port, t->monitor->path);
		if (t->tls->sni_hostname && !weir_tls_host(t))
			add_header(s, "Host", at);
	} else {
		snprintf(url, size, "%s://%s%s", tls ? "https" : "http", at, t->monitor->path);
	}
	set(s, CURLOPT_URL, url);
	free(url);
}

/* The address is the endpoint's whatever a redirect names: another server's answer is not its
 * health, and no probe waits for a resolver. */
static void set_address(struct slot *s)
{
	const union weir_addr *to = &s->target->to.addr;
	char host[WEIR_ADDR_TEXT], rule[WEIR_ADDR_TEXT + 8];

	weir_addr_text(to, host);
	snprintf(rule, sizeof(rule), weir_addr_is_v4(to) ? "::%s:" : "::[%s]:", host);
	append(&s->connect_to, rule);
	set(s, CURLOPT_CONNECT_TO, s->connect_to);
}

static void set_method(struct slot *s)
{
	const char *method = s->target->monitor->method;

	if (strcmp(method, "HEAD") == 0)
		set(s, CURLOPT_NOBODY, 1L);
	else if (strcmp(method, "GET") != 0)
		set(s, CURLOPT_CUSTOMREQUEST, method);
}

static void set_limits(struct slot *s)
{
	const struct weir_monitor *m = s->target->monitor;

	set(s, CURLOPT_TIMEOUT_MS, (long)m->timeout_ms);
	set(s, CURLOPT_NOSIGNAL, 1L);
	set(s, CURLOPT_PROXY, "");
	set(s, CURLOPT_NOPROXY, "*");
	set(s, CURLOPT_PROTOCOLS_STR, "http,https");
	set(s, CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
	set(s, CURLOPT_FOLLOWLOCATION, (long)m->follow_redirects);
	set(s, CURLOPT_MAXREDIRS, REDIRECTS_MAX);
	set(s, CURLOPT_DNS_CACHE_TIMEOUT, 0L); /* or it looks through all addresses each time */
	set(s, CURLOPT_FRESH_CONNECT, 1L);
	set(s, CURLOPT_FORBID_REUSE, 1L);
	set(s, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	set(s, CURLOPT_PATH_AS_IS, 1L);
	set(s, CURLOPT_USERAGENT, "weir/" WEIR_VERSION);
}

/* The attempt cannot be made as the configuration wants it. */
static void give_up(struct slot *s)
{
	struct weir_verdict v = { .reason = WEIR_REASON_CONFIG };
	struct weir_target *t = s->target;

	slot_give(s);
	weir_target_done(t, 0, &v);
}

static void http_start(struct weir_target *t)
{
	struct weir_http *h = t->tools->http;
	struct slot *s = slot_take(h);

	s->target = t;
	s->started_ns = uv_hrtime();
	t->run = s;
	set_url(s);
	set_address(s);
	set_method(s);
	set_limits(s);
	add_headers(s);
	if (weir_tls_is_used(t->monitor) && !weir_tls_set(s->easy, t, &s->tls)) {
		give_up(s);
		return;
	}
	set(s, CURLOPT_OPENSOCKETFUNCTION, on_open);
	set(s, CURLOPT_OPENSOCKETDATA, s);
	set(s, CURLOPT_HEADERFUNCTION, on_header);
	set(s, CURLOPT_HEADERDATA, s);
	set(s, CURLOPT_WRITEFUNCTION, on_body);
	set(s, CURLOPT_WRITEDATA, s);
	set(s, CURLOPT_PRIVATE, s);
	weir_multi_add(h->multi, s->easy);
}

static void http_stop(struct weir_target *t)
{
	struct slot *s = t->run;

	weir_multi_remove(s->http->multi, s->easy);
	slot_give(s);
}

const struct weir_engine weir_http_engine = { .start = http_start, .stop = http_stop };

static bool body_holds(const struct slot *s, const char *text)
{
	size_t len = strlen(text);
	char *lower;
	bool found;

	if (!len)
		return true;
	lower = weir_alloc(len, 1);
	for (size_t i = 0; i < len; i++)
		lower[i] = (char)tolower((unsigned char)text[i]);
	found = memmem(s->body, s->body_len, lower, len) != NULL;
	free(lower);
	return found;
}

/* A response that came in whole, or as much of it as is read. */
static void judge(const struct slot *s, struct weir_verdict *v)
{
	const struct weir_monitor *m = s->target->monitor;
	curl_off_t us = 0;

	if (!weir_monitor_expects(m, v->status)) {
		v->reason = WEIR_REASON_CODE_MISMATCH;
	} else if (!body_holds(s, m->expected_body)) {
		v->reason = WEIR_REASON_BODY_MISMATCH;
	} else {
		curl_easy_getinfo(s->easy, CURLINFO_STARTTRANSFER_TIME_T, &us);
		v->pass = true;
		v->reason = WEIR_REASON_NONE;
		v->rtt_us = us > 0 ? (uint32_t)us : 1;
	}
}

/* What failed below HTTP. As weir_target_done() wants it: 0, -ETIMEDOUT, or why this host could
 * not. */
static int blame(const struct slot *s, CURLcode result, struct weir_verdict *v)
{
	curl_off_t connected_us = 0;
	long err = 0;

	curl_easy_getinfo(s->easy, CURLINFO_CONNECT_TIME_T, &connected_us);
	curl_easy_getinfo(s->easy, CURLINFO_OS_ERRNO, &err);
	if (result == CURLE_OPERATION_TIMEDOUT) {
		v->reason = connected_us ? WEIR_REASON_HTTP_TIMEOUT : WEIR_REASON_TCP_TIMEOUT;
		return -ETIMEDOUT;
	}
	if (result == CURLE_COULDNT_CONNECT) {
		if (s->open_err)
			err = s->open_err;
		v->reason = weir_probe_reason((int)err);
		return !v->reason || err == ETIMEDOUT ? -(int)err : 0;
	}
	if (weir_tls_is_used(s->target->monitor))
		v->reason = weir_tls_reason(s->easy, result, &s->tls);
	if (!v->reason)
		v->reason = err == ECONNRESET || err == EPIPE ? WEIR_REASON_RESET
							      : WEIR_REASON_HTTP_INVALID;
	return 0;
}

/* What the result means: fills v and returns what weir_target_done() wants to know. */
static int conclude(const struct slot *s, CURLcode result, struct weir_verdict *v)
{
	long status = 0;

	curl_easy_getinfo(s->easy, CURLINFO_RESPONSE_CODE, &status);
	v->status = status >= 100 && status < 1000 ? (uint16_t)status : 0;
	switch (result) {
	case CURLE_OK:
		judge(s, v);
		return 0;
	case CURLE_WRITE_ERROR: /* cut off by us */
		if (s->body_len == BODY_MAX)
			judge(s, v);
		else
			v->reason = WEIR_REASON_HTTP_INVALID;
		return 0;
	case CURLE_UNSUPPORTED_PROTOCOL: /* of a redirect, or the response is not HTTP */
	case CURLE_TOO_MANY_REDIRECTS:
		v->reason = v->status ? WEIR_REASON_CODE_MISMATCH : WEIR_REASON_HTTP_INVALID;
		return 0;
	default:
		return blame(s, result, v);
	}
}

/* The time ran out while the loop was at something else: what the endpoint has sent may lie there
 * unread. Once an attempt, so that a host which is always late still gets verdicts. */
static bool is_excused(const struct slot *s, CURLcode result)
{
	uint64_t timeout_ns = s->target->monitor->timeout_ms * UINT64_C(1000000);

	return result == CURLE_OPERATION_TIMEDOUT && !s->target->excused &&
	       uv_hrtime() - s->started_ns > timeout_ns + LATE_NS;
}

static void on_done(void *http, CURL *easy, CURLcode result)
{
	struct weir_verdict v = { .pass = false };
	struct weir_target *t;
	struct slot *s;
	int err;

	(void)http;
	curl_easy_getinfo(easy, CURLINFO_PRIVATE, (char **)&s);
	t = s->target;
	if (is_excused(s, result)) {
		slot_give(s);
		t->excused = true;
		http_start(t);
		return;
	}
	err = conclude(s, result, &v);
	slot_give(s);
	weir_target_done(t, err, &v);
}

int weir_http_open(uv_loop_t *loop, struct weir_watches *watches, struct weir_http **out)
{
	struct weir_http *h = weir_new(struct weir_http);
	int err = weir_multi_open(loop, watches, 0, on_done, h, &h->multi);

	if (err) {
		free(h);
		return err;
	}
	*out = h;
	return 0;
}

void weir_http_close(struct weir_http *h)
{
	struct slot *s;

	if (!h)
		return;
	while ((s = h->free)) {
		h->free = s->next_free;
		slot_free(s);
	}
	weir_multi_close(h->multi);
	free(h);
}
