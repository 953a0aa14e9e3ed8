import { ERROR_CODES } from '../../errors/codes.ts';
import type { StepList, StepNode } from '../model.ts';
import { suggest } from '../nearest.ts';
import { isObject, isRemark } from '../object-reader.ts';
import { type Spot, spotOf } from '../places.ts';
import type { Json } from '../types.ts';
import type { LintContext } from './context.ts';
import type { Rule } from './rule.ts';
import { allSteps, calledPipeline, innerLists } from './walk-steps.ts';

/** Codes that any step may fail with: its values cannot be read, a store fails, a limit is reached. */
const ANYWHERE: readonly string[] = [
  'VALUE_MISSING',
  'VALUE_INVALID',
  'EXPRESSION_FAILED',
  'STORE_FAILURE',
  'BLOB_STORE_FAILURE',
  'STORE_FULL',
  'CACHE_FAILURE',
  'CPU_LIMIT',
  'IO_LIMIT',
  'CONFLICT',
  'CLOSING',
  'INTERNAL',
];

/** A `catch` names codes that its step can fail with, an error table codes that somebody raises. */
export const codesRule: Rule = {
  codes: ['CODE_NEVER_RAISED'],
  run(context) {
    const raised = new Set(context.roots.flatMap(({ list }) => allSteps(list).flatMap((step) => ownCodes(step))));
    for (const { list } of context.roots) {
      for (const step of allSteps(list)) checkCatch(context, step);
    }
    const named = context.roots.flatMap(({ list }) => allSteps(list).flatMap((step) => namedError(step)));
    const known = [...new Set([...Object.keys(ERROR_CODES), ...raised, ...named, '*'])];
    for (const table of context.model.errorTables) {
      for (const [code, entry] of Object.entries(table)) {
        if (known.includes(code) || isRemark(code, entry)) continue;
        report(context, spotOf(table, code), `Nothing raises "${code}"`, suggest(code, known));
      }
    }
  },
};

function checkCatch(context: LintContext, step: StepNode): void {
  if (step.catches.length === 0 || step.operation === null) return;
  const possible = new Set([...ANYWHERE, ...codesOf(context, step, new Set())]);
  // A step that fails with a code of the moment may fail with any.
  if (possible.has('*')) return;
  const handlers = step.json.catch;
  for (const { code } of step.catches) {
    if (possible.has(code) || code === '*' || !isObject(handlers)) continue;
    report(context, spotOf(handlers, code), `"${step.op}" never fails with "${code}"`, suggest(code, [...possible]));
  }
}

function report(context: LintContext, spot: Spot, message: string, fix: string | null): void {
  context.reporter.report('CODE_NEVER_RAISED', spot, message, { fix, at: 'key' });
}

/** What a step, the steps inside it and the pipelines it calls may fail with. */
function codesOf(context: LintContext, step: StepNode, seen: Set<string>): readonly string[] {
  const called = calledPipeline(step);
  const root = called === null || seen.has(called) ? null : context.pipeline(called);
  if (called !== null) seen.add(called);
  const lists: readonly StepList[] = [...innerLists(step), ...(root === null ? [] : [root.list])];
  return [...ownCodes(step), ...lists.flatMap((list) => list.steps.flatMap((inner) => codesOf(context, inner, seen)))];
}

/** The error under `errors` that a step raises by its name, which need not be its code. */
function namedError(step: StepNode): readonly string[] {
  const code = step.op === 'respond.error' && isObject(step.json.args) ? step.json.args.code : null;
  return typeof code === 'string' ? [code] : [];
}

/** `*` where the code is known only at run time. */
function ownCodes(step: StepNode): readonly string[] {
  const errors = step.operation?.errors ?? [];
  if (step.op !== 'respond.error') return errors;
  const code: Json | undefined = step.args.find((node) => node.name === 'code')?.json;
  return [...errors, typeof code === 'string' && /^[A-Za-z0-9_.-]+$/.test(code) ? code : '*'];
}
