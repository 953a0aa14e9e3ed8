import type { Finding } from '../definition/findings.ts';

/** One thing that was looked at. `note`: nothing is wrong, but a person may want to know. */
export interface Check {
  readonly name: string;
  readonly outcome: 'held' | 'failed' | 'note';
  /** Particulars, a sentence each. */
  readonly details: readonly string[];
}

export interface Section {
  readonly id: 'operations' | 'routes' | 'storage' | 'auth' | 'events';
  readonly title: string;
  readonly checks: readonly Check[];
}

/** What a principal gets of a route. `depends`: a step of the route refuses under conditions. */
export type Permission = 'yes' | '401' | '403' | 'depends' | 'unknown';

/** Each route as each principal. */
export interface PermissionMatrix {
  /** `anonymous` and each scope of the definition, held alone. */
  readonly principals: readonly string[];
  readonly rows: readonly {
    readonly route: string;
    readonly method: string;
    readonly path: string;
    /** What the answers said, in the order of the principals. */
    readonly permissions: readonly Permission[];
  }[];
}

export interface VerifyReport {
  readonly ok: boolean;
  /** Of the checker. With an error among them nothing else was looked at. */
  readonly findings: readonly Finding[];
  readonly sections: readonly Section[];
  readonly permissions: PermissionMatrix | null;
}

/** A check that held, or failed where there are `problems`. */
export function check(name: string, problems: readonly string[], details: readonly string[] = []): Check {
  return problems.length > 0 ? { name, outcome: 'failed', details: problems } : { name, outcome: 'held', details };
}

/** Something to know, where there are `details`. */
export function note(name: string, details: readonly string[]): readonly Check[] {
  return details.length === 0 ? [] : [{ name, outcome: 'note', details }];
}

/** A check by an action that fails when something is not as it must be. */
export async function attempt(name: string, action: () => Promise<void>): Promise<Check> {
  try {
    await action();
    return check(name, []);
  } catch (thrown) {
    return check(name, [thrown instanceof Error ? thrown.message : String(thrown)]);
  }
}

/** Fails with the sentence unless the condition holds. */
export function must(condition: boolean, sentence: string): asserts condition {
  if (!condition) throw new Error(sentence);
}
