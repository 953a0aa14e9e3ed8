import type { Frame, Scope } from '../../src/language/frame.ts';
import type { ByteHandle } from '../../src/language/values.ts';

/** A scope and a frame over the variables of a case. */
export function place(variables: Readonly<Record<string, unknown>>): { readonly scope: Scope; readonly frame: Frame } {
  const names = Object.keys(variables);
  const slots: unknown[] = Object.values(variables);
  const scope: Scope = {
    slotOf: (name) => {
      const slot = names.indexOf(name);
      if (slot < 0) throw new Error(`"${name}" is not bound`);
      return slot;
    },
    hidden: () => slots.push(undefined) - 1,
  };
  const frame: Frame = {
    slots,
    request: {
      method: 'GET',
      path: '/v1/x',
      query: Object.assign(Object.create(null), { q: 'word', $x: 'raw' }),
      headers: Object.assign(Object.create(null), { accept: 'text/html' }),
      url: 'http://local/v1/x?q=word',
      base_url: 'http://local',
      ip: '192.0.2.1',
      body: handle,
    },
    principal: { sub: null, scopes: ['read'], roles: [], org: null },
    route: { id: 'fetch', tags: ['public'], pack: null, method: 'GET', path: '/v1/{x}' },
    registry: { features: { proxy: true }, versioning: { scheme: 'semver' }, mount: '' },
    env: Object.assign(Object.create(null), { ORIGIN: 'http://origin', UNSET: null }),
  };
  return { scope, frame };
}

const HEX = 'ab'.repeat(32);

export const handle: ByteHandle = {
  isByteHandle: true,
  size: 3,
  mediaType: 'text/plain',
  digests: { sha256: `sha256:${HEX}` },
  open: () => ({ size: 3, bytes: new Uint8Array(3), stream: null }),
  reopenable: true,
};

/** The code that a call fails with, or what it gave. */
export async function outcome(call: () => unknown): Promise<unknown> {
  try {
    return await call();
  } catch (error) {
    return error instanceof Error && 'code' in error
      ? { code: error.code, details: Reflect.get(error, 'details') }
      : error;
  }
}
