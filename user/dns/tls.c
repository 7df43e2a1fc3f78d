/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tls.c - OpenSSL between memory and memory. */
#include "dns/tls.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/log.h"
#include "base/mem.h"

#define FILE_BYTES (1 << 20) /* of a PEM file */

struct weir_dns_cert {
	SSL_CTX *ctx;
};

struct weir_dns_tls {
	SSL *ssl;
	BIO *in, *out; /* of the wire; ssl owns them */
};

/* --- certificates --- */

/* Clients that offer protocols must offer this one (RFC 7301, 3.2); those that offer none speak it,
 * too (RFC 7858, 3.1). */
static int on_alpn(SSL *ssl, const unsigned char **out, unsigned char *out_len,
		   const unsigned char *in, unsigned in_len, void *arg)
{
	static const unsigned char dot[] = { 3, 'd', 'o', 't' };

	(void)ssl;
	(void)arg;
	for (unsigned i = 0; i < in_len; i += in[i] + 1u) {
		if (in[i] + 1u > in_len - i || in_len - i < sizeof(dot) ||
		    memcmp(in + i, dot, sizeof(dot)) != 0)
			continue;
		*out = in + i + 1;
		*out_len = sizeof(dot) - 1;
		return SSL_TLSEXT_ERR_OK;
	}
	return SSL_TLSEXT_ERR_ALERT_FATAL;
}

/* A key with a password: nobody is there to be asked. */
static int no_password(char *to, int size, int writing, void *arg)
{
	(void)to, (void)size, (void)writing, (void)arg;
	return -1;
}

static SSL_CTX *make_ctx(void)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());

	if (!ctx)
		return NULL;
	SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION);
	SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
					 SSL_OP_CIPHER_SERVER_PREFERENCE);
	SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS);
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF); /* tickets do */
	SSL_CTX_set_alpn_select_cb(ctx, on_alpn, NULL);
	SSL_CTX_set_default_passwd_cb(ctx, no_password);
	return ctx;
}

/* A file that can hold PEM, and is none that never ends. */
static bool is_file(const char *field, const char *path, struct weir_err *err)
{
	FILE *f = fopen(path, "re");
	struct stat st;
	bool ok;

	if (!f)
		return weir_err_set(err, field, "%s: %s", path, strerror(errno));
	ok = !fstat(fileno(f), &st) && S_ISREG(st.st_mode) && st.st_size <= FILE_BYTES;
	fclose(f);
	return ok ||
	       weir_err_set(err, field, "%s: is no file of at most %d bytes", path, FILE_BYTES);
}

static bool refuse(const char *field, const char *path, const char *what, struct weir_err *err)
{
	const char *why = ERR_reason_error_string(ERR_peek_error());

	ERR_clear_error();
	return weir_err_set(err, field, "%s: %s%s%s", path, what, why ? ": " : "", why ? why : "");
}

static bool load(SSL_CTX *ctx, const struct weir_dns_tls_conf *conf, struct weir_err *err)
{
	static const char cert[] = "agent.dns.tls.certificate", key[] = "agent.dns.tls.key";

	if (!is_file(cert, conf->certificate, err) || !is_file(key, conf->key, err))
		return false;
	if (SSL_CTX_use_certificate_chain_file(ctx, conf->certificate) != 1)
		return refuse(cert, conf->certificate, "has no certificate that can be used", err);
	if (SSL_CTX_use_PrivateKey_file(ctx, conf->key, SSL_FILETYPE_PEM) != 1)
		return refuse(key, conf->key, "has no key that can be used with the certificate",
			      err);
	if (SSL_CTX_check_private_key(ctx) != 1)
		return refuse(key, conf->key, "is not the key of the certificate", err);
	if (X509_cmp_current_time(X509_get0_notAfter(SSL_CTX_get0_certificate(ctx))) < 0)
		weir_warn("%s: %s has expired; clients may refuse it", cert, conf->certificate);
	return true;
}

bool weir_dns_cert_read(const struct weir_dns_tls_conf *conf, struct weir_dns_cert **out,
			struct weir_err *err)
{
	SSL_CTX *ctx;

	*out = NULL;
	if (!conf->n_listen)
		return true;
	ERR_clear_error();
	ctx = make_ctx();
	if (!ctx)
		return refuse("agent.dns.tls", conf->certificate, "OpenSSL cannot be used", err);
	if (!load(ctx, conf, err)) {
		SSL_CTX_free(ctx);
		return false;
	}
	*out = weir_new(struct weir_dns_cert);
	(*out)->ctx = ctx;
	return true;
}

void weir_dns_cert_free(struct weir_dns_cert *cert)
{
	if (cert)
		SSL_CTX_free(cert->ctx);
	free(cert);
}

/* --- connections --- */

struct weir_dns_tls *weir_dns_tls_new(const struct weir_dns_cert *cert)
{
	struct weir_dns_tls *t = weir_new(struct weir_dns_tls);

	t->ssl = SSL_new(cert->ctx);
	t->in = BIO_new(BIO_s_mem());
	t->out = BIO_new(BIO_s_mem());
	if (!t->ssl || !t->in || !t->out) {
		BIO_free(t->in);
		BIO_free(t->out);
		SSL_free(t->ssl);
		free(t);
		return NULL;
	}
	BIO_set_mem_eof_return(t->in, -1); /* nothing there: later, not the end */
	SSL_set_bio(t->ssl, t->in, t->out);
	SSL_set_accept_state(t->ssl);
	return t;
}

void weir_dns_tls_free(struct weir_dns_tls *t)
{
	if (t)
		SSL_free(t->ssl);
	free(t);
}

void weir_dns_tls_feed(struct weir_dns_tls *t, const void *bytes, size_t len)
{
	BIO_write(t->in, bytes, (int)len); /* from one read() */
}

enum weir_dns_tls_state weir_dns_tls_read(struct weir_dns_tls *t, void *to, size_t room,
					  size_t *len)
{
	int rc;

	*len = 0;
	ERR_clear_error();
	if (SSL_read_ex(t->ssl, to, room, len) == 1)
		return WEIR_DNS_TLS_OPEN;
	rc = SSL_get_error(t->ssl, 0);
	if (rc == SSL_ERROR_WANT_READ)
		return WEIR_DNS_TLS_OPEN;
	return rc == SSL_ERROR_ZERO_RETURN ? WEIR_DNS_TLS_ENDED : WEIR_DNS_TLS_FAILED;
}

bool weir_dns_tls_write(struct weir_dns_tls *t, const void *bytes, size_t len)
{
	size_t n;

	ERR_clear_error();
	return SSL_write_ex(t->ssl, bytes, len, &n) == 1 && n == len;
}

size_t weir_dns_tls_take(struct weir_dns_tls *t, void *to, size_t room)
{
	int n = BIO_read(t->out, to, (int)room);

	return n > 0 ? (size_t)n : 0;
}

void weir_dns_tls_end(struct weir_dns_tls *t)
{
	ERR_clear_error();
	if (weir_dns_tls_is_up(t))
		SSL_shutdown(t->ssl);
}

bool weir_dns_tls_is_up(const struct weir_dns_tls *t)
{
	return SSL_is_init_finished(t->ssl);
}
