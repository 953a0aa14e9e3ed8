import type { OperationHandler } from '../../engine/contract.ts';
import { RegistryError } from '../../errors/registry-error.ts';
import { member } from '../../language/member.ts';
import { isByteHandle } from '../../language/values.ts';
import { invalidArgument, requiredText } from '../arguments.ts';
import { compareDigests, digestText, expectedDigests } from './digest-text.ts';

/** See `operations/blob/verify_digest.json`. */
export const blobVerifyDigest: OperationHandler = {
  op: 'blob.verify_digest',
  compile(step) {
    const algorithm = String(step.literal('algo'));
    const expect = step.text('expect');
    if (step.has('digest')) {
      const digest = requiredText(step, 'digest');
      return (run) => {
        const taken = digestText(digest(run), algorithm);
        if (!run.session.blobs.wasPut(taken)) {
          throw new RegistryError('DIGEST_MISMATCH', { details: { expected: taken, actual: null } });
        }
        const expected = expect(run);
        const taker = taken.slice(0, taken.indexOf(':'));
        if (expected !== null) compareDigests({ [taker]: taken }, expectedDigests(expected, algorithm));
      };
    }
    const blob = step.value('blob');
    return (run) => {
      const value = blob(run);
      const digests = isByteHandle(value) ? value.digests : member(value, 'digests');
      if (typeof digests !== 'object' || digests === null) throw invalidArgument('blob', 'bytes that were stored');
      const expected = expect(run);
      if (expected !== null) compareDigests(digests, expectedDigests(expected, algorithm));
    };
  },
};
