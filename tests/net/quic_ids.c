/* SPDX-License-Identifier: GPL-2.0-or-later */
/* quic_ids.c - to be preloaded into gtlsserver: makes the connection ids that it chooses name it,
 * as draft-ietf-quic-load-balancers has it in plain text. It asks gnutls_rnd() for them, and for
 * nothing else of their length. WEIR_SERVER_ID: the server's id in hexadecimal digits; rotation
 * 0. */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>

#define ID_BYTES 18

int gnutls_rnd(int level, void *data, size_t len);

int gnutls_rnd(int level, void *data, size_t len)
{
	int (*real)(int, void *, size_t);
	const char *hex = getenv("WEIR_SERVER_ID");
	unsigned char *id = data;
	unsigned byte;
	int err;

	*(void **)&real = dlsym(RTLD_NEXT, "gnutls_rnd");
	err = real(level, data, len);
	if (err || len != ID_BYTES || !hex)
		return err;
	*id++ &= 0x1f;
	for (; sscanf(hex, "%2x", &byte) == 1; hex += 2)
		*id++ = (unsigned char)byte;
	return 0;
}
