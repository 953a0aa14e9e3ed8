import dns from 'node:dns';
import type { LookupFunction } from 'node:net';
import ipaddr from 'ipaddr.js';
import { RegistryError } from '../../errors/registry-error.ts';

/** What a host name stands for; `dns.lookup` with `all`. Tests put their own in its place. */
export type ResolveHost = (
  host: string,
  options: dns.LookupAllOptions,
  done: (error: Error | null, addresses: dns.LookupAddress[]) => void,
) => void;

/** Which addresses an upstream may reach. */
export interface AddressRule {
  /** Fails with UPSTREAM_ADDRESS_REFUSED when the URL's host is an address that is not allowed. Names are checked by `lookup`. */
  checkLiteral(url: URL): void;
  /** For a socket: resolves a name and fails with UPSTREAM_ADDRESS_REFUSED unless every address it stands for is allowed. */
  readonly lookup: LookupFunction;
}

const PUBLIC: readonly string[] = ['unicast'];
/** Closed networks use reserved ranges, those for documentation and for benchmarks, like private ones. */
const PRIVATE: readonly string[] = [
  ...PUBLIC,
  'loopback',
  'private',
  'linkLocal',
  'uniqueLocal',
  'carrierGradeNat',
  'reserved',
  'benchmarking',
];

/**
 * Only public unicast addresses are allowed, or with `allowPrivateAddresses` also loopback, private, link-local and reserved ones.
 * The check is made on what the socket then connects to, so that a name cannot be pointed elsewhere after it.
 */
export function createAddressRule(
  allowPrivateAddresses: boolean,
  resolve: ResolveHost = (host, options, done) => dns.lookup(host, options, done),
): AddressRule {
  const allowed = allowPrivateAddresses ? PRIVATE : PUBLIC;
  const isAllowed = (address: string) => ipaddr.isValid(address) && allowed.includes(rangeOf(ipaddr.parse(address)));

  return {
    checkLiteral(url) {
      const host = url.hostname.replace(/^\[|\]$/g, '');
      if (ipaddr.isValid(host) && !isAllowed(host)) throw refused(host, host, allowed);
    },
    lookup(host, options, done) {
      resolve(host, { ...options, all: true }, (error, addresses) => {
        const bad = error === null ? addresses.find(({ address }) => !isAllowed(address)) : undefined;
        const [first] = addresses ?? [];
        if (error !== null) done(error, '');
        else if (bad !== undefined) done(refused(host, bad.address, allowed), '');
        else if (options.all === true) done(null, addresses);
        else done(null, first?.address ?? '', first?.family);
      });
    },
  };
}

/** The range of an address; of the IPv4 address where an IPv6 address only carries one (mapped, or for NAT64). */
function rangeOf(address: ipaddr.IPv4 | ipaddr.IPv6): string {
  if (!(address instanceof ipaddr.IPv6)) return address.range();
  if (address.isIPv4MappedAddress()) return address.toIPv4Address().range();
  if (address.range() === 'rfc6052') return new ipaddr.IPv4(address.toByteArray().slice(-4)).range();
  return address.range();
}

/** The log alone is told why: it would show a client what lies inside. */
function refused(host: string, address: string, allowed: readonly string[]): RegistryError {
  const range = ipaddr.isValid(address) ? rangeOf(ipaddr.parse(address)) : 'none';
  const hint =
    allowed !== PRIVATE && PRIVATE.includes(range)
      ? '; an upstream in a closed network needs "allow_private_addresses": true'
      : '';
  const cause = new Error(`${host} stands for ${address}, an address that is not allowed (${range})${hint}`);
  return new RegistryError('UPSTREAM_ADDRESS_REFUSED', { cause });
}
