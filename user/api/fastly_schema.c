/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fastly_schema.c - what bodies of Fastly's API hold, for the OpenAPI document. Values of forms are
 * texts, whatever they mean. */
#include <string.h>

#include "api/fastly_impl.h"

#define REF(name)  "{\"$ref\":\"#/components/schemas/fastly." name "\"}"
#define LIST(of)   "{\"type\":\"array\",\"items\":" of "}"
#define OBJECT(of) "{\"type\":\"object\",\"properties\":{" of "}}"
#define TEXT       "{\"type\":\"string\"}"
#define MAYBE      "{\"type\":[\"string\",\"null\"]}"
#define NUMBER     "{\"type\":\"integer\"}"
#define BOOLEAN    "{\"type\":\"boolean\"}"
#define FORM       "{\"type\":\"object\",\"additionalProperties\":true,\"properties\":{"
#define OF_VERSION                                                                            \
	"\"service_id\":" TEXT ",\"name\":" TEXT ",\"comment\":" TEXT ",\"created_at\":" TEXT \
	",\"updated_at\":" TEXT
#define POOL                                                                       \
	"\"type\":" TEXT ",\"healthcheck\":" MAYBE ",\"request_condition\":" MAYBE \
	",\"override_host\":" MAYBE
#define SERVER "\"address\":" TEXT ",\"comment\":" TEXT ",\"override_host\":" MAYBE

static const struct {
	const char *name, *json;
} schemas[] = {
	{ "Status", OBJECT("\"status\":" TEXT) },
	{ "Validation", OBJECT("\"status\":{\"enum\":[\"ok\",\"error\"]},\"msg\":" MAYBE) },
	{ "Version", OBJECT("\"number\":" NUMBER ",\"service_id\":" TEXT ",\"active\":" BOOLEAN
			    ",\"locked\":" BOOLEAN ",\"deployed\":" BOOLEAN ",\"staging\":" BOOLEAN
			    ",\"testing\":" BOOLEAN ",\"comment\":" TEXT ",\"msg\":" TEXT) },
	{ "Versions", LIST(REF("Version")) },
	{ "VersionForm", FORM "\"comment\":" TEXT "}}" },
	{ "VersionCreated", OBJECT("\"service_id\":" TEXT ",\"number\":" NUMBER) },
	{ "Service",
	  OBJECT("\"id\":" TEXT ",\"name\":" TEXT ",\"type\":{\"enum\":[\"vcl\",\"wasm\"]}"
		 ",\"comment\":" TEXT ",\"customer_id\":" TEXT ",\"paused\":" BOOLEAN
		 ",\"versions\":" LIST(REF("Version"))) },
	{ "Services", LIST(REF("Service")) },
	{ "ServiceForm", FORM "\"name\":" TEXT ",\"type\":" TEXT ",\"comment\":" TEXT "}}" },
	{ "Pool", OBJECT("\"id\":" TEXT ",\"version\":" TEXT
			 ",\"quorum\":{\"type\":[\"string\",\"integer\"]},\"use_tls\":" TEXT
			 ",\"max_conn_default\":" TEXT "," OF_VERSION "," POOL) },
	{ "PoolList", LIST(REF("Pool")) },
	{ "PoolForm",
	  FORM "\"name\":" TEXT ",\"comment\":" TEXT ",\"quorum\":" TEXT "," POOL "}}" },
	{ "Healthcheck",
	  OBJECT("\"version\":" NUMBER ",\"check_interval\":" NUMBER ",\"timeout\":" NUMBER
		 ",\"window\":" NUMBER ",\"threshold\":" NUMBER ",\"initial\":" NUMBER
		 ",\"expected_response\":" NUMBER ",\"method\":" TEXT ",\"path\":" TEXT
		 ",\"host\":" TEXT ",\"headers\":" LIST(TEXT) "," OF_VERSION) },
	{ "HealthcheckList", LIST(REF("Healthcheck")) },
	{ "HealthcheckForm",
	  FORM "\"name\":" TEXT ",\"check_interval\":" TEXT ",\"window\":" TEXT
	       ",\"threshold\":" TEXT ",\"initial\":" TEXT ",\"path\":" TEXT "}}" },
	{ "Condition", OBJECT("\"version\":" TEXT ",\"type\":" TEXT ",\"statement\":" TEXT
			      ",\"priority\":" TEXT "," OF_VERSION) },
	{ "ConditionList", LIST(REF("Condition")) },
	{ "ConditionForm", FORM "\"name\":" TEXT ",\"type\":" TEXT ",\"statement\":" TEXT "}}" },
	{ "Backend", OBJECT("\"version\":" NUMBER ",\"address\":" TEXT ",\"port\":" NUMBER
			    ",\"weight\":" NUMBER ",\"use_ssl\":" BOOLEAN "," OF_VERSION) },
	{ "BackendList", LIST(REF("Backend")) },
	{ "BackendForm", FORM "\"name\":" TEXT ",\"address\":" TEXT ",\"port\":" TEXT "}}" },
	{ "Director", OBJECT("\"version\":" NUMBER ",\"type\":" NUMBER ",\"quorum\":" NUMBER
			     ",\"retries\":" NUMBER ",\"capacity\":" NUMBER
			     ",\"backends\":" LIST(TEXT) "," OF_VERSION) },
	{ "DirectorList", LIST(REF("Director")) },
	{ "DirectorForm", FORM "\"name\":" TEXT ",\"type\":" TEXT ",\"quorum\":" TEXT "}}" },
	{ "Domain", OBJECT("\"version\":" NUMBER "," OF_VERSION) },
	{ "DomainList", LIST(REF("Domain")) },
	{ "DomainForm", FORM "\"name\":" TEXT ",\"comment\":" TEXT "}}" },
	{ "Server",
	  OBJECT("\"id\":" TEXT ",\"service_id\":" TEXT ",\"pool_id\":" TEXT ",\"port\":" TEXT
		 ",\"weight\":" TEXT ",\"max_conn\":" TEXT ",\"disabled\":" BOOLEAN "," SERVER) },
	{ "Servers", LIST(REF("Server")) },
	{ "ServerForm", FORM "\"port\":" TEXT ",\"weight\":" TEXT ",\"max_conn\":" TEXT
			     ",\"disabled\":" TEXT "," SERVER "}}" },
};

json_t *fastly_schema(const char *name)
{
	for (size_t i = 0; i < sizeof(schemas) / sizeof(schemas[0]); i++)
		if (strcmp(schemas[i].name, name) == 0)
			return json_loads(schemas[i].json, 0, NULL);
	return NULL;
}
