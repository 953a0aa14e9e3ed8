import type { OperationHandler } from '../../engine/contract.ts';
import type { DigestAlgorithm } from '../../ports/blob-store.ts';
import { invalidArgument } from '../arguments.ts';
import { digestText } from './digest-text.ts';

const ALGORITHMS: readonly DigestAlgorithm[] = ['sha256', 'sha512', 'sha1', 'md5'];

/** See `operations/blob/put.json`. */
export const blobPut: OperationHandler = {
  op: 'blob.put',
  compile(step) {
    const store = step.blobStore('store');
    const source = step.source('from');
    const expect = step.text('expect');
    const size = step.integer('size');
    const mediaType = step.text('media_type');
    const wanted = step.literal('algorithms');
    const algorithms = ALGORITHMS.filter((algorithm) => Array.isArray(wanted) && wanted.includes(algorithm));
    const asDigest = step.has('out_size');
    const bind = step.bind('out');
    const bindSize = step.bind('out_size');
    const bindDigest = step.bind('out_digest');
    return async (run) => {
      const expected = expect(run);
      const expectSize = size(run);
      if (expectSize !== null && expectSize < 0) throw invalidArgument('size', 'zero or more');
      const handle = await run.session.blobs.put(store, source(run), {
        algorithms,
        expectDigest: expected === null ? null : digestText(expected),
        expectSize,
        maxBytes: null,
        mediaType: mediaType(run),
      });
      const digest = handle.digests.sha256;
      bind(run, asDigest ? digest : handle);
      bindSize(run, handle.size);
      bindDigest(run, digest);
      return undefined;
    };
  },
};
