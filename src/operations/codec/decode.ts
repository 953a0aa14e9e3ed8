import type { OperationHandler, Run } from '../../engine/contract.ts';
import { fail } from '../../errors/registry-error.ts';
import { parseJson } from '../../language/json.ts';
import { parseJsonInSlices } from '../../language/json-slices.ts';
import { isByteHandle } from '../../language/values.ts';
import { type MaybePromise, whenReady } from '../../shared/maybe-promise.ts';
import { invalidArgument } from '../arguments.ts';
import { readAll } from '../read-all.ts';

/** What is larger is read in slices, so that nobody waits for it. */
const MAX_AT_ONCE = 512 * 1024;

/** See `operations/codec/decode.json`. */
export const codecDecode: OperationHandler = {
  op: 'codec.decode',
  compile(step) {
    const { limits } = step.definition.ops;
    const maxBytes = Number(step.literal('max_bytes') ?? limits.maxJsonBytes);
    const format = String(step.literal('format'));
    const from = step.value('from');
    const source = step.source('from');
    const bind = step.bind('out');
    const tooLarge = () =>
      fail('JSON_TOO_LARGE', `The content is larger than ${maxBytes} bytes`, { max_bytes: maxBytes });
    const content = (run: Run): MaybePromise<Uint8Array | string> => {
      const value = from(run);
      if (typeof value === 'string') return value;
      if (value === null || value === undefined) throw invalidArgument('from', 'bytes or text');
      const handle = isByteHandle(value) ? value : source(run);
      if (handle.size !== null && handle.size > maxBytes) tooLarge();
      return readAll(handle, maxBytes, tooLarge);
    };
    const jsonLimits = { maxBytes, maxDepth: limits.maxJsonDepth };
    const decode = (bytes: Uint8Array | string): MaybePromise<unknown> => {
      if (format !== 'json') return textOf(bytes);
      return bytes.length > MAX_AT_ONCE ? parseJsonInSlices(bytes, jsonLimits) : parseJson(bytes, jsonLimits);
    };
    return (run) =>
      whenReady(content(run), (bytes) =>
        whenReady(decode(bytes), (value) => {
          bind(run, value);
          return undefined;
        }),
      );
  },
};

const decoder = new TextDecoder('utf-8', { fatal: true });

function textOf(bytes: Uint8Array | string): string {
  if (typeof bytes === 'string') return bytes;
  try {
    return decoder.decode(bytes);
  } catch {
    return fail('VALUE_INVALID', 'The content is not valid UTF-8');
  }
}
