import type { OperationHandler } from '../../engine/contract.ts';
import { whenReady } from '../../shared/maybe-promise.ts';
import { requiredText } from '../arguments.ts';
import { digestText, isAddress } from './digest-text.ts';

/** See `operations/blob/get.json`. */
export const blobGet: OperationHandler = {
  op: 'blob.get',
  compile(step) {
    const store = step.blobStore('store');
    const digest = requiredText(step, 'digest');
    const size = step.integer('size');
    const mediaType = step.text('media_type');
    const bind = step.bind('out');
    return (run) => {
      const address = digestText(digest(run));
      const known = { size: size(run), mediaType: mediaType(run) };
      return whenReady(isAddress(address) ? run.session.blobs.get(store, address, known) : null, (handle) => {
        bind(run, handle);
        return undefined;
      });
    };
  },
};
