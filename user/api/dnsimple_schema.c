/* SPDX-License-Identifier: GPL-2.0-or-later */
/* dnsimple_schema.c - what bodies of DNSimple's API hold, for the OpenAPI document. */
#include <string.h>

#include "api/dnsimple_impl.h"

#define REF(name)  "{\"$ref\":\"#/components/schemas/dnsimple." name "\"}"
#define DATA(of)   "{\"type\":\"object\",\"required\":[\"data\"],\"properties\":{\"data\":" of "}}"
#define LIST(of)   "{\"type\":\"array\",\"items\":" of "}"
#define OBJECT(of) "{\"type\":\"object\",\"properties\":{" of "}}"
#define TEXT       "{\"type\":\"string\"}"
#define NUMBER     "{\"type\":\"integer\"}"
#define BOOLEAN    "{\"type\":\"boolean\"}"
#define TIME       "{\"type\":\"string\",\"format\":\"date-time\"}"
#define MAYBE(t)   "{\"type\":[\"" t "\",\"null\"]}"
#define TTL        "{\"type\":[\"integer\",\"null\"],\"minimum\":0,\"maximum\":604800}"
#define PRIORITY   "{\"type\":[\"integer\",\"null\"],\"minimum\":0,\"maximum\":65535}"
#define REGIONS    "{\"type\":[\"array\",\"null\"],\"items\":" TEXT "}"
#define DATES      "\"created_at\":" TIME ",\"updated_at\":" TIME
#define EDITABLE                                                                        \
	"\"name\":" TEXT ",\"content\":" TEXT ",\"ttl\":" TTL ",\"priority\":" PRIORITY \
	",\"regions\":" REGIONS
#define PAGED(of)                                                                                \
	"{\"type\":\"object\",\"required\":[\"data\"],\"properties\":{\"data\":" LIST(           \
		of) ",\"pagination\":" OBJECT("\"current_page\":" NUMBER ",\"per_page\":" NUMBER \
					      ",\"total_entries\":" NUMBER                       \
					      ",\"total_pages\":" NUMBER) "}}"

static const struct {
	const char *name, *json;
} schemas[] = {
	{ "Account", OBJECT("\"id\":" NUMBER ",\"email\":" TEXT ",\"name\":" TEXT
			    ",\"plan_identifier\":" TEXT "," DATES) },
	{ "WhoamiReply", DATA(OBJECT("\"user\":" MAYBE("object") ",\"account\":" REF("Account"))) },
	{ "AccountsReply", DATA(LIST(REF("Account"))) },
	{ "Domain",
	  OBJECT("\"id\":" NUMBER ",\"account_id\":" NUMBER ",\"registrant_id\":" MAYBE(
		  "integer") ",\"name\":" TEXT ",\"unicode_name\":" TEXT ",\"state\":" TEXT
			     ",\"auto_renew\":" BOOLEAN ",\"private_whois\":" BOOLEAN
			     ",\"expires_at\":" MAYBE("string") "," DATES) },
	{ "DomainCreate",
	  "{\"type\":\"object\",\"required\":[\"name\"],\"properties\":{\"name\":" TEXT "}}" },
	{ "DomainReply", DATA(REF("Domain")) },
	{ "DomainsReply", PAGED(REF("Domain")) },
	{ "Zone",
	  OBJECT("\"id\":" NUMBER ",\"account_id\":" NUMBER ",\"name\":" TEXT
		 ",\"reverse\":" BOOLEAN ",\"secondary\":" BOOLEAN
		 ",\"last_transferred_at\":" MAYBE("string") ",\"active\":" BOOLEAN "," DATES) },
	{ "ZoneReply", DATA(REF("Zone")) },
	{ "ZonesReply", PAGED(REF("Zone")) },
	{ "ZoneFileReply", DATA(OBJECT("\"zone\":" TEXT)) },
	{ "DistributionReply", DATA(OBJECT("\"distributed\":" BOOLEAN)) },
	{ "NsRecords",
	  "{\"type\":\"object\",\"required\":[\"ns_names\"],\"properties\":{\"ns_names\":"
	  "{\"type\":\"array\",\"minItems\":1,\"items\":" TEXT
	  "},\"ns_set_ids\":" LIST(NUMBER) "}}" },
	{ "Record", OBJECT("\"id\":" NUMBER ",\"zone_id\":" TEXT ",\"parent_id\":" MAYBE(
			    "integer") ",\"type\":" TEXT ",\"system_record\":" BOOLEAN "," EDITABLE
				       "," DATES) },
	{ "RecordCreate",
	  "{\"type\":\"object\",\"required\":[\"name\",\"type\",\"content\"],\"properties\":{"
	  "\"type\":" TEXT "," EDITABLE "}}" },
	{ "RecordEdit", OBJECT(EDITABLE) },
	{ "RecordReply", DATA(REF("Record")) },
	{ "RecordsReply", PAGED(REF("Record")) },
	{ "RecordId",
	  "{\"type\":\"object\",\"required\":[\"id\"],\"properties\":{\"id\":" NUMBER "}}" },
	{ "RecordUpdate",
	  "{\"type\":\"object\",\"required\":[\"id\"],\"properties\":{\"id\":" NUMBER "," EDITABLE
	  "}}" },
	{ "Batch", OBJECT("\"deletes\":" LIST(REF("RecordId")) ",\"updates\":" LIST(
			   REF("RecordUpdate")) ",\"creates\":" LIST(REF("RecordCreate"))) },
	{ "BatchReply", DATA(OBJECT("\"deletes\":" LIST(REF("RecordId")) ",\"updates\":" LIST(
				REF("Record")) ",\"creates\":" LIST(REF("Record")))) },
};

json_t *dnsimple_schema(const char *name)
{
	for (size_t i = 0; i < sizeof(schemas) / sizeof(schemas[0]); i++)
		if (strcmp(schemas[i].name, name) == 0)
			return json_loads(schemas[i].json, 0, NULL);
	return NULL;
}
