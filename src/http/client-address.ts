import type { IncomingMessage } from 'node:http';
import { BlockList, isIP } from 'node:net';
import { fail } from '../errors/registry-error.ts';

/** Where a request comes from. */
export type ClientAddress = (incoming: IncomingMessage) => string;

const IPV4_BITS = 32;
const IPV6_BITS = 128;

/**
 * The address at the other end of the connection; where that is a proxy that is trusted, the one that it says it serves: the last entry of
 * `X-Forwarded-For` that no trusted proxy wrote about another. What stands before it anybody may have written. Fails with VALUE_INVALID.
 */
export function openClientAddress(proxies: readonly string[]): ClientAddress {
  if (proxies.length === 0) return socketAddress;
  const trusted = new BlockList();
  for (const proxy of proxies) {
    const network = readNetwork(proxy) ?? fail('VALUE_INVALID', `"${proxy}" is not an address or network`);
    trusted.addSubnet(network.address, network.bits, network.family);
  }
  const isTrusted = (address: string) => isIP(address) !== 0 && trusted.check(address, familyOf(address));
  return (incoming) => {
    let address = socketAddress(incoming);
    const written = (incoming.headersDistinct['x-forwarded-for'] ?? []).join(',').split(',');
    for (const entry of written.reverse()) {
      const hop = entry.trim();
      if (!isTrusted(address) || isIP(hop) === 0) break;
      address = hop;
    }
    return address;
  };
}

/** Whether a text is an IP address or a network in CIDR notation. */
export function isNetwork(text: string): boolean {
  return readNetwork(text) !== null;
}

function readNetwork(text: string) {
  const [, address = '', prefix] = /^([0-9A-Fa-f.:]+)(?:\/(\d{1,3}))?$/.exec(text) ?? [];
  if (isIP(address) === 0) return null;
  const family = familyOf(address);
  const most = family === 'ipv4' ? IPV4_BITS : IPV6_BITS;
  const bits = prefix === undefined ? most : Number(prefix);
  return bits <= most ? { address, bits, family } : null;
}

function familyOf(address: string): 'ipv4' | 'ipv6' {
  return isIP(address) === 4 ? 'ipv4' : 'ipv6';
}

function socketAddress(incoming: IncomingMessage): string {
  return incoming.socket.remoteAddress ?? '';
}
