import type { Frame, PrincipalView, RequestView, Scope } from '../language/frame.ts';

/** Slot of `record` where conditions and templates look at one record outside a pipeline (`visible_when`, `filter`, `derive`). */
const RECORD_SLOT = 0;

/** The scope of such conditions and templates: `record`, and hidden slots for expressions. What is evaluated over one frame shares one scope. */
export function recordScope(): Scope {
  let next = RECORD_SLOT + 1;
  return {
    slotOf(name) {
      if (name !== 'record') throw new Error(`The checker let the name ${name} pass where only record is bound`);
      return RECORD_SLOT;
    },
    hidden: () => next++,
  };
}

/** A frame that shows one record; in indexes nobody looks at it, in `visible_when` a principal does. */
export function recordFrame(record: unknown, principal: PrincipalView = NOBODY): Frame {
  return { ...EMPTY, principal, slots: [record] };
}

export const NOBODY: PrincipalView = Object.freeze({ sub: null, scopes: [], roles: [], org: null });

const EMPTY_REQUEST: RequestView = Object.freeze({
  method: '',
  path: '',
  query: Object.freeze({}),
  headers: Object.freeze({}),
  url: '',
  base_url: '',
  ip: '',
  body: null,
});

const EMPTY = {
  request: EMPTY_REQUEST,
  route: Object.freeze({ id: '', tags: [], pack: null, method: '', path: '' }),
  registry: Object.freeze({ features: {}, versioning: {}, mount: '' }),
  env: Object.freeze({}),
};
