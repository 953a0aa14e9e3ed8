import { availableParallelism } from 'node:os';
import { readArguments, readBaseUrl, readLogLevel, readNetworks, readPort, readWholeNumber } from './arguments.ts';
import { type CommandContext, UsageError } from './command.ts';
import { defaultRegistry } from './package.ts';

/** What `serve` was told, by its arguments and the environment. */
export interface ServeOptions {
  /** A folder with `schema.json`, or one file. */
  readonly registry: string;
  readonly data: string;
  /** In place of what the definition says; null: as it says. */
  readonly store: string | null;
  /** For a database that is not there yet. */
  readonly waitMs: number;
  /** 0: any that is free. */
  readonly port: number;
  readonly host: string;
  /** From 1. */
  readonly workers: number;
  /** Null: as each request says. */
  readonly baseUrl: string | null;
  readonly trustedProxies: readonly string[];
  readonly watch: boolean;
  readonly level: string;
  readonly slowMs: number;
  readonly metricsToken: string | null;
  readonly adminPassword: string | null;
}

const MOST_WORKERS = 256;

/** Fails with UsageError. */
export function readServeOptions(args: readonly string[], { env }: Pick<CommandContext, 'env'>): ServeOptions {
  const { values } = readArguments(args, {
    registry: { type: 'string' },
    data: { type: 'string' },
    store: { type: 'string' },
    wait: { type: 'string' },
    port: { type: 'string' },
    host: { type: 'string' },
    workers: { type: 'string' },
    'base-url': { type: 'string' },
    'trust-proxy': { type: 'string' },
    'log-level': { type: 'string' },
    'slow-ms': { type: 'string' },
    watch: { type: 'boolean' },
  });
  const workers = readWorkers(values.workers ?? (env.ENTREPOT_WORKERS || '1'));
  if (values.watch && workers > 1)
    throw new UsageError('--watch goes with one worker only: several would not take in a definition at one moment');
  return {
    registry: values.registry ?? defaultRegistry(),
    data: values.data ?? (env.ENTREPOT_DATA || 'data'),
    store: values.store ?? (env.ENTREPOT_STORE || null),
    waitMs: readWholeNumber(values.wait ?? '0', '--wait') * 1000,
    port: readPort(values.port ?? (env.PORT || '8080')),
    host: values.host ?? (env.HOST || '127.0.0.1'),
    workers,
    baseUrl: values['base-url'] === undefined ? null : readBaseUrl(values['base-url']),
    trustedProxies: readNetworks(values['trust-proxy'] ?? env.ENTREPOT_TRUST_PROXY ?? ''),
    watch: values.watch ?? false,
    level: readLogLevel(values['log-level'] ?? (env.ENTREPOT_LOG_LEVEL || 'warn')),
    slowMs: readWholeNumber(values['slow-ms'] ?? '1000', '--slow-ms'),
    metricsToken: env.ENTREPOT_METRICS_TOKEN || null,
    adminPassword: env.ENTREPOT_ADMIN_PASSWORD || null,
  };
}

function readWorkers(text: string): number {
  if (text === 'auto') return availableParallelism();
  const count = readWholeNumber(text, '--workers');
  if (count < 1 || count > MOST_WORKERS)
    throw new UsageError(`--workers takes a number from 1 to ${MOST_WORKERS}, or "auto", not "${text}"`);
  return count;
}
