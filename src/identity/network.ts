import ipaddr from 'ipaddr.js';

/** What one client is likely to hold. RFC 6177: a site has at least a /64 of its own. */
const IPV6_PREFIX_BITS = 64;

/** The part of an address that guesses are counted by: all of an IPv4 address, the first half of an IPv6 address, the text of anything else. */
export function networkOf(address: string): string {
  if (!ipaddr.isValid(address)) return address;
  // An IPv4 client on a socket for both kinds looks like ::ffff:192.0.2.1.
  const parsed = ipaddr.process(address);
  if (parsed.kind() === 'ipv4') return parsed.toString();
  return ipaddr.IPv6.networkAddressFromCIDR(`${parsed}/${IPV6_PREFIX_BITS}`).toString();
}
