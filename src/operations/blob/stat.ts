import type { OperationHandler } from '../../engine/contract.ts';
import { whenReady } from '../../shared/maybe-promise.ts';
import { requiredText } from '../arguments.ts';
import { digestText, isAddress } from './digest-text.ts';

/** See `operations/blob/stat.json`. */
export const blobStat: OperationHandler = {
  op: 'blob.stat',
  compile(step) {
    const store = step.blobStore('store');
    const digest = requiredText(step, 'digest');
    const bind = step.bind('out');
    return (run) => {
      const address = digestText(digest(run));
      return whenReady(isAddress(address) ? run.session.blobs.stat(store, address) : null, (stat) => {
        bind(run, stat === null ? null : { digest: stat.digest, size: stat.size });
        return undefined;
      });
    };
  },
};
