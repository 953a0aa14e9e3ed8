import type { OperationHandler, Run, StepCompiler } from '../../engine/contract.ts';
import { RegistryError } from '../../errors/registry-error.ts';
import { type ByteHandle, isByteHandle, StoredValue } from '../../language/values.ts';
import { type MaybePromise, whenReady } from '../../shared/maybe-promise.ts';
import { asObject, invalidArgument } from '../arguments.ts';
import { digestText } from '../blob/digest-text.ts';
import { headerText } from '../headers.ts';
import { documentTag } from './document-tag.ts';
import { compileDraft } from './draft.ts';

/** See `operations/respond/bytes.json`. */
export const respondBytes: OperationHandler = {
  op: 'respond.bytes',
  compile(step) {
    const draft = compileDraft(step);
    const body = step.value('body');
    const mediaType = step.text('media_type');
    const reopen = compileReopen(step);
    return (run) => {
      const value = body(run);
      const given = mediaType(run);
      const type = given === null ? null : headerText('media_type', given);
      if (value instanceof StoredValue) {
        return draft(run, { kind: 'text', text: value.text }, type ?? 'application/json', documentTag(value));
      }
      if (typeof value === 'string') {
        return draft(run, { kind: 'bytes', bytes: Buffer.from(value) }, type ?? OCTETS, null);
      }
      if (value instanceof Uint8Array) return draft(run, { kind: 'bytes', bytes: value }, type ?? OCTETS, null);
      return whenReady(isByteHandle(value) ? value : reopen(run, value), (handle) =>
        draft(run, { kind: 'handle', handle }, type ?? storedType(handle), handle.digests.sha256 ?? null),
      );
    };
  },
};

const OCTETS = 'application/octet-stream';

/** What a client once said the bytes were; it may hold anything, so it is looked at before it becomes a header. */
function storedType(handle: ByteHandle): string {
  return handle.mediaType === null ? OCTETS : headerText('media_type', handle.mediaType);
}

/** The plain form of a handle, as a document or an expression holds it, stands for the blob. */
function compileReopen(step: StepCompiler): (run: Run, value: unknown) => MaybePromise<ByteHandle> {
  const store = step.blobStore('store');
  return (run, value) => {
    const plain = asObject(value, 'body');
    if (plain === null) throw new RegistryError('BLOB_NOT_FOUND');
    const { digest, media_type: mediaType } = plain;
    if (typeof digest !== 'string') throw invalidArgument('body', 'bytes, text or a document');
    // The size that the plain form states is not relied on: asking the store tells an absent blob in time.
    const known = { size: null, mediaType: typeof mediaType === 'string' ? mediaType : null };
    return whenReady(run.session.blobs.get(store, digestText(digest), known), (handle) => {
      if (handle === null) throw new RegistryError('BLOB_NOT_FOUND');
      return handle;
    });
  };
}
