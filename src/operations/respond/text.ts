import type { OperationHandler } from '../../engine/contract.ts';
import { requiredText } from '../arguments.ts';
import { headerText } from '../headers.ts';
import { compileDraft } from './draft.ts';

/** See `operations/respond/text.json`. */
export const respondText: OperationHandler = {
  op: 'respond.text',
  compile(step) {
    const draft = compileDraft(step);
    const body = requiredText(step, 'body');
    const mediaType = step.text('media_type');
    return (run) => {
      const type = headerText('media_type', mediaType(run) ?? 'text/plain; charset=utf-8');
      return draft(run, { kind: 'text', text: body(run) }, type, null);
    };
  },
};
