/* Addresses and host names in text (RFC 1123, RFC 4291, RFC 5321). */
#ifndef CONNEK_CODEC_SCHEMA_ADDRESS_H
#define CONNEK_CODEC_SCHEMA_ADDRESS_H

#include "base/str.h"

bool schema_is_ipv4(struct str text); /* four decimals without leading zeros */
bool schema_is_ipv6(struct str text); /* no brackets, no zone */
bool schema_is_hostname(struct str text);
bool schema_is_email(struct str text, bool is_international);

#endif
