import { argumentsRule } from './arguments.ts';
import { blobsRule } from './blobs.ts';
import { bodyRule } from './body.ts';
import type { LintContext } from './context.ts';
import { languageRule } from './language.ts';
import { operationsRule } from './operations.ts';
import { pipelineLengthRule } from './pipeline-length.ts';
import { recursionRule } from './recursion.ts';
import { referencesRule } from './references.ts';
import { responsesRule } from './responses.ts';
import { routesRule } from './routes.ts';
import type { Rule } from './rule.ts';
import { schemasRule } from './schemas.ts';
import { transactionStoresRule } from './transaction-stores.ts';
import { transactionsRule } from './transactions.ts';
import { variablesRule } from './variables.ts';

/** Every rule; each looks for its own kinds of trouble and none depends on another. */
export const RULES: readonly Rule[] = [
  operationsRule,
  argumentsRule,
  languageRule,
  schemasRule,
  referencesRule,
  routesRule,
  variablesRule,
  transactionsRule,
  transactionStoresRule,
  blobsRule,
  bodyRule,
  responsesRule,
  pipelineLengthRule,
  recursionRule,
];

export function runRules(context: LintContext): void {
  for (const rule of RULES) rule.run(context);
}
