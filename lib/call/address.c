/* address: see address.h. */
#include "call/address.h"

#include <netinet/in.h>
#include <stdint.h>
#include <string.h>

static int
v4_is_public(const uint8_t *a)
{
	static const struct {
		uint32_t net;
		int bits;
	} special[] = {
	    {0x00000000, 8},  /* this network */
	    {0x0a000000, 8},  /* private */
	    {0x64400000, 10}, /* carrier-grade NAT */
	    {0x7f000000, 8},  /* loopback */
	    {0xa9fe0000, 16}, /* link-local, with the metadata services of clouds */
	    {0xac100000, 12}, /* private */
	    {0xc0000000, 24}, /* protocol assignments */
	    {0xc0000200, 24}, /* documentation */
	    {0xc0586300, 24}, /* 6to4 relays */
	    {0xc0a80000, 16}, /* private */
	    {0xc6120000, 15}, /* benchmarks */
	    {0xc6336400, 24}, /* documentation */
	    {0xcb007100, 24}, /* documentation */
	    {0xe0000000, 4},  /* multicast */
	    {0xf0000000, 4},  /* reserved, broadcast */
	};
	uint32_t ip = (uint32_t)a[0] << 24 | (uint32_t)a[1] << 16 | (uint32_t)a[2] << 8 | a[3];

	for (size_t i = 0; i < sizeof special / sizeof special[0]; i++)
		if (!((ip ^ special[i].net) >> (32 - special[i].bits)))
			return 0;
	return 1;
}

static int
v6_is_public(const uint8_t *a)
{
	static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
	static const uint8_t nat64[12] = {0x00, 0x64, 0xff, 0x9b};

	if (!memcmp(a, mapped, 12) || !memcmp(a, nat64, 12))
		return v4_is_public(a + 12);
	if ((a[0] & 0xe0) != 0x20)
		return 0;
	if (a[0] == 0x20 && a[1] == 0x02)
		return v4_is_public(a + 2);
	if (a[0] == 0x20 && a[1] == 0x01 && (a[2] < 0x02 || (a[2] == 0x0d && a[3] == 0xb8)))
		return 0; /* 2001::/23 with Teredo, 2001:db8::/32 */
	return !(a[0] == 0x3f && a[1] == 0xff && a[2] < 0x10); /* 3fff::/20, documentation */
}

int
address_is_public(const struct sockaddr *sa, socklen_t n)
{
	uint8_t ip[16];

	if (sa->sa_family == AF_INET && n >= sizeof(struct sockaddr_in)) {
		struct sockaddr_in in;

		memcpy(&in, sa, sizeof in);
		memcpy(ip, &in.sin_addr, 4);
		return v4_is_public(ip);
	}
	if (sa->sa_family == AF_INET6 && n >= sizeof(struct sockaddr_in6)) {
		struct sockaddr_in6 in6;

		memcpy(&in6, sa, sizeof in6);
		memcpy(ip, &in6.sin6_addr, 16);
		return v6_is_public(ip);
	}
	return 0;
}
