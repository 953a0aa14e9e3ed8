import type { OperationHandler } from '../../engine/contract.ts';
import { writeJson } from '../../language/json.ts';
import { StoredValue } from '../../language/values.ts';
import { documentTag } from './document-tag.ts';
import { compileDraft } from './draft.ts';

/** See `operations/respond/json.json`. */
export const respondJson: OperationHandler = {
  op: 'respond.json',
  compile(step) {
    const draft = compileDraft(step);
    const body = step.value('body');
    return (run) => {
      const value = body(run);
      const isStored = value instanceof StoredValue;
      const text = isStored ? value.text : writeJson(value ?? null);
      return draft(run, { kind: 'text', text }, 'application/json', isStored ? documentTag(value) : null);
    };
  },
};
