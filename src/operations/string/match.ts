import type { OperationHandler } from '../../engine/contract.ts';
import { compileNamePattern } from '../../language/name-pattern.ts';
import { invalidArgument, isPlainObject, requiredText } from '../arguments.ts';

/** See `operations/string/match.json`. */
export const stringMatch: OperationHandler = {
  op: 'string.match',
  compile(step) {
    const text = requiredText(step, 'in');
    const rules = step.value('rules');
    const bind = step.bind('out');
    let lastWritten: unknown;
    let lastRules: readonly Rule[] = [];
    return (run) => {
      const written = rules(run) ?? [];
      // A constant, and what a registry declares, is one and the same list each time.
      if (written !== lastWritten) {
        lastRules = rulesOf(written);
        lastWritten = written;
      }
      const subject = text(run);
      bind(run, lastRules.find(({ matches }) => matches(subject))?.is ?? null);
    };
  },
};

interface Rule {
  readonly is: unknown;
  matches(text: string): boolean;
}

function rulesOf(written: unknown): readonly Rule[] {
  if (!Array.isArray(written)) throw invalidArgument('rules', 'a list');
  return written.map((rule: unknown) => {
    if (!isPlainObject(rule) || typeof rule.names !== 'string')
      throw invalidArgument('rules', 'a list of { names, is }');
    const { matches } = compileNamePattern(rule.names);
    return { is: rule.is ?? null, matches };
  });
}
