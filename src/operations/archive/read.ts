import { TextDecoder } from 'node:util';
import type { OperationHandler, StepCompiler } from '../../engine/contract.ts';
import { RegistryError } from '../../errors/registry-error.ts';
import { parseJson } from '../../language/json.ts';
import type { ByteHandle, OpenBytes } from '../../language/values.ts';
import { keep } from '../../shared/passing-bytes.ts';
import { invalidArgument } from '../arguments.ts';
import type { Chunks } from '../chunk-reader.ts';
import { openedChunks } from '../opened-chunks.ts';
import { type Choose, type ChosenFile, invalid, shown } from './entry.ts';
import { gunzip, gunzipNow } from './gunzip.ts';
import { compileSelection } from './selection.ts';
import { readTar } from './tar.ts';
import { readZip } from './zip.ts';

/** See `operations/archive/read.json`. */
export const archiveRead: OperationHandler = {
  op: 'archive.read',
  compile(step) {
    const source = step.source('from');
    const format = String(step.literal('format'));
    const number = (argument: string) => Number(step.literal(argument));
    const maxTotalBytes = number('max_total_bytes');
    const select = compileSelection({
      files: step.literal('files') as readonly string[],
      strip: number('strip'),
      maxFileBytes: number('max_file_bytes'),
      maxEntries: number('max_entries'),
      maxTotalBytes,
      refusesLinks: step.literal('links') === 'refuse',
    });
    const shape = step.literal('as') === 'json' ? compileJson(step) : ofText;
    const bind = step.bind('out');
    const bindSummary = step.bind('out_summary');
    return async (run) => {
      const { signal } = run.session;
      const { choose, summary } = select();
      const files =
        format === 'zip'
          ? zipFiles(source(run), signal, choose)
          : await tarFiles(source(run), signal, format === 'tar.gz', (chunks) =>
              readTar(chunks, choose, maxTotalBytes),
            );
      const found: object[] = [];
      for await (const file of files) found.push({ path: file.path, size: file.bytes.length, ...shape(file) });
      bind(run, found);
      bindSummary(run, summary());
      return undefined;
    };
  },
};

type ReadFiles = (chunks: Chunks) => AsyncIterable<ChosenFile>;

/** What is in memory is read at once, without a stream around it. */
async function tarFiles(
  handle: ByteHandle,
  signal: AbortSignal,
  isPacked: boolean,
  read: ReadFiles,
): Promise<AsyncIterable<ChosenFile>> {
  const opened = await handle.open();
  const bytes = opened.bytes !== null && isPacked ? gunzipNow(opened.bytes) : opened.bytes;
  return bytes === null ? streamedFiles(opened, signal, isPacked, read) : read([bytes]);
}

async function* streamedFiles(
  opened: OpenBytes,
  signal: AbortSignal,
  isPacked: boolean,
  read: ReadFiles,
): AsyncGenerator<ChosenFile> {
  const chunks = isPacked ? gunzip(openedChunks(opened)) : openedChunks(opened);
  try {
    yield* read(untilAborted(chunks, signal));
  } finally {
    opened.stream?.destroy();
    await chunks.return(undefined);
  }
}

async function* untilAborted(chunks: AsyncIterable<Uint8Array>, signal: AbortSignal): AsyncGenerator<Uint8Array> {
  for await (const chunk of chunks) {
    signal.throwIfAborted();
    yield chunk;
  }
}

function zipFiles(handle: ByteHandle, signal: AbortSignal, choose: Choose): AsyncIterable<ChosenFile> {
  const { size } = handle;
  if (size === null || !handle.reopenable)
    throw invalidArgument('from', 'stored bytes: a zip archive is read from its end');
  const read = async (start: number, end: number) => {
    signal.throwIfAborted();
    const pieces: Uint8Array[] = [];
    for await (const chunk of openedChunks(await handle.open({ start, end: end - 1 }))) pieces.push(keep(chunk));
    return Buffer.concat(pieces, end - start);
  };
  return readZip(size, read, choose);
}

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

function ofText({ path, bytes }: ChosenFile): { readonly text: string } {
  try {
    return { text: decoder.decode(bytes) };
  } catch {
    return invalid(`${shown(path)} is not UTF-8`);
  }
}

function compileJson(step: StepCompiler): (file: ChosenFile) => { readonly value: unknown } {
  const { maxJsonDepth: maxDepth } = step.definition.ops.limits;
  return ({ path, bytes }) => {
    try {
      return { value: parseJson(bytes, { maxBytes: bytes.length, maxDepth }) };
    } catch (thrown) {
      return invalid(`${shown(path)} cannot be read: ${thrown instanceof RegistryError ? thrown.message : 'unknown'}`);
    }
  };
}
