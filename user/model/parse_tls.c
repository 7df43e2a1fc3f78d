/* SPDX-License-Identifier: GPL-2.0-or-later */
/* parse_tls.c - tls_* of pools: what https probes demand of a server and show to it. Certificates
 * and keys are PEM texts or absolute paths of such files, which are read anew for each probe. What
 * is in them only TLS can tell: a probe that cannot use them says so. */
#include "model/parse.h"

#include <ctype.h>
#include <string.h>

#define PEM_BYTES    65536
#define CIPHER_BYTES 1024

bool weir_take_tls_version(const struct weir_at *at, void *out)
{
	static const char *const words[] = { "1.0", "1.1", "1.2", "1.3" };
	const char *s = json_string_value(at->v);
	uint8_t i;

	for (i = 0; i < WEIR_COUNT(words); i++)
		if (s ? strcmp(s, words[i]) == 0
		      : json_is_real(at->v) && json_real_value(at->v) == 1 + i / 10.0)
			break;
	if (i == WEIR_COUNT(words))
		return weir_at_fail(at, "must be a version of TLS: 1.0, 1.1, 1.2 or 1.3");
	*(uint8_t *)out = WEIR_TLS_1_0 + i;
	return true;
}

bool weir_take_tls_ciphers(const struct weir_at *at, void *out)
{
	const char *s;

	if (!weir_take_string(at, CIPHER_BYTES, &s))
		return false;
	for (const char *c = s; *c; c++)
		if (!isalnum((unsigned char)*c) && !strchr("-_+!@=:, .", *c))
			return weir_at_fail(at,
					    "%s is not a list of ciphers as OpenSSL writes it, "
					    "with colons between them",
					    weir_quote(at->p, s));
	*(const char **)out = *s ? weir_arena_strdup(at->p->arena, s) : NULL;
	return true;
}

/* Whether there is a block in s whose name ends with the given one, and its end. */
static bool has_block(const char *s, const char *name)
{
	char line[64];
	const char *end;

	for (; (s = strstr(s, "-----BEGIN ")); s = end) {
		size_t len = strcspn(s += 11, "\r\n");

		end = s + len;
		if (len < strlen(name) || len >= sizeof(line) ||
		    memcmp(end - strlen(name), name, strlen(name)) != 0)
			continue;
		memcpy(line, s, len);
		line[len] = 0;
		s = strstr(end, "-----END ");
		return s && strncmp(s + 9, line, len) == 0;
	}
	return false;
}

static bool take_pem(const struct weir_at *at, const char *block, const char *what, void *out)
{
	const char *s;

	if (!weir_take_string(at, PEM_BYTES, &s))
		return false;
	if (*s && *s != '/' && !has_block(s, block))
		return weir_at_fail(
			at, "is neither the absolute path of a file nor PEM text with %s", what);
	if (*s && *s != '/' && strstr(s, "ENCRYPTED"))
		return weir_at_fail(at,
				    "is encrypted, and there is nobody to ask for the password");
	*(const char **)out = *s ? weir_arena_strdup(at->p->arena, s) : NULL;
	return true;
}

bool weir_take_tls_cert(const struct weir_at *at, void *out)
{
	return take_pem(at, "CERTIFICATE-----", "a certificate", out);
}

bool weir_take_tls_key(const struct weir_at *at, void *out)
{
	return take_pem(at, "PRIVATE KEY-----", "a private key", out);
}

bool weir_take_tls_name(const struct weir_at *at, void *out)
{
	const char *s = json_string_value(at->v);

	return s && !*s ? true : weir_take_domain(at, out);
}

bool weir_check_tls(const struct weir_at *at, const struct weir_tls *tls)
{
	if (tls->min_version && tls->max_version && tls->min_version > tls->max_version)
		return weir_at_fail_key(at, "max_tls_version", "is less than min_tls_version");
	if (tls->client_cert && !tls->client_key)
		return weir_at_fail_key(at, "tls_client_cert", "needs tls_client_key");
	if (tls->client_key && !tls->client_cert)
		return weir_at_fail_key(at, "tls_client_key", "needs tls_client_cert");
	if (!tls->check_cert && (tls->ca_cert || tls->cert_hostname))
		return weir_at_fail_key(at, tls->ca_cert ? "tls_ca_cert" : "tls_cert_hostname",
					"means nothing while tls_check_cert is false");
	return true;
}
