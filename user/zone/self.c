/* SPDX-License-Identifier: GPL-2.0-or-later */
/* self.c - what a server says of itself where it is asked like a zone. */
#include <string.h>

#include "zone/message.h"
#include "zone/types.h"

const char *weir_self_text(const struct weir_self *self, const struct weir_query *q)
{
	static const struct {
		uint8_t len;
		uint8_t name[16];
		bool nsid;
	} names[] = {
		{ 14, "\7version\4bind", false },
		{ 16, "\7version\6server", false },
		{ 15, "\10hostname\4bind", true },
		{ 11, "\2id\6server", true },
	};

	if (q->class != WEIR_CLASS_CH || (q->type != WEIR_TYPE_TXT && q->type != WEIR_TYPE_ANY))
		return "";
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (q->name.len == names[i].len &&
		    !memcmp(q->name.wire, names[i].name, names[i].len))
			return names[i].nsid ? self->nsid : self->version;
	return "";
}
