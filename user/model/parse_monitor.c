/* SPDX-License-Identifier: GPL-2.0-or-later */
/* parse_monitor.c - monitors: how endpoints are probed. */
#include "model/parse.h"

#include <string.h>
#include <strings.h>

#define MAX_MONITORS 65536
#define MAX_HEADERS  64
#define TEXT_BYTES   1024
#define TIMEOUT_MS   5000
#define BODY_BYTES   10240 /* as much of an answer as is looked at */

static const char *const types[] = {
	"http", "https", "tcp", "udp_icmp", "icmp_ping", "smtp", NULL
};

const char *weir_monitor_type_text(enum weir_monitor_type type)
{
	return types[type];
}

static bool take_type(const struct weir_at *at, void *out)
{
	unsigned i;

	if (!weir_take_word(at, types, &i))
		return false;
	*(enum weir_monitor_type *)out = (enum weir_monitor_type)i;
	return true;
}

static void expect(struct weir_monitor *m, unsigned from, unsigned to)
{
	for (unsigned i = from; i <= to; i++)
		m->expected_codes[i / 8] |= (uint8_t)(1u << (i % 8));
}

/* One code or class, 200 or 2xx, at s; NULL: it is none, else what follows it. */
static const char *expect_one(struct weir_monitor *m, const char *s)
{
	unsigned first;

	if (*s < '1' || *s > '9')
		return NULL;
	first = (unsigned)(*s - '0') * 100;
	if (strncasecmp(s + 1, "xx", 2) == 0) {
		expect(m, first, first + 99);
		return s + 3;
	}
	for (unsigned place = 10; place; place /= 10) {
		s++;
		if (*s < '0' || *s > '9')
			return NULL;
		first += (unsigned)(*s - '0') * place;
	}
	expect(m, first, first);
	return s + 1;
}

/* A comma list of codes and classes; "" is the default. */
static bool take_codes(const struct weir_at *at, void *monitor)
{
	struct weir_monitor *m = monitor;
	const char *s;

	if (!weir_take_string(at, TEXT_BYTES, &s))
		return false;
	m->expected_text = weir_arena_strdup(at->p->arena, s);
	while (*s) {
		s += strspn(s, " ");
		s = expect_one(m, s);
		if (s)
			s += strspn(s, " ");
		if (!s || (*s && *s != ',') || (*s == ',' && !s[1]))
			return weir_at_fail(at,
					    "%s is not a list of status codes, as in \"200\", "
					    "\"2xx\" or \"200,301\"",
					    weir_quote(at->p, m->expected_text));
		s += *s == ',';
	}
	return true;
}

/* Visible ASCII, spaces and, inside, bytes beyond ASCII: nothing that ends a header line. */
static bool is_line(const char *s)
{
	for (; *s; s++)
		if ((unsigned char)*s < ' ' || *s == 0x7f)
			return false;
	return true;
}

static bool is_token(const char *s)
{
	return *s && !s[strspn(s, "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyz"
				  "ABCDEFGHIJKLMNOPQRSTUVWXYZ")];
}

/* The values of one header name, appended to the monitor's. */
static bool take_values(const struct weir_at *at, struct weir_monitor *m, struct weir_header *out)
{
	size_t n = json_array_size(at->v);
	const char *s;

	if (!json_is_array(at->v) || !n)
		return weir_at_fail(at, "must be a list of texts, as in Host: [example.com]");
	if (!is_token(at->key))
		return weir_at_fail(at, "is not a header name");
	if (strcasecmp(at->key, "User-Agent") == 0)
		return weir_at_fail(at, "User-Agent cannot be set");
	for (uint32_t i = 0; i < n; i++) {
		struct weir_at item = weir_at_item(at, i);

		if (m->n_headers == MAX_HEADERS)
			return weir_at_fail(&item, "more than %d headers", MAX_HEADERS);
		if (!weir_take_string(&item, TEXT_BYTES, &s))
			return false;
		if (!is_line(s))
			return weir_at_fail(&item, "holds a control character");
		out[m->n_headers++] = (struct weir_header){
			.name = weir_arena_strdup(at->p->arena, at->key),
			.value = weir_arena_strdup(at->p->arena, s),
		};
	}
	return true;
}

static bool take_headers(const struct weir_at *at, void *monitor)
{
	struct weir_monitor *m = monitor;
	struct weir_header *out =
		weir_arena_new_array(at->p->arena, MAX_HEADERS, struct weir_header);
	const char *key;
	json_t *v;

	if (!json_is_object(at->v))
		return weir_at_fail(at, "must be a mapping of names to lists of texts");
	json_object_foreach((json_t *)at->v, key, v)
	{
		struct weir_at member = weir_at_key(at, key);

		if (!take_values(&member, m, out))
			return false;
	}
	m->headers = out;
	return true;
}

static bool check_http(const struct weir_at *at, struct weir_monitor *m)
{
	static const char *const methods[] = { "GET", "HEAD", "OPTIONS", "POST", NULL };
	struct weir_at method = weir_at_key(at, "method");
	unsigned i;

	if (!*m->method)
		m->method = "GET";
	else if (!weir_take_word(&method, methods, &i))
		return false;
	if (!*m->path)
		m->path = "/";
	if (*m->path != '/' || strchr(m->path, ' ') || !is_line(m->path))
		return weir_at_fail_key(at, "path", "%s must begin with / and hold no space",
					weir_quote(at->p, m->path));
	if (*m->expected_body && strcmp(m->method, "HEAD") == 0)
		return weir_at_fail_key(at, "expected_body", "a HEAD request has no body");
	if (!m->expected_text || !*m->expected_text) {
		m->expected_text = "200";
		expect(m, 200, 200);
	}
	return true;
}

/* What only HTTP knows must not look as if it were checked. */
static bool check_other(const struct weir_at *at, struct weir_monitor *m)
{
	const char *key = *m->path                                ? "path"
			  : m->n_headers                          ? "header"
			  : m->expected_text && *m->expected_text ? "expected_codes"
			  : *m->expected_body                     ? "expected_body"
			  : m->follow_redirects                   ? "follow_redirects"
			  : m->allow_insecure                     ? "allow_insecure"
			  : *m->probe_zone                        ? "probe_zone"
								  : NULL;

	if (key)
		return weir_at_fail_key(at, key, "is for http and https monitors; this one is %s",
					weir_monitor_type_text(m->type));
	if (*m->method && strcmp(m->method, "connection_established") != 0)
		return weir_at_fail_key(at, "method",
					"%s is not \"connection_established\", the "
					"method of %s monitors",
					weir_quote(at->p, m->method),
					weir_monitor_type_text(m->type));
	m->method = "connection_established";
	m->expected_text = "";
	return true;
}

/* Results that count within a window, or in a row. */
static bool check_window(const struct weir_at *at, const struct weir_monitor *m)
{
	const char *in_a_row = m->consecutive_up     ? "consecutive_up"
			       : m->consecutive_down ? "consecutive_down"
						     : NULL;

	if (!m->window && (m->threshold || m->initial))
		return weir_at_fail_key(at, m->threshold ? "threshold" : "initial",
					"is of a window, and there is none");
	if (!m->window)
		return true;
	if (in_a_row)
		return weir_at_fail_key(at, in_a_row, "and window exclude each other");
	if (!m->threshold || m->threshold > m->window)
		return weir_at_fail_key(at, "threshold", "%u is not from 1 to the window, %u",
					m->threshold, m->window);
	return m->initial <= m->window ||
	       weir_at_fail_key(at, "initial", "%u is more than the window, %u", m->initial,
				m->window);
}

/* --- via: ours --- */

static bool take_via_mode(const struct weir_at *at, void *mode)
{
	static const char *const words[] = { "ipip", "gue", NULL };
	unsigned i;

	if (!weir_take_word(at, words, &i))
		return false;
	*(uint8_t *)mode = i ? WEIR_MODE_GUE : WEIR_MODE_IPIP;
	return true;
}

static bool take_via_vip(const struct weir_at *at, void *vip)
{
	uint32_t nth;

	if (!weir_take_addr(at, vip))
		return false;
	return weir_index_find(&at->p->vips, vip, sizeof(union weir_addr), &nth) ||
	       weir_at_fail(at, "is not one of agent.vips");
}

static bool take_via(const struct weir_at *at, void *monitor)
{
	static const struct weir_field fields[] = {
		WEIR_NAMED(weir_via, "forwarding", mode, take_via_mode, true),
		WEIR_TAKEN(weir_via, vip, take_via_vip, true),
	};
	struct weir_via *via = weir_arena_new_array(at->p->arena, 1, struct weir_via);

	if (!weir_take_fields(at, fields, WEIR_COUNT(fields), via))
		return false;
	via->gue_port = at->p->model->agent.gue_port;
	((struct weir_monitor *)monitor)->via = via;
	return true;
}

static bool check_via(const struct weir_at *at, const struct weir_monitor *m)
{
	return !m->via || m->type == WEIR_MONITOR_TCP ||
	       weir_at_fail_key(at, "via", "is for tcp monitors; this one is %s",
				weir_monitor_type_text(m->type));
}

static bool check_monitor(const struct weir_at *at, struct weir_monitor *m)
{
	uint32_t nth = at->index;

	if (!weir_index_add(&at->p->monitors, m->id, strlen(m->id), &nth))
		return weir_at_fail_key(at, "id", "%s is monitors[%u] already",
					weir_quote(at->p, m->id), nth);
	if (!m->timeout_ms) /* not given */
		m->timeout_ms = m->interval_ms < TIMEOUT_MS ? m->interval_ms : TIMEOUT_MS;
	if (m->timeout_ms > m->interval_ms)
		return weir_at_fail_key(at, "timeout", "%g s is longer than the interval of %g s",
					m->timeout_ms / 1e3, m->interval_ms / 1e3);
	if (!check_window(at, m))
		return false;
	m->consecutive_up += !m->consecutive_up;
	m->consecutive_down += !m->consecutive_down;
	return check_via(at, m) &&
	       (weir_monitor_is_http(m) ? check_http(at, m) : check_other(at, m));
}

static bool take_monitor(const struct weir_at *at, void *item)
{
	static const struct weir_field fields[] = {
		WEIR_TAKEN(weir_monitor, id, weir_take_id, true),
		WEIR_IGNORED("created_on"),
		WEIR_IGNORED("modified_on"),
		WEIR_TEXT(weir_monitor, description, TEXT_BYTES, ""),
		WEIR_TAKEN(weir_monitor, type, take_type, false),
		WEIR_TEXT(weir_monitor, method, 32, ""),
		WEIR_TEXT(weir_monitor, path, TEXT_BYTES, ""),
		WEIR_INT(weir_monitor, port, 0, 65535, 0),
		WEIR_CUSTOM("header", take_headers),
		WEIR_CUSTOM("expected_codes", take_codes),
		WEIR_TEXT(weir_monitor, expected_body, BODY_BYTES, ""),
		WEIR_DECIMAL(weir_monitor, "interval", interval_ms, 1000, 100, 3600000, 60000),
		WEIR_DECIMAL(weir_monitor, "timeout", timeout_ms, 1000, 50, 60000, 0),
		WEIR_INT(weir_monitor, retries, 0, 5, 2),
		WEIR_INT(weir_monitor, consecutive_up, 0, 1000, 0),
		WEIR_INT(weir_monitor, consecutive_down, 0, 1000, 0),
		WEIR_INT(weir_monitor, window, 0, 64, 0),
		WEIR_INT(weir_monitor, threshold, 0, 64, 0),
		WEIR_INT(weir_monitor, initial, 0, 64, 0),
		WEIR_BOOL(weir_monitor, follow_redirects, false),
		WEIR_BOOL(weir_monitor, allow_insecure, false),
		WEIR_TEXT(weir_monitor, probe_zone, 255, ""),
		WEIR_CUSTOM("via", take_via),
		WEIR_IGNORED("created_on"),
		WEIR_IGNORED("modified_on"),
	};

	return weir_take_fields(at, fields, WEIR_COUNT(fields), item) && check_monitor(at, item);
}

bool weir_take_monitors(const struct weir_at *at, void *model)
{
	struct weir_model *m = model;
	size_t n = json_array_size(at->v);

	weir_index_init(&at->p->monitors, n < MAX_MONITORS ? (uint32_t)n : MAX_MONITORS,
			at->p->arena);
	return weir_take_list(at, 0, MAX_MONITORS, sizeof(*m->monitors), take_monitor, &m->monitors,
			      &m->n_monitors);
}
