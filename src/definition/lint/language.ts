import { parseCondition } from '../../language/condition.ts';
import type { Problem } from '../../language/problem.ts';
import { parseKeyTemplate } from '../../language/record-key.ts';
import { checkRegex } from '../../language/regex.ts';
import { parseTemplate } from '../../language/template.ts';
import type { Use } from '../../language/use.ts';
import type { LooseValue } from '../model.ts';
import { suggest } from '../nearest.ts';
import type { Spot } from '../places.ts';
import type { Json } from '../types.ts';
import type { LintContext } from './context.ts';
import type { Rule } from './rule.ts';
import { allSteps } from './walk-steps.ts';

/** Everything written in one of the languages parses, in steps and outside, and outside steps reads only what is there. */
export const languageRule: Rule = {
  codes: [
    'TEMPLATE_INVALID',
    'EXPRESSION_INVALID',
    'CONDITION_INVALID',
    'REGEX_INVALID',
    'KEY_INVALID',
    'VARIABLE_UNBOUND',
  ],
  run(context) {
    for (const { list } of context.roots) {
      for (const step of allSteps(list)) {
        const { when, args } = context.parsed(step);
        if (when !== null && step.when !== null) reportProblems(context, step.when.spot, when.problems);
        for (const { node, problems } of args) {
          // What was filled in is judged where it is written.
          if (node.from === null) reportProblems(context, node.spot, problems);
        }
      }
    }
    for (const loose of context.model.loose) {
      const { uses, problems } = parseLoose(loose);
      reportProblems(context, loose.spot, problems);
      for (const use of uses) {
        if (loose.names?.includes(use.name) === false) reportUnknownName(context, loose, use);
      }
    }
  },
};

function reportProblems(context: LintContext, spot: Spot, problems: readonly Problem[]): void {
  for (const { code, message, pointer, fix } of problems) {
    context.reporter.report(code, context.places.follow(spot, pointer), message, { fix: fix ?? null });
  }
}

function reportUnknownName(context: LintContext, loose: LooseValue, use: Use): void {
  const spot = context.places.follow(loose.spot, use.pointer);
  context.reporter.report('VARIABLE_UNBOUND', spot, `There is no "${use.name}" here`, {
    fix: suggest(use.name, loose.names ?? []),
  });
}

interface Parsed {
  readonly uses: readonly Use[];
  readonly problems: readonly Problem[];
}

function parseLoose({ kind, json }: LooseValue): Parsed {
  switch (kind) {
    case 'template':
      return parseTemplate(json);
    case 'condition':
      return parseCondition(json);
    case 'regex':
      return { uses: [], problems: one(checkRegex(textOf(json))) };
    case 'key':
      return { uses: [], problems: parseKeyTemplate(textOf(json)).problems };
    case 'schema':
      return { uses: [], problems: [] };
  }
}

function textOf(json: Json): string {
  return typeof json === 'string' ? json : '';
}

function one(problem: Problem | null): readonly Problem[] {
  return problem === null ? [] : [problem];
}
