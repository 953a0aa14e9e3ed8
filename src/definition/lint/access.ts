import { includesPattern } from '../../language/name-pattern.ts';
import type { AccessNode, StepNode } from '../model.ts';
import { suggest } from '../nearest.ts';
import { type Spot, spotOf } from '../places.ts';
import type { Json, JsonObject } from '../types.ts';
import type { LintContext } from './context.ts';
import type { Rule } from './rule.ts';
import { allSteps } from './walk-steps.ts';

/** Each rule of `access` can decide, each action that it speaks of is asked for, and the reverse. */
export const accessRule: Rule = {
  codes: ['ACCESS_RULE_HIDDEN', 'ACCESS_UNUSED', 'DUPLICATE_ID', 'REFERENCE_UNKNOWN'],
  run(context) {
    const asked = new Map<string, Set<string>>();
    for (const { list } of context.roots) for (const step of allSteps(list)) checkStep(context, step, asked);
    for (const access of context.model.access.values()) {
      checkPatterns(context, access);
      if (access.pack === null && access.name.includes('.') && !access.replaces) {
        const message = `There is no pack with an access that "${access.name}" could stand in for`;
        const fix = 'Write "<pack>.<name>" to replace what a pack says, or a name without a dot';
        context.reporter.report('REFERENCE_UNKNOWN', access.spot, message, { at: 'key', fix });
      } else checkUse(context, access, asked.get(access.name) ?? new Set());
    }
  },
};

/** Notes what a step asks for, and tells of an action that no rule lets anybody do. */
function checkStep(context: LintContext, step: StepNode, asked: Map<string, Set<string>>): void {
  const name = step.args.find((node) => node.definition?.to === 'access')?.references[0];
  const action = step.args.find((node) => node.name === 'action');
  const access = name === undefined ? undefined : context.model.access.get(name);
  if (access === undefined || action === undefined || typeof action.json !== 'string') return;
  const actions = asked.get(access.name) ?? new Set();
  asked.set(access.name, actions.add(action.json));
  const known = access.rules.flatMap(({ definition }) => Object.keys(definition.actions));
  if (known.includes(action.json)) return;
  const fix = suggest(action.json, known) ?? 'Add it to the rules, with an empty list where nobody may';
  const message = `No rule of the access "${access.name}" says who may "${action.json}"`;
  context.reporter.report('REFERENCE_UNKNOWN', action.spot, message, { fix });
}

/** A pattern is looked at only where no earlier one matches, so one that an earlier one includes decides nothing. */
function checkPatterns({ reporter }: LintContext, access: AccessNode): void {
  const earlier: string[] = [];
  for (const { json } of access.rules) {
    for (const { pattern, spot } of patternsOf(json)) {
      if (earlier.includes(pattern)) {
        const message = `The pattern "${pattern}" stands here a second time, and the first one decides`;
        reporter.report('DUPLICATE_ID', spot, message, { fix: 'Remove it' });
        continue;
      }
      const hiding = earlier.find((other) => includesPattern(other, pattern));
      earlier.push(pattern);
      if (hiding === undefined) continue;
      const message = `"${pattern}" never decides: "${hiding}", which stands before it, matches all its names`;
      reporter.report('ACCESS_RULE_HIDDEN', spot, message, { fix: 'Put the more particular pattern first' });
    }
  }
}

function patternsOf(rule: JsonObject): readonly { readonly pattern: string; readonly spot: Spot }[] {
  const { names } = rule;
  if (typeof names === 'string') return [{ pattern: names, spot: spotOf(rule, 'names') }];
  if (!Array.isArray(names)) return [];
  return names.flatMap((pattern: Json, index) =>
    typeof pattern === 'string' ? [{ pattern, spot: spotOf(names, index) }] : [],
  );
}

/** What no step asks for protects nothing. */
function checkUse({ reporter }: LintContext, access: AccessNode, asked: ReadonlySet<string>): void {
  if (asked.size === 0) {
    const message = `No step asks for the access "${access.name}": its rules protect nothing`;
    const fix = `Add "auth.require_access" to the routes, or remove the rules`;
    reporter.report('ACCESS_UNUSED', access.spot, message, { at: 'key', fix });
    return;
  }
  const told = new Set<string>();
  for (const { json, definition } of access.rules) {
    for (const action of Object.keys(definition.actions)) {
      if (asked.has(action) || told.has(action) || (definition.hidden && action === 'read')) continue;
      told.add(action);
      const fix = suggest(action, [...asked]);
      const message = `No step asks for the action "${action}" of the access "${access.name}"`;
      reporter.report('ACCESS_UNUSED', spotOf(json, action), message, { at: 'key', fix });
    }
  }
}
