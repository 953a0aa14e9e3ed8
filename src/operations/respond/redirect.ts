import type { OperationHandler } from '../../engine/contract.ts';
import { requiredText } from '../arguments.ts';
import { headerText } from '../headers.ts';
import { compileDraft } from './draft.ts';

/** See `operations/respond/redirect.json`. */
export const respondRedirect: OperationHandler = {
  op: 'respond.redirect',
  compile(step) {
    const draft = compileDraft(step, (status) => REDIRECTS.includes(status));
    const location = requiredText(step, 'location', 'path');
    return (run) => {
      const response = draft(run, NO_BODY, null, null);
      return { ...response, headers: [['Location', headerText('location', location(run))], ...response.headers] };
    };
  },
};

const REDIRECTS: readonly number[] = [301, 302, 303, 307, 308];
const NO_BODY = Object.freeze({ kind: 'none' });
