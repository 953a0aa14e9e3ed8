import type { OperationHandler, Run } from '../../engine/contract.ts';
import { fail } from '../../errors/registry-error.ts';
import { parseJson } from '../../language/json.ts';
import { isByteHandle } from '../../language/values.ts';
import { type MaybePromise, whenReady } from '../../shared/maybe-promise.ts';
import { invalidArgument } from '../arguments.ts';
import { readAll } from '../read-all.ts';

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
    const decode = (bytes: Uint8Array | string) =>
      format === 'json' ? parseJson(bytes, { maxBytes, maxDepth: limits.maxJsonDepth }) : textOf(bytes);
    return (run) =>
      whenReady(content(run), (bytes) => {
        bind(run, decode(bytes));
        return undefined;
      });
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
