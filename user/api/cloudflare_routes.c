/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cloudflare_routes.c - the operations there are, and what holds before any of them: the account
 * and the zone of the path. */
#include <string.h>

#include "api/cloudflare_impl.h"

#define LB    "load_balancers"
#define ALERT "accounts/{account}/alerting/v3/"
#define ZONE  "zones/{zone}/"

/* X(method, path, summary, query, request, response, function, kind, alone) */

#define RECORD_FILTERS                                                                       \
	"name name.exact name.contains name.startswith name.endswith content content.exact " \
	"content.contains content.startswith content.endswith type proxied comment "         \
	"comment.present comment.absent comment.exact comment.contains comment.startswith "  \
	"comment.endswith tag tag.present tag.absent tag.exact tag.contains tag.startswith " \
	"tag.endswith tag_match search match order direction page per_page"

/* The six of a kind below a path. */
#define CRUD(X, path, name, query, kind)                                                          \
	X("GET", path, "List " name "s", query, NULL, "list." name, cf_list, kind, false)         \
	X("POST", path, "Create a " name, NULL, name, "reply." name, cf_create, kind, false)      \
	X("GET", path "/{id}", "Get a " name, NULL, NULL, "reply." name, cf_get, kind, false)     \
	X("PUT", path "/{id}", "Replace a " name, NULL, name, "reply." name, cf_replace, kind,    \
	  false)                                                                                  \
	X("PATCH", path "/{id}", "Edit a " name, NULL, name, "reply." name, cf_edit, kind, false) \
	X("DELETE", path "/{id}", "Delete a " name, NULL, NULL, "reply.gone", cf_remove, kind,    \
	  false)

#define POOLS(X, root)                                                                           \
	CRUD(X, root LB "/pools", "pool", "monitor page per_page", &cf_pools)                    \
	X("PATCH", root LB "/pools", "Edit all pools", "page per_page", "bulk", "list.pool",     \
	  cf_pools_bulk, &cf_pools, false)                                                       \
	X("GET", root LB "/pools/{id}/health", "Get the health of a pool", NULL, NULL,           \
	  "reply.health", cf_pool_health, &cf_pools, false)                                      \
	X("POST", root LB "/pools/{id}/preview", "Probe a pool once", NULL, "monitor", NULL,     \
	  cf_preview_pool, &cf_pools, false)                                                     \
	X("GET", root LB "/pools/{id}/references", "List references of a pool", "page per_page", \
	  NULL, "list.reference", cf_references, &cf_pools, false)

#define MONITORS(X, root)                                                                      \
	CRUD(X, root LB "/monitors", "monitor", "page per_page", &cf_monitors)                 \
	X("POST", root LB "/monitors/{id}/preview", "Probe the pools of a monitor once", NULL, \
	  "monitor", NULL, cf_preview_monitor, &cf_monitors, false)                            \
	X("GET", root LB "/preview/{id}", "Get the results of a preview", NULL, NULL, NULL,    \
	  cf_preview, NULL, false)                                                             \
	X("GET", root LB "/monitors/{id}/references", "List references of a monitor",          \
	  "page per_page", NULL, "list.reference", cf_references, &cf_monitors, false)

#define ACCOUNT(X, root)                                                                          \
	CRUD(X, root LB "/monitor_groups", "monitor_group", "page per_page", &cf_groups)          \
	X("GET", root LB "/monitor_groups/{id}/references", "List references of a monitor group", \
	  "page per_page", NULL, "list.reference", cf_references, &cf_groups, false)              \
	X("GET", root LB "/regions", "List regions",                                              \
	  "country_code_a2 subdivision_code subdivision_code_a2", NULL, NULL, cf_regions, NULL,   \
	  false)                                                                                  \
	X("GET", root LB "/regions/{code}", "Get a region", NULL, NULL, NULL, cf_region, NULL,    \
	  false)                                                                                  \
	X("GET", root LB "/search", "Search load balancers, monitors and pools",                  \
	  "query references page per_page", NULL, NULL, cf_search, NULL, false)

#define ALERTS(X)                                                                                  \
	X("GET", ALERT "available_alerts", "List types of alerts", NULL, NULL, NULL,               \
	  cf_alerts_available, NULL, false)                                                        \
	X("GET", ALERT "destinations/eligible", "List mechanisms of delivery", NULL, NULL, NULL,   \
	  cf_mechanisms, NULL, false)                                                              \
	X("GET", ALERT "destinations/webhooks", "List webhooks", "page per_page", NULL,            \
	  "list.webhook", cf_list, &cf_webhooks, false)                                            \
	X("POST", ALERT "destinations/webhooks", "Create a webhook", NULL, "webhook",              \
	  "reply.gone", cf_create_alert, &cf_webhooks, false)                                      \
	X("GET", ALERT "destinations/webhooks/{id}", "Get a webhook", NULL, NULL, "reply.webhook", \
	  cf_get, &cf_webhooks, false)                                                             \
	X("PUT", ALERT "destinations/webhooks/{id}", "Replace a webhook", NULL, "webhook",         \
	  "reply.gone", cf_replace_alert, &cf_webhooks, false)                                     \
	X("DELETE", ALERT "destinations/webhooks/{id}", "Delete a webhook", NULL, NULL, NULL,      \
	  cf_remove_alert, &cf_webhooks, false)                                                    \
	X("GET", ALERT "policies", "List notification policies", "page per_page", NULL,            \
	  "list.policy", cf_list, &cf_policies, false)                                             \
	X("POST", ALERT "policies", "Create a notification policy", NULL, "policy", "reply.gone",  \
	  cf_create_alert, &cf_policies, false)                                                    \
	X("GET", ALERT "policies/{id}", "Get a notification policy", NULL, NULL, "reply.policy",   \
	  cf_get, &cf_policies, false)                                                             \
	X("PUT", ALERT "policies/{id}", "Edit a notification policy", NULL, "policy",              \
	  "reply.gone", cf_replace_alert, &cf_policies, false)                                     \
	X("DELETE", ALERT "policies/{id}", "Delete a notification policy", NULL, NULL, NULL,       \
	  cf_remove_alert, &cf_policies, false)                                                    \
	X("GET", ALERT "history", "List alerts that were sent", "since before page per_page",      \
	  NULL, NULL, cf_history, NULL, true)

#define DNS(X)                                                                                     \
	X("GET", ZONE "dns_records/export", "Get the zone as a file", NULL, NULL, NULL, cf_export, \
	  NULL, false)                                                                             \
	X("POST", ZONE "dns_records/batch", "Change many DNS records at once", NULL, "batch",      \
	  NULL, cf_batch, &cf_records, false)                                                      \
	X("GET", ZONE "dns_records", "List DNS records", RECORD_FILTERS, NULL, "list.record",      \
	  cf_list_records, &cf_records, false)                                                     \
	X("POST", ZONE "dns_records", "Create a DNS record", NULL, "record", "reply.record",       \
	  cf_create_record, &cf_records, false)                                                    \
	X("GET", ZONE "dns_records/{id}", "Get a DNS record", NULL, NULL, "reply.record", cf_get,  \
	  &cf_records, false)                                                                      \
	X("PUT", ZONE "dns_records/{id}", "Replace a DNS record", NULL, "record", "reply.record",  \
	  cf_replace_record, &cf_records, false)                                                   \
	X("PATCH", ZONE "dns_records/{id}", "Edit a DNS record", NULL, "record", "reply.record",   \
	  cf_edit_record, &cf_records, false)                                                      \
	X("DELETE", ZONE "dns_records/{id}", "Delete a DNS record", NULL, NULL, "reply.gone",      \
	  cf_remove, &cf_records, false)

#define ZONES(X)                                                                                   \
	X("GET", "zones", "List zones",                                                            \
	  "name status account.id account.name order direction match page per_page", NULL,         \
	  "list.zone", cf_list_zones, &cf_zones, false)                                            \
	X("POST", "zones", "Create a zone", NULL, "zone", "reply.zone", cf_create, &cf_zones,      \
	  false)                                                                                   \
	X("GET", "zones/{id}", "Get a zone", NULL, NULL, "reply.zone", cf_get, &cf_zones, false)   \
	X("PATCH", "zones/{id}", "Edit a zone", NULL, "zone", "reply.zone", cf_edit, &cf_zones,    \
	  false)                                                                                   \
	X("DELETE", "zones/{id}", "Delete a zone and all that is in it", NULL, NULL, "reply.gone", \
	  cf_delete_zone, &cf_zones, false)

#define WHO(X)                                                                                     \
	X("GET", "user", "Who has this token", NULL, NULL, NULL, cf_user, NULL, false)             \
	X("GET", "user/tokens/verify", "Verify a token", NULL, NULL, NULL, cf_verify, NULL, false) \
	X("GET", "accounts/{account}/tokens/verify", "Verify a token", NULL, NULL, NULL,           \
	  cf_verify, NULL, false)                                                                  \
	X("GET", "accounts", "List accounts", "name page per_page", NULL, NULL, cf_accounts, NULL, \
	  false)                                                                                   \
	X("GET", "accounts/{account}", "Get an account", NULL, NULL, NULL, cf_account, NULL,       \
	  false)                                                                                   \
	X("GET", "user/load_balancing_analytics/events", "List events of pools",                   \
	  "since until pool_id pool_name pool_healthy origin_name origin_healthy page per_page",   \
	  NULL, NULL, cf_events, NULL, true)

#define BALANCERS(X, root) CRUD(X, root LB, "load_balancer", "page per_page", &cf_lbs)

#define OF_ACCOUNT "accounts/{account}/"

/* What is spelled out stands before what {id} would take. */
#define OF_BOTH(X, root) POOLS(X, root) MONITORS(X, root)
#define ROUTES_1(X)      WHO(X) OF_BOTH(X, OF_ACCOUNT) OF_BOTH(X, "user/")
#define ROUTES_2(X)      ACCOUNT(X, OF_ACCOUNT) ALERTS(X) DNS(X) ZONES(X)
#define ROUTES_3(X)      BALANCERS(X, ZONE) BALANCERS(X, OF_ACCOUNT)
#define ROUTES(X)        ROUTES_1(X) ROUTES_2(X) ROUTES_3(X)

static const struct {
	cf_serve_fn *serve;
	const struct cf_kind *kind;
} operations[] = {
#define OPERATION(method, path, summary, query, request, response, function, kind, alone) \
	{ function, kind },
	ROUTES(OPERATION)
};

/* The account and the zone that the path names must be there. */
static void serve(struct api_request *r)
{
	size_t nth = (size_t)(r->route - cf_routes);
	const char *account = api_param(r, "account"), *zone = api_param(r, "zone");

	if (account && strcmp(account, r->account_id) != 0)
		cf_fail(r, 404, CF_UNKNOWN, NULL, "account not found: \"%s\"", account);
	else if (zone && !cf_zone(r))
		cf_fail(r, 404, CF_UNKNOWN, NULL, "Invalid zone identifier: \"%s\"", zone);
	else
		operations[nth].serve(r, operations[nth].kind);
}

const struct api_route cf_routes[] = {
#define ROUTE(method, path, summary, query, request, response, function, kind, alone) \
	{ method, path, summary, query, request, response, serve, false, alone },
	ROUTES(ROUTE){ 0 },
};
