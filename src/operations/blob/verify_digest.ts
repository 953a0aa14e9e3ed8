import type { OperationHandler } from '../../engine/contract.ts';
import { RegistryError } from '../../errors/registry-error.ts';
import { member } from '../../language/member.ts';
import { isByteHandle } from '../../language/values.ts';
import { invalidArgument, requiredText } from '../arguments.ts';
import { digestText } from './digest-text.ts';

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
        if (!run.session.blobs.wasPut(taken)) throw mismatch(taken, null);
        const expected = expect(run);
        if (expected !== null) compare({ [algorithmOf(taken)]: taken }, digestText(expected, algorithm));
      };
    }
    const blob = step.value('blob');
    return (run) => {
      const value = blob(run);
      const digests = isByteHandle(value) ? value.digests : member(value, 'digests');
      if (typeof digests !== 'object' || digests === null) throw invalidArgument('blob', 'bytes that were stored');
      const expected = expect(run);
      if (expected !== null) compare(digests, digestText(expected, algorithm));
    };
  },
};

function algorithmOf(digest: string): string {
  return digest.slice(0, digest.indexOf(':'));
}

function compare(digests: object, expected: string): void {
  const algorithm = algorithmOf(expected);
  const actual = member(digests, algorithm);
  if (typeof actual !== 'string') {
    throw new RegistryError('DIGEST_INVALID', { message: `No ${algorithm} was taken of the content` });
  }
  if (actual !== expected) throw mismatch(expected, actual);
}

function mismatch(expected: string, actual: string | null): RegistryError {
  return new RegistryError('DIGEST_MISMATCH', { details: { expected, actual } });
}
