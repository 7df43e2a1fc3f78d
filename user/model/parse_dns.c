/* SPDX-License-Identifier: GPL-2.0-or-later */
/* parse_dns.c - agent.dns: where and how this balancer answers queries. */
#include "model/parse.h"

#include <string.h>

#define MAX_LISTEN   64
#define MAX_WORKERS  256
#define PATH_BYTES   200
#define SOCKET_BYTES 107
#define DNS_PORT     53
#define TLS_PORT     853
#define TOLD_BYTES   64
#define MAX_TSIG     64
#define MAX_TTL      604800

bool weir_take_socket(const struct weir_at *at, uint16_t port, struct weir_sockaddr *out)
{
	const char *s;

	if (!weir_take_string(at, 4096, &s))
		return false;
	return weir_sockaddr_parse(s, port, out) ||
	       weir_at_fail(at,
			    "%s is not an address and port, as in 192.0.2.1:%u or "
			    "[2001:db8::1]:%u",
			    weir_quote(at->p, s), port, port);
}

bool weir_take_socket_on(const struct weir_at *at, uint16_t port, struct weir_sockaddr *s)
{
	const struct weir_sockaddr *first = s - at->index;

	if (!weir_take_socket(at, port, s))
		return false;
	for (; first < s; first++)
		if (weir_addr_eq(&first->addr, &s->addr) && first->port == s->port)
			return weir_at_fail(at, "%s is listed twice",
					    weir_quote(at->p, json_string_value(at->v)));
	return true;
}

bool weir_take_socket_once(const struct weir_at *at, void *out)
{
	return weir_take_socket_on(at, DNS_PORT, out);
}

bool weir_take_file(const struct weir_at *at, void *out)
{
	const char *s;

	if (!weir_take_string(at, PATH_BYTES, &s))
		return false;
	if (*s != '/' || !s[1])
		return weir_at_fail(at, "%s is not an absolute path", weir_quote(at->p, s));
	*(const char **)out = weir_arena_strdup(at->p->arena, s);
	return true;
}

static bool take_listen(const struct weir_at *at, void *dns)
{
	struct weir_dns_conf *d = dns;

	return weir_take_list(at, 0, MAX_LISTEN, sizeof(*d->listen), weir_take_socket_once,
			      &d->listen, &d->n_listen);
}

static bool take_tls_socket(const struct weir_at *at, void *out)
{
	return weir_take_socket_on(at, TLS_PORT, out);
}

static bool take_tls_listen(const struct weir_at *at, void *tls)
{
	struct weir_dns_tls_conf *t = tls;

	return weir_take_list(at, 1, MAX_LISTEN, sizeof(*t->listen), take_tls_socket, &t->listen,
			      &t->n_listen);
}

static bool take_tls(const struct weir_at *at, void *tls)
{
	static const struct weir_field fields[] = {
		WEIR_REQUIRED("listen", take_tls_listen),
		WEIR_TAKEN(weir_dns_tls_conf, certificate, weir_take_file, true),
		WEIR_TAKEN(weir_dns_tls_conf, key, weir_take_file, true),
	};

	return weir_take_fields(at, fields, WEIR_COUNT(fields), tls);
}

/* TCP cannot be both on one address. */
static bool check_tls(const struct weir_at *at, const struct weir_dns_conf *d)
{
	char text[WEIR_SOCKADDR_TEXT];

	for (uint32_t i = 0; i < d->tls.n_listen; i++)
		for (uint32_t k = 0; k < d->n_listen; k++)
			if (d->tls.listen[i].port == d->listen[k].port &&
			    weir_addr_eq(&d->tls.listen[i].addr, &d->listen[k].addr))
				return weir_at_fail_key(at, "tls", "%s is in listen, too",
							weir_sockaddr_text(&d->listen[k], text));
	return true;
}

/* What a TXT record and an option can hold, and a terminal show. */
static bool take_told(const struct weir_at *at, void *out)
{
	const char *s;

	if (!weir_take_string(at, TOLD_BYTES, &s))
		return false;
	for (const char *c = s; *c; c++)
		if (*c < ' ' || *c > '~')
			return weir_at_fail(at, "must be of printable ASCII characters");
	*(const char **)out = weir_arena_strdup(at->p->arena, s);
	return true;
}

/* The name of a socket has a limit of the kernel's. */
static bool take_socket_path(const struct weir_at *at, void *out)
{
	const char *s;

	if (!weir_take_file(at, &s))
		return false;
	if (strlen(s) > SOCKET_BYTES)
		return weir_at_fail(at, "is longer than %d bytes", SOCKET_BYTES);
	*(const char **)out = s;
	return true;
}

static bool take_tap(const struct weir_at *at, void *tap)
{
	static const struct weir_field fields[] = {
		WEIR_TAKEN(weir_dns_tap_conf, socket, take_socket_path, false),
		WEIR_TAKEN(weir_dns_tap_conf, file, weir_take_file, false),
		WEIR_DECIMAL(weir_dns_tap_conf, "sample", sample, WEIR_DNS_TAP_ALL, 0,
			     WEIR_DNS_TAP_ALL, WEIR_DNS_TAP_ALL),
		WEIR_TAKEN(weir_dns_tap_conf, identity, take_told, false),
	};
	struct weir_dns_tap_conf *t = tap;

	if (!weir_take_fields(at, fields, WEIR_COUNT(fields), tap))
		return false;
	return !t->socket != !t->file ||
	       weir_at_fail(at, "must have either socket or file%s", t->socket ? ", not both" : "");
}

static bool take_secret(const struct weir_at *at, void *dns)
{
	struct weir_dns_conf *d = dns;
	const char *s;

	if (!weir_take_string(at, 4096, &s))
		return false;
	d->has_cookie_secret = true;
	return (strlen(s) == 2 * sizeof(d->cookie_secret) &&
		weir_hex_bytes(s, d->cookie_secret, sizeof(d->cookie_secret))) ||
	       weir_at_fail(at, "must be 32 hexadecimal digits");
}

/* --- keys of other servers --- */

/* RFC 4648, 4. Returns how many bytes, -1: it is not base64 or longer than size. */
static int base64_bytes(const char *s, uint8_t *out, size_t size)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	size_t len = strlen(s), pad = 0, n = 0;

	while (pad < 2 && pad < len && s[len - 1 - pad] == '=')
		pad++;
	if (len % 4)
		return -1;
	for (size_t i = 0, bits = 0; i < len - pad; i++) {
		const char *d = strchr(digits, s[i]);

		if (!d)
			return -1;
		bits = bits << 6 | (size_t)(d - digits);
		if (i % 4 && n == size)
			return -1;
		if (i % 4)
			out[n++] = (uint8_t)(bits >> (6 - 2 * (i % 4)));
	}
	return (int)n;
}

static bool take_key_secret(const struct weir_at *at, void *key)
{
	struct weir_tsig_key *k = key;
	uint8_t bytes[128];
	const char *s;
	int n;

	if (!weir_take_string(at, 4096, &s))
		return false;
	n = base64_bytes(s, bytes, sizeof(bytes));
	if (n < 16)
		return weir_at_fail(at, "must be 16 to 128 bytes in base64");
	k->secret = memcpy(weir_arena_alloc(at->p->arena, (size_t)n, 1), bytes, (size_t)n);
	k->secret_bytes = (uint16_t)n;
	return true;
}

static bool take_algorithm(const struct weir_at *at, void *key)
{
	static const char *const words[] = { "hmac-sha256", "hmac-sha384", "hmac-sha512", NULL };
	unsigned i;

	if (!weir_take_word(at, words, &i))
		return false;
	((struct weir_tsig_key *)key)->algorithm = (uint8_t)i;
	return true;
}

static bool take_tsig_key(const struct weir_at *at, void *item)
{
	static const struct weir_field fields[] = {
		WEIR_TAKEN(weir_tsig_key, name, weir_take_domain, true),
		WEIR_CUSTOM("algorithm", take_algorithm),
		WEIR_REQUIRED("secret", take_key_secret),
	};
	const struct weir_tsig_key *k = item;

	if (!weir_take_fields(at, fields, WEIR_COUNT(fields), item))
		return false;
	for (uint32_t i = 1; i <= at->index; i++)
		if (strcmp((k - i)->name, k->name) == 0)
			return weir_at_fail_key(at, "name", "%s is tsig_keys[%u] already",
						weir_quote(at->p, k->name), at->index - i);
	return true;
}

static bool take_tsig_keys(const struct weir_at *at, void *dns)
{
	struct weir_dns_conf *d = dns;

	return weir_take_list(at, 0, MAX_TSIG, sizeof(*d->tsig_keys), take_tsig_key, &d->tsig_keys,
			      &d->n_tsig_keys);
}

static bool take_name_servers(const struct weir_at *at, void *dns)
{
	struct weir_dns_conf *d = dns;

	return weir_take_name_servers(at, &d->name_servers, &d->n_name_servers);
}

bool weir_take_dns(const struct weir_at *at, void *dns)
{
	static const struct weir_field fields[] = {
		WEIR_CUSTOM("listen", take_listen),
		WEIR_TAKEN(weir_dns_conf, tls, take_tls, false),
		WEIR_NAMED(weir_dns_conf, "dnstap", tap, take_tap, false),
		WEIR_INT(weir_dns_conf, workers, 1, MAX_WORKERS, 0),
		WEIR_TAKEN(weir_dns_conf, kernel, weir_take_dns_kernel, false),
		WEIR_TAKEN(weir_dns_conf, rate_limit, weir_take_dns_limit, false),
		WEIR_TAKEN(weir_dns_conf, nsid, take_told, false),
		WEIR_TAKEN(weir_dns_conf, version, take_told, false),
		WEIR_TAKEN(weir_dns_conf, keys, weir_take_file, false),
		WEIR_BOOL(weir_dns_conf, cookies, true),
		WEIR_INT(weir_dns_conf, minimum_ttl, 0, MAX_TTL, WEIR_TTL_HALF),
		WEIR_CUSTOM("tsig_keys", take_tsig_keys),
		WEIR_CUSTOM("name_servers", take_name_servers),
		WEIR_CUSTOM("cookie_secret", take_secret),
	};

	return weir_take_fields(at, fields, WEIR_COUNT(fields), dns) && check_tls(at, dns);
}
