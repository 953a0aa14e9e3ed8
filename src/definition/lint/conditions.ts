import { type Condition, type ConditionNode, parseCondition } from '../../language/condition.ts';
import type { Spot } from '../places.ts';
import type { LintContext } from './context.ts';
import type { Rule } from './rule.ts';
import { allSteps } from './walk-steps.ts';

/** Conditions look at something that can be one way or the other. */
export const conditionsRule: Rule = {
  codes: ['CONDITION_CONSTANT'],
  run(context) {
    for (const { list } of context.roots) {
      for (const step of allSteps(list)) {
        const { when, args } = context.parsed(step);
        if (when !== null && step.when !== null) check(context, when, step.when.spot);
        for (const { node, condition } of args) if (condition !== null) check(context, condition, node.spot);
      }
    }
    for (const { kind, json, spot } of context.model.loose) {
      if (kind === 'condition') check(context, parseCondition(json), spot);
    }
  },
};

function check(context: LintContext, condition: Condition, spot: Spot): void {
  if (condition.problems.length > 0 || !hasConstant(condition.node)) return;
  const fix = 'A variable is written "$name"';
  context.reporter.report('CONDITION_CONSTANT', spot, 'Part of this condition always comes out the same', { fix });
}

function hasConstant(node: ConditionNode): boolean {
  switch (node.kind) {
    case 'all':
    case 'any':
      return node.items.length === 0 || node.items.some(hasConstant);
    case 'not':
      return hasConstant(node.item);
    case 'null':
    case 'empty':
    case 'matches':
      return node.operand.constant;
    case 'equals':
    case 'in':
    case 'order':
      return node.left.constant && node.right.constant;
    case 'expr':
      return node.expression.uses.length === 0;
  }
}
