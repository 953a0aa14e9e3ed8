import type { OperationHandler, Run, StepCompiler } from '../../engine/contract.ts';
import { fail, RegistryError } from '../../errors/registry-error.ts';
import { type JsonLimits, parseJson as parseJsonText } from '../../language/json.ts';
import { toPlain } from '../../language/member.ts';
import { type ByteHandle, isByteHandle } from '../../language/values.ts';
import { DIGEST_ALGORITHMS } from '../../shared/digest.ts';
import { type MaybePromise, whenReady } from '../../shared/maybe-promise.ts';
import { readAll } from '../read-all.ts';
import { readSpilling, type Spill } from './spill.ts';
import { compileSpillPaths } from './spill-paths.ts';

/** See `operations/parse/json.json`. */
export const parseJson: OperationHandler = {
  op: 'parse.json',
  compile(step) {
    const { maxJsonBytes: maxBytes, maxJsonDepth: maxDepth } = step.definition.ops.limits;
    const spill = compileSpill(step);
    const limits = { maxBytes, maxDepth };
    const accepts = compileMediaTypes(step.literal('media_types'));
    const validate = step.schema('schema');
    const bind = step.bind('out');
    return (run) => {
      const { body } = run.request;
      if (!isByteHandle(body)) noBody();
      if (!accepts(body.mediaType)) {
        const got = body.mediaType ?? 'none';
        throw new RegistryError('UNSUPPORTED_MEDIA_TYPE', {
          message: `The media type of the body is not accepted here: ${got}`,
        });
      }
      const read = spill === null ? readWhole(body, limits) : readApart(body, spill(run), limits);
      return whenReady(read, (value) => {
        const errors = validate?.(spill === null ? value : toPlain(value)) ?? null;
        if (errors !== null) throw new RegistryError('SCHEMA_INVALID', { details: errors });
        bind(run, value);
        return undefined;
      });
    };
  },
};

function noBody(): never {
  return fail('JSON_INVALID', 'The request has no body');
}

function readWhole(body: ByteHandle, limits: JsonLimits): MaybePromise<unknown> {
  const { maxBytes } = limits;
  const tooLarge = () => fail('JSON_TOO_LARGE', `The JSON is larger than ${maxBytes} bytes`, { max_bytes: maxBytes });
  if (body.size !== null && body.size > maxBytes) tooLarge();
  return whenReady(readAll(body, maxBytes, tooLarge), (bytes) =>
    bytes.length === 0 ? noBody() : parseJsonText(bytes, limits),
  );
}

async function readApart(body: ByteHandle, spill: Spill, limits: JsonLimits): Promise<unknown> {
  if (body.size === 0) noBody();
  return readSpilling(await body.open(), spill, limits);
}

/** One entry of `spill`, as its schema has it. */
interface SpillEntry {
  readonly path: readonly string[];
  readonly decode: 'base64' | 'text';
  readonly algorithms?: readonly string[];
  readonly store?: string;
}

/** What to store apart, and where, for a request; null where nothing is. */
function compileSpill(step: StepCompiler): ((run: Run) => Spill) | null {
  const entries = step.literal('spill') as unknown as readonly SpillEntry[] | undefined;
  if (entries === undefined) return null;
  const paths = compileSpillPaths(entries.map(({ path }) => path));
  const decode = entries.map((entry) => entry.decode);
  const places = entries.map(({ store, algorithms = [] }) => ({
    store: store ?? step.blobStore('store'),
    algorithms: DIGEST_ALGORITHMS.filter((algorithm) => algorithms.includes(algorithm)),
  }));
  const options = { expectDigest: null, expectSize: null, maxBytes: null, mediaType: null };
  return ({ session }) => ({
    paths,
    decode,
    store(pattern, bytes) {
      const { store, algorithms } = places[pattern]!;
      return session.blobs.put(store, bytes, { ...options, algorithms });
    },
  });
}

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
