import type { FindingCode } from '../finding-codes.ts';
import type { LintContext } from './context.ts';

/** One kind of trouble that is looked for when a definition is loaded. Rules do not depend on each other. */
export interface Rule {
  readonly codes: readonly FindingCode[];
  run(context: LintContext): void;
}
