/*
 * address: is this an address of the public Internet? Decided on the address that a socket is about to be connected to, so
 * that neither a name that resolves to 127.0.0.1 nor a name that changes between check and use gets through.
 *
 * Not public: what the IANA special-purpose registries (RFC 6890 and updates) do not mark as globally reachable, multicast,
 * and every way of writing such an IPv4 address inside IPv6: mapped, NAT64, 6to4, Teredo. IPv6 outside 2000::/3 is not
 * public; a family other than these two is not public.
 */
#ifndef CALL_ADDRESS_H
#define CALL_ADDRESS_H

#include <sys/socket.h>

int address_is_public(const struct sockaddr *sa, socklen_t n); /* 1 or 0 */

#endif
