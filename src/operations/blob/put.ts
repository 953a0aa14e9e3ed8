import type { OperationHandler } from '../../engine/contract.ts';
import { DIGEST_ALGORITHMS, formatDigest, strongest } from '../../shared/digest.ts';
import { invalidArgument } from '../arguments.ts';
import { compareDigests, expectedDigests } from './digest-text.ts';

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
    const algorithms = DIGEST_ALGORITHMS.filter((algorithm) => Array.isArray(wanted) && wanted.includes(algorithm));
    const asDigest = step.has('out_size');
    const bind = step.bind('out');
    const bindSize = step.bind('out_size');
    const bindDigest = step.bind('out_digest');
    return async (run) => {
      const text = expect(run);
      const expected = text === null ? [] : strongest(expectedDigests(text));
      const expectSize = size(run);
      if (expectSize !== null && expectSize < 0) throw invalidArgument('size', 'zero or more');
      const handle = await run.session.blobs.put(store, source(run), {
        algorithms: [...algorithms, ...expected.map((digest) => digest.algorithm)],
        // One is the store's to compare, so that nothing else is ever kept; of several any will do.
        expectDigest:
          expected.length === 1 ? expected.map(({ algorithm, hex }) => formatDigest(algorithm, hex))[0]! : null,
        expectSize,
        maxBytes: null,
        mediaType: mediaType(run),
      });
      if (expected.length > 1) compareDigests(handle.digests, expected);
      const digest = handle.digests.sha256;
      bind(run, asDigest ? digest : handle);
      bindSize(run, handle.size);
      bindDigest(run, digest);
      return undefined;
    };
  },
};
