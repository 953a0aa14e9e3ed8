import { accessRule } from './access.ts';
import { applyRule } from './apply.ts';
import { argumentsRule } from './arguments.ts';
import { blobsRule } from './blobs.ts';
import { bodyRule } from './body.ts';
import { codesRule } from './codes.ts';
import { conditionsRule } from './conditions.ts';
import type { LintContext } from './context.ts';
import { fieldsRule } from './fields.ts';
import { idsRule } from './ids.ts';
import { indexWritesRule } from './index-writes.ts';
import { invariantsRule } from './invariants.ts';
import { languageRule } from './language.ts';
import { membersRule } from './members.ts';
import { operationsRule } from './operations.ts';
import { pipelineLengthRule } from './pipeline-length.ts';
import { proxiesRule } from './proxies.ts';
import { recursionRule } from './recursion.ts';
import { referencesRule } from './references.ts';
import { representationsRule } from './representations.ts';
import { responseCacheRule } from './response-cache.ts';
import { responsesRule } from './responses.ts';
import { routesRule } from './routes.ts';
import type { Rule } from './rule.ts';
import { schemasRule } from './schemas.ts';
import { scopesRule } from './scopes.ts';
import { searchesRule } from './searches.ts';
import { transactionStoresRule } from './transaction-stores.ts';
import { transactionsRule } from './transactions.ts';
import { unreachableRule } from './unreachable.ts';
import { valuesRule } from './values.ts';
import { variablesRule } from './variables.ts';
import { visibilityRule } from './visibility.ts';

/** Every rule; each looks for its own kinds of trouble and none depends on another. */
export const RULES: readonly Rule[] = [
  operationsRule,
  argumentsRule,
  languageRule,
  conditionsRule,
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
  unreachableRule,
  idsRule,
  fieldsRule,
  membersRule,
  valuesRule,
  codesRule,
  scopesRule,
  accessRule,
  visibilityRule,
  searchesRule,
  indexWritesRule,
  proxiesRule,
  representationsRule,
  responseCacheRule,
  applyRule,
  invariantsRule,
];

export function runRules(context: LintContext): void {
  for (const rule of RULES) rule.run(context);
}
