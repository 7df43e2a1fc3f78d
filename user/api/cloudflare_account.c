/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cloudflare_account.c - who asks, and the one account there is. */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "api/cloudflare_impl.h"

void cf_verify(struct api_request *r, const struct cf_kind *k)
{
	char id[CF_ID];

	(void)k;
	snprintf(id, sizeof(id), "%032llx", (unsigned long long)r->token.id);
	cf_reply(r, json_pack("{s:s, s:s}", "id", id, "status", "active"));
	cf_say(r, CF_AUTHENTICATION, "This API Token is valid and active");
}

/* Tokens are of no person: the user is whoever has this one. */
void cf_user(struct api_request *r, const struct cf_kind *k)
{
	char id[CF_ID];

	(void)k;
	snprintf(id, sizeof(id), "%032llx", (unsigned long long)r->token.id);
	cf_reply(r, json_pack("{s:s, s:s, s:s, s:n, s:n, s:b, s:b}", "id", id, "email", "",
			      "username", r->token.name, "first_name", "last_name", "suspended",
			      false, "two_factor_authentication_enabled", false));
}

static json_t *account(const struct api_request *r)
{
	return json_pack("{s:s, s:s, s:s, s:{s:b}}", "id", r->account_id, "name", r->account_name,
			 "type", "standard", "settings", "enforce_twofactor", false);
}

void cf_accounts(struct api_request *r, const struct cf_kind *k)
{
	const char *name = api_arg(r, "name");
	json_t *all = json_array();

	(void)k;
	if (!name || strcasecmp(name, r->account_name) == 0)
		json_array_append_new(all, account(r));
	cf_reply_list(r, all, 20, 1, 50);
}

void cf_account(struct api_request *r, const struct cf_kind *k)
{
	(void)k;
	cf_reply(r, account(r));
}
