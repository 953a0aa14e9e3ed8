import type { Fill, FillHead, OperationHandler, ResponseDraft, Run, Session } from '../../engine/contract.ts';
import { RegistryError } from '../../errors/registry-error.ts';
import type { ByteHandle } from '../../language/values.ts';
import type { UpstreamResponse } from '../../ports/upstream.ts';
import { DIGEST_ALGORITHMS, formatDigest, strongest } from '../../shared/digest.ts';
import { goOn, invalidArgument, requiredText } from '../arguments.ts';
import { compileHeaders, headerText } from '../headers.ts';
import { compileTarget, joined } from '../proxy/request.ts';
import { compileDraft } from '../respond/draft.ts';
import { compareDigests, expectedDigests } from './digest-text.ts';

const OCTETS = 'application/octet-stream';

/** See `operations/blob/fill.json`. */
export const blobFill: OperationHandler = {
  op: 'blob.fill',
  compile(step) {
    const store = step.blobStore('store');
    const upstream = step.upstream('upstream');
    const target = compileTarget(step);
    const requestHeaders = compileHeaders(step, 'request_headers');
    const key = requiredText(step, 'key');
    const expect = step.text('expect');
    const expectSize = step.integer('size');
    const mediaType = step.text('media_type');
    const wanted = step.literal('algorithms');
    const algorithms = DIGEST_ALGORITHMS.filter((algorithm) => Array.isArray(wanted) && wanted.includes(algorithm));
    const draft = compileDraft(step);
    const bind = step.bind('out');
    const then = step.pipeline('then') ?? goOn;

    /** Everything that a run says of what it wants. */
    const read = (run: Run) => {
      const text = expect(run);
      const size = expectSize(run);
      if (size !== null && size < 0) throw invalidArgument('size', 'zero or more');
      const given = mediaType(run);
      return {
        id: JSON.stringify([store, upstream.name, key(run), text]),
        request: { ...target(run), headers: joined(requestHeaders(run)), body: null },
        expected: text === null ? [] : strongest(expectedDigests(text)),
        size,
        mediaType: given === null ? null : headerText('media_type', given),
      };
    };
    type Wanted = ReturnType<typeof read>;

    const begin = (asking: Run, wanted: Wanted): Fill => {
      const { session, end: endSession } = asking.session.detached(asking.principal);
      // What it waits for is not its own time.
      session.suspend();
      const run: Run = { ...asking, slots: asking.slots.slice(), session };
      const { expected } = wanted;
      const one = expected.length === 1 ? expected[0]! : null;
      let response: UpstreamResponse | null = null;
      let head: FillHead | null = null;
      return session.fills.begin(wanted.id, {
        async ask(signal) {
          response = await upstream.fetch({ ...wanted.request, method: 'GET', signal });
          head = headOf(response, wanted.size);
          return head;
        },
        async store(onGrowth) {
          try {
            const blob = await session.blobs.put(store, response!.body, {
              algorithms: [...algorithms, ...expected.map(({ algorithm }) => algorithm)],
              expectDigest: one === null ? null : formatDigest(one.algorithm, one.hex),
              expectSize: head!.size,
              maxBytes: null,
              mediaType: wanted.mediaType ?? head!.mediaType,
              onGrowth,
            });
            if (expected.length > 1) compareDigests(blob.digests, expected);
            return blob;
          } catch (thrown) {
            throw upstreamsFault(thrown);
          }
        },
        commit(blob) {
          bind(run, blob);
          session.resume();
          return then(run);
        },
        end() {
          response?.body.destroy();
          endSession();
        },
      });
    };

    const respond = (run: Run, wanted: Wanted, head: FillHead, handle: ByteHandle): ResponseDraft => {
      const [one, ...others] = wanted.expected;
      const known = one === undefined || others.length > 0 ? null : formatDigest(one.algorithm, one.hex);
      const type = wanted.mediaType ?? (head.mediaType === null ? OCTETS : headerText('media_type', head.mediaType));
      return draft(run, { kind: 'handle', handle }, type, handle.digests.sha256 ?? known);
    };

    /** What HEAD asks of the upstream, too; null where it does not answer that. */
    const askHead = async (run: Run, wanted: Wanted): Promise<FillHead | null> => {
      const response = await upstream.fetch({ ...wanted.request, method: 'HEAD', signal: run.session.signal });
      response.body.destroy();
      return response.status === 200 ? headOf(response, wanted.size) : null;
    };

    return async (run) => {
      const { session } = run;
      const wanted = read(run);
      session.countIo();
      // Nothing may come between finding a fill and joining it: it could be over by then.
      let fill = session.fills.find(wanted.id);
      if (fill !== null && fill.kept !== null && !(await isThere(session, store, fill.kept))) {
        const later = session.fills.find(wanted.id);
        fill = later === fill ? null : later;
      }
      if (fill === null && run.request.method === 'HEAD') {
        const head = await askHead(run, wanted);
        if (head !== null) return respond(run, wanted, head, unread(head, wanted));
        fill = session.fills.find(wanted.id);
      }
      fill ??= begin(run, wanted);
      if (fill.kept !== null) return respond(run, wanted, await fill.head, fill.kept);
      const place = fill.join();
      session.atEnd(place.leave);
      const head = await fill.head;
      if (run.request.method !== 'HEAD') await fill.begun;
      const handle = fill.kept ?? {
        ...unread(head, wanted),
        open: () => ({ size: head.size, bytes: null, stream: place.open() }),
      };
      return respond(run, wanted, head, handle);
    };
  },
};

/** What a fill of a moment ago stored may be swept already, where no record came to name it, or none names it any more. */
async function isThere({ blobs }: Session, store: string, kept: ByteHandle): Promise<boolean> {
  const digest = kept.digests.sha256;
  return digest !== undefined && (await blobs.stat(store, digest)) !== null;
}

/** Fails with UPSTREAM_STATUS where the answer is not what was asked for, and with UPSTREAM_INVALID where it cannot be. */
function headOf({ status, headers, size, body }: UpstreamResponse, expected: number | null): FillHead {
  try {
    if (status !== 200) throw new RegistryError('UPSTREAM_STATUS', { details: { status } });
    if (size !== null && expected !== null && size !== expected) throw wrongBytes(undefined);
    return { size: expected ?? size, mediaType: headers['content-type'] ?? null };
  } catch (error) {
    body.destroy();
    throw error;
  }
}

/** The store's complaints about the bytes are complaints about the upstream. */
function upstreamsFault(thrown: unknown): unknown {
  if (!(thrown instanceof RegistryError)) return thrown;
  switch (thrown.code) {
    case 'DIGEST_MISMATCH':
    case 'SIZE_MISMATCH':
    case 'BLOB_TOO_SMALL':
      return wrongBytes(thrown);
    case 'BLOB_TOO_LARGE':
      return new RegistryError('UPSTREAM_TOO_LARGE', { cause: thrown });
    default:
      return thrown;
  }
}

function wrongBytes(cause: unknown): RegistryError {
  return new RegistryError('UPSTREAM_INVALID', {
    message: "The upstream's bytes are not those that were expected",
    cause,
  });
}

/** Bytes that are only told of. */
function unread({ size }: FillHead, { mediaType }: { readonly mediaType: string | null }): ByteHandle {
  return {
    isByteHandle: true,
    size,
    mediaType,
    digests: {},
    reopenable: false,
    open() {
      throw new RegistryError('BODY_CONSUMED');
    },
  };
}
