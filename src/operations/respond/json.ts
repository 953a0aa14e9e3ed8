import type { OperationHandler } from '../../engine/contract.ts';
import { writeJson } from '../../language/json.ts';
import { hasMany, writeJsonInSlices } from '../../language/json-slices.ts';
import { StoredValue } from '../../language/values.ts';
import { whenReady } from '../../shared/maybe-promise.ts';
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
      if (value instanceof StoredValue) {
        return draft(run, { kind: 'text', text: value.text }, 'application/json', documentTag(value));
      }
      const text = hasMany(value) ? writeJsonInSlices(value) : writeJson(value ?? null);
      return whenReady(text, (written) => draft(run, { kind: 'text', text: written }, 'application/json', null));
    };
  },
};
