import type { MaybePromise } from '../shared/maybe-promise.ts';

/**
 * What compiled templates, conditions and expressions read. A pipeline's variables live in numbered slots that the compiler
 * resolved; the roots are properties. `error`, `event` and `record` are ordinary slots, bound where they exist.
 */
export interface Frame {
  readonly slots: unknown[];
  readonly request: RequestView;
  readonly principal: PrincipalView;
  readonly route: RouteView;
  readonly registry: RegistryView;
  /** Declared names only; null where the variable is not set. */
  readonly env: Readonly<Record<string, string | null>>;
  /** Whom the time of expressions is charged to, where somebody keeps account. */
  readonly session?: Meter;
}

/** Keeps account of computing time. */
export interface Meter {
  /** Milliseconds that somebody computed while the meter's own clock stood still. */
  spend(ms: number): void;
}

/** The members of `request` that a path may name. Objects have a null prototype. */
export interface RequestView {
  readonly method: string;
  /** Decoded path. */
  readonly path: string;
  /** First value of each parameter. */
  readonly query: Readonly<Record<string, string>>;
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, string>>;
  readonly url: string;
  readonly base_url: string;
  readonly ip: string;
  /** A ByteHandle. */
  readonly body: unknown;
}

export interface PrincipalView {
  /** Null for anonymous. */
  readonly sub: string | null;
  readonly scopes: readonly string[];
  readonly roles: readonly string[];
  readonly org: string | null;
}

export interface RouteView {
  readonly id: string;
  readonly tags: readonly string[];
  readonly pack: string | null;
  readonly method: string;
  readonly path: string;
}

export interface RegistryView {
  readonly features: Readonly<Record<string, unknown>>;
  /** As written under `entities.versioning`. */
  readonly versioning: Readonly<Record<string, unknown>>;
  /** Path prefix of the pack's routes, the first where it has several; empty outside packs and for one that is mounted at the root. */
  readonly mount: string;
}

/** The roots that are properties of a frame, and the members a path may name where they are fixed. */
export const ROOTS = Object.freeze({
  request: ['method', 'path', 'query', 'headers', 'url', 'base_url', 'ip', 'body'],
  principal: ['sub', 'scopes', 'roles', 'org'],
  route: ['id', 'tags', 'pack', 'method', 'path'],
  registry: ['features', 'versioning', 'mount'],
  env: null,
} as const satisfies Record<string, readonly string[] | null>);

export type RootName = keyof typeof ROOTS;

/** Numbers for names, at compile time. */
export interface Scope {
  /** The slot of a bound name. The checker has seen to it that the name is bound. */
  slotOf(name: string): number;
  /** A fresh slot without a name, for the result of an expression. */
  hidden(): number;
}

/** Evaluates the expressions of a template or condition into their hidden slots; must be through before `evaluate`. */
export type Prelude = (frame: Frame) => MaybePromise<void>;
