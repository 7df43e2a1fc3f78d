/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fuzz_dns.c - any bytes as a DNS query: the answer is none, or a correct message no larger than
 * allowed, which ldns can read as well, and is what the counters are told; of signed zones one that
 * a validator finds right, and a zone that is asked for whole is read by ldns message by message.
 * The lowest bit of the first byte says TCP, the next one signed zones; the next 8 bytes are the
 * random number. */
#include <stdbool.h> /* before ldns, which else has one of its own */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <ldns/ldns.h>

#include "../unit/zone/judge.h"
#include "../unit/zone/wire.h"
#include "../unit/zone/world.h"
#include "zone/file.h"
#include "zone/sign.h"
#include "zone/transfer.h"

#define RRSIG   46
#define MESSAGE 4096 /* of a transfer */
#define PREFIX  9
#define ZONES   3
#define FILE_0  "tests/dns/corpus/zones/example.com.zone"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct weir_zones *plain, *signed_;
static struct msg query;
static struct reply reply;

/* --- a world with all there is: a file and a document of one zone, two more, keys --- */

static struct weir_zone_file *read_zone(void)
{
	struct weir_err err = { .text = "" };
	struct weir_zone_file *f;
	char *text = NULL;
	size_t room = 0;
	FILE *in = fopen(FILE_0, "re");

	if (!in || getdelim(&text, &room, 0, in) <= 0)
		abort(); /* tests/fuzz/run.sh goes to the root of the tree */
	fclose(in);
	f = weir_zone_file_parse("example.com", text, strlen(text), &err);
	assert(f);
	free(text);
	weir_zone_file_order(f);
	return f;
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	static const uint8_t dnskey[] = { 1, 1, 3, 13, 'k', 'e', 'y' };
	static const uint16_t tag = 7; /* a key is its tag */
	static const struct weir_prefix all = { .bits = 0 };
	static const uint8_t secret[16] = "0123456789abcdef";
	static const struct weir_self self = { "fuzzed", "1", secret };
	static struct weir_zone_keys keys[ZONES];
	static const struct weir_zone_keys *of[ZONES];
	static const struct weir_zone_file *files[ZONES];
	struct weir_signer signer = { of, judge_sign, NULL };
	struct world *w = world_new();
	struct weir_zone_file *file = read_zone();

	(void)argc;
	(void)argv;
	assert(w->model.n_zones == ZONES);
	files[0] = file;
	for (unsigned i = 0; i < ZONES; i++) {
		keys[i] = (struct weir_zone_keys){
			.zone_key = &tag, .key_keys = { &tag }, .n_key_keys = 1, .ttl = 3600
		};
		keys[i].dnskeys = (struct weir_data_list){ { { dnskey, sizeof(dnskey) } }, 1 };
		keys[i].ds = keys[i].cds = keys[i].dnskeys;
		of[i] = &keys[i];
		w->zones[i].transfer =
			(struct weir_transfer_conf){ .allow = &all, .n_allow = 1, .pooled = true };
	}
	keys[0].file = weir_zone_file_sign(file, NULL, NULL, 0, &tag, judge_sign, NULL);
	plain = weir_zones_build(&w->view, files, &self, NULL, NULL);
	signed_ = weir_zones_build(&w->view, files, &self, &signer, NULL);
	free(w);
	return 0;
}

/* --- answers --- */

/* What the client can take over UDP: as its OPT says, if that is right behind the question. */
static size_t udp_limit(void)
{
	struct reply q = { .b = query.b, .len = query.len };
	size_t at = 12, size;
	char name[1100];

	if (!reply.edns)
		return 512;
	if (!read_name(&q, &at, name) || at + 9 > query.len || query.b[at + 4] ||
	    get16(query.b + at + 5) != 41)
		return WEIR_DNS_UDP_SIZE;
	size = get16(query.b + at + 7);
	return size < 512 ? 512 : size < WEIR_DNS_UDP_SIZE ? size : WEIR_DNS_UDP_SIZE;
}

/* What the counters are told is what the reply says. */
static enum weir_dns_outcome outcome(void)
{
	switch (reply.rcode) {
	case FORMERR:
		return WEIR_DNS_FORMERR_TOLD;
	case NXDOMAIN:
		return WEIR_DNS_NXDOMAIN_TOLD;
	case NOTIMP:
		return WEIR_DNS_NOTIMP_TOLD;
	case REFUSED:
		return WEIR_DNS_REFUSED_TOLD;
	case BADVERS:
		return WEIR_DNS_BADVERS_TOLD;
	}
	assert(reply.rcode == NOERROR);
	if (reply.tc)
		return WEIR_DNS_TRUNCATED_TOLD;
	if (reply.n[1])
		return WEIR_DNS_ANSWER_TOLD;
	return reply.n[2] && !reply.aa ? WEIR_DNS_REFERRAL_TOLD : WEIR_DNS_NODATA_TOLD;
}

/* Another reader's mind. Of signatures none is shorter or longer than its name asks for. */
static void check_sigs(const ldns_rr_list *section)
{
	for (size_t i = 0; i < ldns_rr_list_rr_count(section); i++) {
		const ldns_rr *rr = ldns_rr_list_rr(section, i);
		const ldns_rdf *sig;

		if (ldns_rr_get_type(rr) != LDNS_RR_TYPE_RRSIG)
			continue;
		sig = ldns_rr_rrsig_sig(rr);
		assert(sig && ldns_rdf_size(sig) == WEIR_SIG_BYTES);
	}
}

static void check_by_ldns(const uint8_t *out, size_t len, unsigned answers, unsigned authority)
{
	ldns_pkt *pkt = NULL;
	ldns_status status = ldns_wire2pkt(&pkt, out, len);

	if (status != LDNS_STATUS_OK) {
		fprintf(stderr, "ldns: %s\n", ldns_get_errorstr_by_id(status));
		abort();
	}
	assert(ldns_pkt_ancount(pkt) == answers && ldns_pkt_nscount(pkt) == authority);
	check_sigs(ldns_pkt_answer(pkt));
	check_sigs(ldns_pkt_authority(pkt));
	ldns_pkt_free(pkt);
}

/* What is answered with proof must hold. Signatures that were asked for are without their set. */
static void check_proof(const uint8_t *out)
{
	static struct judged judged;
	unsigned type, class;
	uint8_t name[256];
	size_t end;

	if (!reply.dnssec_ok || reply.tc || !(reply.n[1] + reply.n[2]))
		return; /* else there is a question that was understood */
	end = judge_name(query.b, 12, name);
	type = get16(query.b + end);
	class = get16(query.b + end + 2);
	if (class != WEIR_CLASS_IN || type == RRSIG)
		return;
	if (!judge(&judged, out, name, type)) {
		fprintf(stderr, "%s\n", judged.why);
		abort();
	}
}

static void check(const uint8_t *out, size_t len, bool tcp, bool proof,
		  const struct weir_told *told)
{
	assert(read_reply(&reply, out, len, &query));
	assert(tcp || len <= udp_limit());
	if (reply.tc)
		assert(!tcp && !reply.n[1] && !reply.n[2]);
	if (reply.edns)
		assert(query.b[10] || query.b[11]);
	assert(told->outcome == outcome());
	assert(!reply.aa || told->zone < ZONES || get16(out + 6));
	check_by_ldns(out, len, reply.n[1], reply.n[2]);
	if (proof)
		check_proof(out);
	reply_free(&reply);
}

/* A zone as it is taken whole. */
static void check_transfer(const struct weir_zones *z, const uint8_t *in, size_t size,
			   const union weir_addr *client)
{
	static struct weir_transfer t;
	static uint8_t out[MESSAGE];
	unsigned n = 0;
	size_t len;

	if (!weir_transfer_begin(&t, z, in, size, client, NULL))
		return;
	while ((len = weir_transfer_next(&t, out, sizeof(out))) > 0) {
		assert(len <= sizeof(out));
		check_by_ldns(out, len, get16(out + 6), 0);
		n++;
	}
	assert(n && t.done);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	bool tcp = size && data[0] & 1;
	size_t cap = tcp ? WEIR_DNS_MAX_SIZE : WEIR_DNS_UDP_SIZE, len;
	struct weir_asker asker = { .now_s = 1700000000, .tcp = tcp };
	struct weir_told told;
	const struct weir_zones *z;
	uint8_t *out, *in;

	if (size < PREFIX || size - PREFIX > sizeof(query.b))
		return 0;
	memcpy(&asker.random, data + 1, sizeof(asker.random));
	memcpy(asker.client.b, data + 1, sizeof(asker.random));
	query.len = size - PREFIX;
	memcpy(query.b, data + PREFIX, query.len);
	z = data[0] & 2 ? signed_ : plain;
	in = malloc(query.len ? query.len : 1); /* of the very size: no byte beyond is touched */
	out = malloc(cap);
	memcpy(in, query.b, query.len);
	len = weir_zones_answer(z, in, query.len, &asker, out, cap, &told);
	assert(len <= cap);
	if (len)
		check(out, len, tcp, z == signed_, &told);
	else
		assert(told.outcome == WEIR_DNS_SILENT_TOLD &&
		       (query.len < 12 || query.b[2] & 0x80));
	check_transfer(z, in, query.len, &asker.client);
	free(in);
	free(out);
	return 0;
}
