/* SPDX-License-Identifier: GPL-2.0-or-later */
/* parse_api.c - agent.api: who may use the vendors' APIs, from where. */
#include "model/parse.h"

#include <string.h>

#define MAX_LISTEN 2
#define API_PORT   8651
#define NAME_BYTES 100

static bool take_socket(const struct weir_at *at, void *out)
{
	return weir_take_socket_on(at, API_PORT, out);
}

static bool take_listen(const struct weir_at *at, void *api)
{
	struct weir_api_conf *a = api;

	return weir_take_list(at, 0, MAX_LISTEN, sizeof(*a->listen), take_socket, &a->listen,
			      &a->n_listen);
}

static bool take_tls(const struct weir_at *at, void *api)
{
	static const struct weir_field fields[] = {
		WEIR_TAKEN(weir_api_conf, certificate, weir_take_file, true),
		WEIR_TAKEN(weir_api_conf, key, weir_take_file, true),
	};

	return weir_take_fields(at, fields, WEIR_COUNT(fields), api);
}

static bool take_account_id(const struct weir_at *at, void *api)
{
	uint8_t bytes[16];
	const char *s;

	if (!weir_take_string(at, 4096, &s))
		return false;
	if (strlen(s) != 32 || !weir_hex_bytes(s, bytes, sizeof(bytes)) || s[strcspn(s, "ABCDEF")])
		return weir_at_fail(at, "must be 32 hexadecimal digits, lower case");
	((struct weir_api_conf *)api)->account_id = weir_arena_strdup(at->p->arena, s);
	return true;
}

static bool take_account_name(const struct weir_at *at, void *api)
{
	const char *s;

	if (!weir_take_string(at, NAME_BYTES, &s))
		return false;
	if (!*s)
		return weir_at_fail(at, "must not be empty");
	for (const char *c = s; *c; c++)
		if ((unsigned char)*c < ' ' || *c == 0x7f)
			return weir_at_fail(at, "holds a control character");
	((struct weir_api_conf *)api)->account_name = weir_arena_strdup(at->p->arena, s);
	return true;
}

static bool take_account(const struct weir_at *at, void *api)
{
	static const struct weir_field fields[] = {
		WEIR_CUSTOM("id", take_account_id),
		WEIR_CUSTOM("name", take_account_name),
	};

	return weir_take_fields(at, fields, WEIR_COUNT(fields), api);
}

bool weir_take_api(const struct weir_at *at, void *agent)
{
	static const struct weir_field fields[] = {
		WEIR_CUSTOM("listen", take_listen),
		WEIR_CUSTOM("tls", take_tls),
		WEIR_BOOL(weir_api_conf, insecure, false),
		WEIR_CUSTOM("account", take_account),
	};

	return weir_take_fields(at, fields, WEIR_COUNT(fields),
				&((struct weir_agent_conf *)agent)->api);
}

static bool is_loopback(const union weir_addr *a)
{
	static const union weir_addr one = { .b = { [15] = 1 } };

	return weir_addr_is_v4(a) ? a->b[12] == 127 : weir_addr_eq(a, &one);
}

/* Whoever can read the wire could take tokens from there; agent.control does not even ask for one.
 */
bool weir_check_api(const struct weir_at *at, const struct weir_agent_conf *a)
{
	struct weir_at api = weir_at_key(at, "api"), listen = weir_at_key(&api, "listen");
	char text[WEIR_SOCKADDR_TEXT];

	for (uint32_t i = 0; i < a->api.n_listen; i++) {
		struct weir_at item = weir_at_item(&listen, i);

		if (a->api.listen[i].port == a->control.port &&
		    weir_addr_eq(&a->api.listen[i].addr, &a->control.addr))
			return weir_at_fail(&item, "%s is agent.control, too",
					    weir_sockaddr_text(&a->control, text));
	}
	if (a->api.insecure)
		return true;
	if (!is_loopback(&a->control.addr))
		return weir_at_fail_key(at, "control",
					"%s is not a loopback address, and whoever reaches it "
					"controls the balancer without a token; agent.api.insecure "
					"allows that",
					weir_sockaddr_text(&a->control, text));
	for (uint32_t i = 0; i < a->api.n_listen && !a->api.certificate; i++) {
		struct weir_at item = weir_at_item(&listen, i);

		if (!is_loopback(&a->api.listen[i].addr))
			return weir_at_fail(&item,
					    "%s is not a loopback address: it needs agent.api.tls, "
					    "or agent.api.insecure to do without",
					    weir_sockaddr_text(&a->api.listen[i], text));
	}
	return true;
}
