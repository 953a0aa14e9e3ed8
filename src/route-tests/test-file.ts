import type { Json, JsonObject } from '../definition/types.ts';
import type { TrialUser } from '../trial/trial.ts';

/** A `*.test.json` file: tests of the routes that it stands beside. `test-file-schema.ts` says what each key means. */
export interface RouteTestFile {
  readonly given?: Given;
  readonly tests: readonly RouteTest[];
}

export interface RouteTest {
  readonly name: string;
  readonly given?: Given;
  readonly mocks?: Readonly<Record<string, readonly Json[]>>;
  readonly request: TestRequest;
  readonly response: JsonObject;
  readonly state?: ExpectedState;
}

export interface Given {
  readonly definition?: JsonObject;
  readonly env?: Readonly<Record<string, string>>;
  readonly now?: string;
  readonly users?: Readonly<Record<string, TrialUser>>;
  readonly principal?: TestPrincipal | null;
  readonly steps?: readonly TestStep[];
}

export interface TestStep {
  readonly request: TestRequest;
  /** Without it, the answer must be no error. */
  readonly response?: JsonObject;
  /** Names for values of the JSON answer, by JSON pointer. */
  readonly keep?: Readonly<Record<string, string>>;
}

export interface TestRequest {
  readonly method?: string;
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Json;
  readonly principal?: TestPrincipal | null;
}

export interface TestPrincipal {
  readonly sub: string;
  readonly scopes?: readonly string[];
  readonly roles?: readonly string[];
  readonly org?: string | null;
}

export interface ExpectedState {
  readonly unchanged?: true;
  readonly records?: Readonly<Record<string, JsonObject>>;
  readonly events?: readonly { readonly type: string; readonly payload: Json }[];
  readonly blobs?: readonly string[];
  readonly upstreams?: Readonly<Record<string, readonly string[]>>;
}

/** The time in tests that do not say what time it is. */
export const DEFAULT_NOW = '2026-01-01T00:00:00.000Z';
