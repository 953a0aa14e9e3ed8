import type { LoadContext, Model } from '../model.ts';
import { isRemark, type ObjectReader, openObject } from '../object-reader.ts';
import type { Spot } from '../places.ts';
import type { Json, UpstreamDefinition } from '../types.ts';

const AUTH_MODES = ['none', 'basic', 'bearer_token', 'api_key', 'challenge'] as const;
const ONE_GIB = 2 ** 30;

/** `upstreams` of `schema.json`. */
export function readUpstreams(
  context: LoadContext,
  model: Model,
  owner: ObjectReader,
): Readonly<Record<string, UpstreamDefinition>> {
  return owner.map('upstreams', (json, name, spot) =>
    isRemark(name, json) ? undefined : readUpstream(context, model, json, name, spot),
  );
}

function readUpstream(
  context: LoadContext,
  model: Model,
  json: Json,
  name: string,
  spot: Spot,
): UpstreamDefinition | undefined {
  const reader = openObject(json, spot, context.reporter);
  if (reader === null) return undefined;
  const baseUrl = reader.requiredText('base_url');
  model.loose.push({ kind: 'template', json: baseUrl, spot: reader.at('base_url'), names: ['env'] });
  const auth = readUpstreamAuth(reader.child('auth'));
  const timeouts = reader.child('timeouts_ms');
  const connectTimeoutMs = timeouts?.integer('connect', 2000, 1) ?? 2000;
  const readTimeoutMs = timeouts?.integer('read', 10_000, 1) ?? 10_000;
  timeouts?.finish();
  const retry = reader.child('retry');
  const maxAttempts = retry?.integer('max_attempts', 2, 1) ?? 2;
  const backoffMs = retry?.integer('backoff_ms', 200) ?? 200;
  retry?.finish();
  const breaker = reader.child('circuit');
  const circuit =
    breaker === null
      ? null
      : { failures: breaker.integer('failures', 5, 1), openMs: breaker.integer('open_ms', 60_000, 1) };
  breaker?.finish();
  const maxResponseBytes = reader.integer('max_response_bytes', ONE_GIB, 1);
  const allowPrivateAddresses = reader.boolean('allow_private_addresses', false);
  reader.finish();
  return {
    name,
    baseUrl,
    auth,
    connectTimeoutMs,
    readTimeoutMs,
    maxAttempts,
    backoffMs,
    circuit,
    maxResponseBytes,
    allowPrivateAddresses,
  };
}

function readUpstreamAuth(reader: ObjectReader | null): UpstreamDefinition['auth'] {
  const mode = reader?.choice('mode', AUTH_MODES, 'none') ?? 'none';
  const auth = {
    mode,
    tokenEnv: reader?.text('token_env', null) ?? null,
    usernameEnv: reader?.text('username_env', null) ?? null,
    passwordEnv: reader?.text('password_env', null) ?? null,
    header: reader?.text('header', null) ?? (mode === 'api_key' ? 'X-Api-Key' : 'Authorization'),
  };
  reader?.finish();
  return auth;
}
