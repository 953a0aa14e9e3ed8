import { type ParseArgsOptionsConfig, parseArgs } from 'node:util';
import { isNetwork } from '../http/client-address.ts';
import { UsageError } from './command.ts';

/**
 * `util.parseArgs`, with a command's options and at most `positionals` words. Fails with UsageError on what it does not know.
 */
export function readArguments<const T extends ParseArgsOptionsConfig>(
  args: readonly string[],
  options: T,
  positionals = 0,
) {
  try {
    const parsed = parseArgs({ args: [...args], options, allowPositionals: true, strict: true });
    const extra = parsed.positionals[positionals];
    if (extra !== undefined) throw new UsageError(`What is "${extra}" meant to be?`);
    return parsed;
  } catch (thrown) {
    if (thrown instanceof UsageError) throw thrown;
    throw new UsageError(thrown instanceof Error ? thrown.message : String(thrown));
  }
}

/** A TCP port, 0 to 65535. Fails with UsageError. */
export function readPort(text: string): number {
  if (!/^\d{1,5}$/.test(text) || Number(text) > 65_535) throw new UsageError(`"${text}" is not a port: 0 to 65535`);
  return Number(text);
}

/** An absolute http(s) address without query, credentials and trailing slash. Fails with UsageError. */
export function readBaseUrl(text: string): string {
  const url = URL.parse(text);
  const fits =
    url !== null && /^https?:$/.test(url.protocol) && url.search === '' && url.hash === '' && url.username === '';
  if (!fits) throw new UsageError(`"${text}" is not an address such as https://registry.example.org`);
  return url.href.replace(/\/+$/, '');
}

const LOG_LEVELS: readonly string[] = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'];

/** A level of the log. Fails with UsageError. */
export function readLogLevel(text: string): string {
  if (!LOG_LEVELS.includes(text)) throw new UsageError(`"${text}" is not a log level: ${LOG_LEVELS.join(', ')}`);
  return text;
}

/** A whole number of at most nine digits. Fails with UsageError, which names the option. */
export function readWholeNumber(text: string, option: string): number {
  if (!/^\d{1,9}$/.test(text)) throw new UsageError(`${option} takes a whole number, not "${text}"`);
  return Number(text);
}

/** IP addresses and networks in CIDR notation, between commas. Fails with UsageError. */
export function readNetworks(text: string): readonly string[] {
  const networks = text
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '');
  const wrong = networks.find((network) => !isNetwork(network));
  if (wrong !== undefined) throw new UsageError(`"${wrong}" is not an address or network such as 10.0.0.0/8`);
  return networks;
}
