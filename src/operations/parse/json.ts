import type { OperationHandler } from '../../engine/contract.ts';
import { fail, RegistryError } from '../../errors/registry-error.ts';
import { parseJson as parseJsonText } from '../../language/json.ts';
import { isByteHandle } from '../../language/values.ts';
import { whenReady } from '../../shared/maybe-promise.ts';
import { readAll } from '../read-all.ts';

/** See `operations/parse/json.json`. */
export const parseJson: OperationHandler = {
  op: 'parse.json',
  compile(step) {
    const { maxJsonBytes: maxBytes, maxJsonDepth: maxDepth } = step.definition.ops.limits;
    const tooLarge = () => fail('JSON_TOO_LARGE', `The JSON is larger than ${maxBytes} bytes`, { max_bytes: maxBytes });
    const accepts = compileMediaTypes(step.literal('media_types'));
    const validate = step.schema('schema');
    const bind = step.bind('out');
    return (run) => {
      const { body } = run.request;
      if (!isByteHandle(body)) throw new RegistryError('JSON_INVALID', { message: 'The request has no body' });
      if (!accepts(body.mediaType)) {
        const got = body.mediaType ?? 'none';
        throw new RegistryError('UNSUPPORTED_MEDIA_TYPE', {
          message: `The media type of the body is not accepted here: ${got}`,
        });
      }
      if (body.size !== null && body.size > maxBytes) tooLarge();
      return whenReady(readAll(body, maxBytes, tooLarge), (bytes) => {
        if (bytes.length === 0) fail('JSON_INVALID', 'The request has no body');
        const value = parseJsonText(bytes, { maxBytes, maxDepth });
        const errors = validate?.(value) ?? null;
        if (errors !== null) throw new RegistryError('SCHEMA_INVALID', { details: errors });
        bind(run, value);
        return undefined;
      });
    };
  },
};

/** Tells whether a Content-Type is among the media types given; without any, all are. Parameters and case do not matter. */
function compileMediaTypes(written: unknown): (mediaType: string | null) => boolean {
  if (!Array.isArray(written)) return () => true;
  const types = written.map((type) => String(type).toLowerCase());
  return (mediaType) => {
    if (mediaType === null) return false;
    const essence = (mediaType.split(';', 1)[0] ?? '').trim().toLowerCase();
    return types.some((type) => (type.endsWith('/*') ? essence.startsWith(type.slice(0, -1)) : essence === type));
  };
}
