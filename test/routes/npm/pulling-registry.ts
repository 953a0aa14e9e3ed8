import { expect } from 'vitest';
import { systemClock } from '../../../src/shared/clock.ts';
import { packagesRegistry } from '../../support/packages-registry.ts';
import { ADMIN, openTestRegistry, type StoreKind, type TestResponse } from '../../support/registry.ts';
import type { NpmUpstream } from './npm-upstream.ts';

export const SHORT = 'application/vnd.npm.install-v1+json';

/** Everything but what is Acme's comes from the upstream. */
const SOURCES = [
  { names: '@acme/*', is: null },
  { names: 'acme-*', is: null },
  { names: '**', is: 'upstream' },
];

export interface Settings {
  readonly features?: object;
  readonly upstream?: object;
  readonly access?: object;
  readonly data?: string;
}

/** A registry that pulls from the upstream, on a clock that the test moves. */
export async function openPulling(kind: StoreKind, { origin }: Pick<NpmUpstream, 'origin'>, settings: Settings = {}) {
  let aheadMs = 0;
  const advance = (ms: number) => {
    aheadMs += ms;
  };
  const clock = { ...systemClock, now: () => Date.now() + aheadMs, advance };
  const npm = {
    allow_private_addresses: true,
    retry: { max_attempts: 1, backoff_ms: 1 },
    circuit: { failures: 1000, open_ms: 1 },
    ...settings.upstream,
  };
  const features = { npm_sources: SOURCES, ...settings.features };
  const patch = {
    env: ['ENTREPOT_ORIGIN_URL', 'ENTREPOT_NPM_URL', 'UPSTREAM_TOKEN'],
    upstreams: { npm },
    features,
    access: settings.access ?? {},
  };
  const test = await openTestRegistry(packagesRegistry(patch), {
    kind,
    clock,
    env: { ENTREPOT_NPM_URL: origin, UPSTREAM_TOKEN: 'secret-of-ours' },
    ...(settings.data === undefined ? {} : { data: settings.data }),
  });
  const get = (target: string, headers: Record<string, string> = {}) => test.send('GET', `/npm${target}`, { headers });
  return {
    ...test,
    clock,
    get,
    short: (target: string) => get(target, { accept: SHORT }),
    versions: async (target: string) => Object.keys((await get(target)).json.versions),
    put: (target: string, body: object) => test.send('PUT', `/npm${target}`, { headers: ADMIN, body }),
  };
}

/** An error that a person understands, by its code. */
export function expectRefused(response: TestResponse, status: number, code: string) {
  expect({ status: response.status, json: response.json }).toMatchObject({ status, json: { code } });
  expect(response.json.error).toMatch(/^[A-Z@a-z].{10,}$/);
}
