/* SPDX-License-Identifier: GPL-2.0-or-later */
/* auth.c - who may: tokens by their hashes, and those who try too often. */
#include <openssl/sha.h>
#include <stdlib.h>
#include <string.h>

#include "api/api_impl.h"
#include "base/hash.h"
#include "base/mem.h"

#define KNOWN_MAX 64 /* tokens that were found lately */
#define KNOWN_NS  (UINT64_C(600) * 1000000000)
#define TRIED_MAX 1024 /* clients that came with wrong tokens */
#define TRIES_MAX 20   /* of one client in */
#define TRIES_NS  (UINT64_C(60) * 1000000000)

/* A token that the store has: it is asked only so often, and reads need not wait while it is in
 * use. */
struct known {
	uint8_t hash[WEIR_TOKEN_HASH];
	struct weir_token token;
	uint64_t until_ns; /* 0: none */
};

struct tried {
	uint64_t client; /* a hash of its address */
	uint64_t began_ns;
	unsigned n;
};

struct api_auth {
	struct known known[KNOWN_MAX];
	struct tried tried[TRIED_MAX];
};

struct api_auth *api_auth_new(void)
{
	return weir_new(struct api_auth);
}

void api_auth_free(struct api_auth *auth)
{
	free(auth);
}

void api_auth_forget(struct api_auth *auth)
{
	memset(auth->known, 0, sizeof(auth->known));
}

void api_hash(const char *secret, uint8_t hash[WEIR_TOKEN_HASH])
{
	SHA256((const unsigned char *)secret, strlen(secret), hash);
}

const char *api_bearer(const struct api_request *r)
{
	const char *value = api_header(r, MHD_HTTP_HEADER_AUTHORIZATION);

	if (!value || strncasecmp(value, "Bearer ", 7) != 0)
		return NULL;
	value += 7;
	value += strspn(value, " ");
	return *value ? value : NULL;
}

/* --- tokens --- */

/* Takes as long wherever they differ. */
static bool same(const uint8_t *a, const uint8_t *b)
{
	uint8_t differ = 0;

	for (size_t i = 0; i < WEIR_TOKEN_HASH; i++)
		differ |= a[i] ^ b[i];
	return !differ;
}

static const struct known *find_known(const struct api_auth *auth, const uint8_t *hash)
{
	const struct known *found = NULL;
	uint64_t now_ns = uv_hrtime();

	for (size_t i = 0; i < KNOWN_MAX; i++)
		if (same(auth->known[i].hash, hash) && now_ns < auth->known[i].until_ns)
			found = &auth->known[i];
	return found;
}

/* In the place of the one that was asked for longest ago. */
static void learn(struct api_auth *auth, const uint8_t *hash, const struct weir_token *token)
{
	struct known *oldest = &auth->known[0];

	for (size_t i = 1; i < KNOWN_MAX; i++)
		if (auth->known[i].until_ns < oldest->until_ns)
			oldest = &auth->known[i];
	memcpy(oldest->hash, hash, WEIR_TOKEN_HASH);
	oldest->token = *token;
	oldest->until_ns = uv_hrtime() + KNOWN_NS;
}

/* --- those who try --- */

static struct tried *tries_of(struct api_call *call)
{
	uint64_t client = weir_hash_bytes(0, call->from, strlen(call->from));
	struct tried *t = &call->api->auth->tried[client % TRIED_MAX];
	uint64_t now_ns = uv_hrtime();

	if (t->client != client || now_ns - t->began_ns > TRIES_NS)
		*t = (struct tried){ .client = client, .began_ns = now_ns };
	return t;
}

static enum api_admission refuse(struct api_call *call, bool has_one, bool write)
{
	call->r.vendor->unauthorized(&call->r, has_one, write);
	if (!call->r.status)
		call->r.status = write ? MHD_HTTP_FORBIDDEN : MHD_HTTP_UNAUTHORIZED;
	return API_REFUSED;
}

static enum api_admission ask_store(struct api_call *call, const uint8_t *hash)
{
	struct api_request *r = &call->r;
	struct tried *t = tries_of(call);
	struct weir_err err = { 0 };

	if (t->n >= TRIES_MAX) {
		api_fail(call, MHD_HTTP_TOO_MANY_REQUESTS,
			 "too many requests with wrong tokens from %s; try again in a minute",
			 call->from);
		return API_REFUSED;
	}
	if (weir_agent_store_is_away(r->agent))
		return API_LATER;
	if (!weir_agent_store(r->agent)) {
		api_fail(call, MHD_HTTP_SERVICE_UNAVAILABLE,
			 "there are no tokens: agent.store is not configured");
		return API_REFUSED;
	}
	if (weir_store_find_token(weir_agent_store(r->agent), hash, api_wall_ms(), &r->token,
				  &err)) {
		learn(call->api->auth, hash, &r->token);
		return API_ADMITTED;
	}
	if (err.text[0]) {
		api_fail(call, MHD_HTTP_INTERNAL_SERVER_ERROR, "%s: %s", err.path, err.text);
		return API_REFUSED;
	}
	t->n++;
	return refuse(call, true, false);
}

/* The hash of the token that comes with a request. False: there is none. */
static bool hash_of(const struct api_request *r, uint8_t hash[WEIR_TOKEN_HASH])
{
	const char *secret = r->vendor->token(r);
	char *user = NULL, *password = NULL;

	if (!secret && r->vendor->basic) {
		user = MHD_basic_auth_get_username_password(r->connection, &password);
		secret = password;
	}
	if (secret)
		api_hash(secret, hash);
	MHD_free(user);
	MHD_free(password);
	return secret != NULL;
}

static enum api_admission admit(struct api_call *call)
{
	struct api_request *r = &call->r;
	const struct known *known;
	uint8_t hash[WEIR_TOKEN_HASH];
	enum api_admission may;

	if (call->at->control && r->vendor == &api_weir) {
		r->token = (struct weir_token){ .name = "control", .may_write = true };
		return API_ADMITTED;
	}
	if (r->route && r->route->open)
		return API_ADMITTED;
	if (!hash_of(r, hash))
		return refuse(call, false, false);
	known = find_known(call->api->auth, hash);
	if (known)
		r->token = known->token;
	may = known ? API_ADMITTED : ask_store(call, hash);
	return may == API_ADMITTED && call->write && !r->token.may_write ? refuse(call, true, true)
									 : may;
}

enum api_admission api_admit(struct api_call *call)
{
	enum api_admission may = admit(call);

	call->admitted = may == API_ADMITTED;
	return may;
}
