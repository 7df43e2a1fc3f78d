/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "probe/tls.h"

#include <assert.h>
#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"

#define FILE_BYTES (1 << 20) /* of a PEM file */

#define set(easy, option, value)                                      \
	do {                                                          \
		CURLcode rc_ = curl_easy_setopt(easy, option, value); \
		assert(rc_ == CURLE_OK); /* as in http.c */           \
	} while (0)

const char *weir_tls_host(const struct weir_target *t)
{
	const struct weir_monitor *m = t->monitor;

	if (t->origin->host)
		return t->origin->host;
	for (uint32_t i = 0; i < m->n_headers; i++)
		if (strcasecmp(m->headers[i].name, "Host") == 0)
			return m->headers[i].value;
	return t->origin->host_name;
}

bool weir_tls_server_name(const struct weir_target *t, char out[WEIR_TLS_NAME])
{
	const char *name = t->tls->sni_hostname ? t->tls->sni_hostname : weir_tls_host(t);
	size_t len = name ? strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
					 "0123456789-_.")
			  : 0;
	union weir_addr addr;

	if (!len || len >= WEIR_TLS_NAME || (name[len] && name[len] != ':'))
		return false;
	memcpy(out, name, len);
	out[len] = 0;
	return !weir_addr_parse(out, &addr); /* addresses are no names there */
}

/* --- certificates and keys --- */

/* All of a file, the caller's to free; NULL: it cannot be read, or is too big to be one. */
static char *read_file(const char *path, size_t *len)
{
	FILE *f = fopen(path, "re");
	char *bytes;

	if (!f)
		return NULL;
	bytes = weir_alloc(FILE_BYTES, 1);
	*len = fread(bytes, 1, FILE_BYTES, f);
	if (ferror(f) || *len == FILE_BYTES || !*len) {
		free(bytes);
		bytes = NULL;
	}
	fclose(f);
	return bytes;
}

static bool set_pem(CURL *easy, CURLoption option, const char *pem)
{
	struct curl_blob blob = { .data = (char *)pem, .flags = CURL_BLOB_COPY };
	char *file = NULL;

	if (!pem)
		return true;
	if (*pem == '/') {
		blob.data = file = read_file(pem, &blob.len);
		if (!file)
			return false;
	} else {
		blob.len = strlen(pem);
	}
	set(easy, option, &blob);
	free(file);
	return true;
}

/* --- versions and ciphers --- */

static void set_versions(CURL *easy, const struct weir_tls *tls)
{
	static const long min[] = { CURL_SSLVERSION_DEFAULT, CURL_SSLVERSION_TLSv1_0,
				    CURL_SSLVERSION_TLSv1_1, CURL_SSLVERSION_TLSv1_2,
				    CURL_SSLVERSION_TLSv1_3 };
	static const long max[] = { CURL_SSLVERSION_MAX_DEFAULT, CURL_SSLVERSION_MAX_TLSv1_0,
				    CURL_SSLVERSION_MAX_TLSv1_1, CURL_SSLVERSION_MAX_TLSv1_2,
				    CURL_SSLVERSION_MAX_TLSv1_3 };

	set(easy, CURLOPT_SSLVERSION, min[tls->min_version] | max[tls->max_version]);
}

/* Those of TLS 1.3, whose names begin with TLS_, have a list of their own. */
static void set_ciphers(CURL *easy, const char *ciphers)
{
	size_t size = ciphers ? strlen(ciphers) + 2 : 0;
	char *lists[2], *copy, *save, *word;

	if (!size)
		return;
	copy = weir_alloc(size, 1);
	memcpy(copy, ciphers, size - 2);
	for (int i = 0; i < 2; i++)
		lists[i] = weir_alloc(size, 1);
	for (word = strtok_r(copy, ":, ", &save); word; word = strtok_r(NULL, ":, ", &save)) {
		char *list = lists[strncmp(word, "TLS_", 4) == 0];

		strcat(strcat(list, *list ? ":" : ""), word);
	}
	if (*lists[0])
		set(easy, CURLOPT_SSL_CIPHER_LIST, lists[0]);
	if (*lists[1])
		set(easy, CURLOPT_TLS13_CIPHERS, lists[1]);
	free(lists[0]);
	free(lists[1]);
	free(copy);
}

/* --- the handshake --- */

static void on_info(const SSL *ssl, int where, int what)
{
	struct weir_tls_note *note = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));

	if (where & SSL_CB_ALERT && what >> 8 == SSL3_AL_FATAL)
		note->alert = what & 0xff;
	else if (where == SSL_CB_CONNECT_EXIT && what <= 0 &&
		 ERR_GET_REASON(ERR_peek_last_error()) == SSL_R_WRONG_VERSION_NUMBER)
		note->alert = SSL_AD_PROTOCOL_VERSION; /* to who speaks no TLS none is sent */
}

/* libcurl's CURLOPT_SSL_CTX_FUNCTION, before a handshake. */
static CURLcode on_context(CURL *easy, void *context, void *arg)
{
	struct weir_tls_note *note = arg;
	X509_VERIFY_PARAM *param = SSL_CTX_get0_param(context);

	(void)easy;
	SSL_CTX_set_app_data((SSL_CTX *)context, note);
	SSL_CTX_set_info_callback(context, on_info);
	if (!note->cert_hostname)
		return CURLE_OK;
	X509_VERIFY_PARAM_set_hostflags(param, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
	if (X509_VERIFY_PARAM_set1_ip_asc(param, note->cert_hostname) ||
	    X509_VERIFY_PARAM_set1_host(param, note->cert_hostname, 0))
		return CURLE_OK;
	return CURLE_OUT_OF_MEMORY;
}

bool weir_tls_set(CURL *easy, const struct weir_target *t, struct weir_tls_note *note)
{
	const struct weir_tls *tls = t->tls;
	bool check = tls->check_cert && !t->monitor->allow_insecure;

	note->alert = 0;
	note->cert_hostname = check ? tls->cert_hostname : NULL;
	set(easy, CURLOPT_SSL_VERIFYPEER, (long)check);
	set(easy, CURLOPT_SSL_VERIFYHOST, check && !note->cert_hostname ? 2L : 0L);
	set(easy, CURLOPT_CAPATH, NULL); /* the bundle alone: libcurl keeps it for the next probe */
	set(easy, CURLOPT_SSL_SESSIONID_CACHE, 0L);
	set(easy, CURLOPT_KEYPASSWD, ""); /* or OpenSSL would ask at the terminal */
	set(easy, CURLOPT_SSL_CTX_FUNCTION, on_context);
	set(easy, CURLOPT_SSL_CTX_DATA, note);
	set_versions(easy, tls);
	set_ciphers(easy, tls->ciphers);
	return set_pem(easy, CURLOPT_CAINFO_BLOB, check ? tls->ca_cert : NULL) &&
	       set_pem(easy, CURLOPT_SSLCERT_BLOB, tls->client_cert) &&
	       set_pem(easy, CURLOPT_SSLKEY_BLOB, tls->client_key);
}

/* --- what came of it --- */

static const char *reason_of_alert(int alert)
{
	switch (alert) {
	case SSL_AD_PROTOCOL_VERSION:
		return WEIR_REASON_TLS_PROTOCOL;
	case SSL_AD_UNRECOGNIZED_NAME:
		return WEIR_REASON_TLS_UNKNOWN;
	default:
		return WEIR_REASON_TLS_HANDSHAKE;
	}
}

/* libcurl looks for the name itself where it is not told not to, and leaves no result then. */
static const char *reason_of_certificate(CURL *easy)
{
	long result = 0;

	curl_easy_getinfo(easy, CURLINFO_SSL_VERIFYRESULT, &result);
	return result <= X509_V_ERR_UNSPECIFIED || result == X509_V_ERR_HOSTNAME_MISMATCH ||
			       result == X509_V_ERR_IP_ADDRESS_MISMATCH
		       ? WEIR_REASON_TLS_NAME
		       : WEIR_REASON_TLS_UNTRUSTED;
}

const char *weir_tls_reason(CURL *easy, CURLcode result, const struct weir_tls_note *note)
{
	long err = 0;

	switch (result) {
	case CURLE_PEER_FAILED_VERIFICATION:
		return reason_of_certificate(easy);
	case CURLE_SSL_CIPHER:
	case CURLE_SSL_CERTPROBLEM:
	case CURLE_SSL_CACERT_BADFILE:
		return WEIR_REASON_CONFIG;
	case CURLE_SSL_CONNECT_ERROR:
		curl_easy_getinfo(easy, CURLINFO_OS_ERRNO, &err);
		return !note->alert && err == ECONNRESET ? WEIR_REASON_RESET
							 : reason_of_alert(note->alert);
	default: /* with TLS 1.3 a server says only later that it wants a certificate */
		return note->alert ? reason_of_alert(note->alert) : NULL;
	}
}
