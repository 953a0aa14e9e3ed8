import type { Profiler } from 'node:inspector';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

/** Where the processor's time of a profile went; shares of all but idling, 0 to 1. */
export interface Digest {
  /** The largest first. */
  readonly layers: readonly { readonly layer: string; readonly share: number }[];
  readonly functions: readonly FunctionShare[];
}

export interface FunctionShare {
  readonly name: string;
  /** File and line; of native code: who calls it. */
  readonly place: string;
  readonly layer: string;
  readonly share: number;
}

const PROJECT = pathToFileURL(join(import.meta.dirname, '../..')).href;
const NATIVE_SQLITE = 'SQLite';

/** By what the place of a function begins with; the first that fits counts. */
const LAYERS: readonly (readonly [string, string])[] = [
  ['node:_http', 'Node: HTTP'],
  ['node:internal/http', 'Node: HTTP'],
  ['node:net', 'Node: sockets and streams'],
  ['node:internal/stream', 'Node: sockets and streams'],
  ['node:internal/streams', 'Node: sockets and streams'],
  ['node:stream', 'Node: sockets and streams'],
  ['node:fs', 'Node: files'],
  ['node:internal/fs', 'Node: files'],
  ['node:', 'Node: the rest'],
  ['node_modules/hono/', 'Hono'],
  ['node_modules/@hono/', 'Hono'],
  ['node_modules/better-sqlite3/', NATIVE_SQLITE],
  ['node_modules/', 'other libraries'],
  ['src/http/', 'src/http'],
  ['src/engine/', 'src/engine'],
  ['src/operations/', 'src/operations'],
  ['src/language/', 'src/language'],
  ['src/adapters/record-store/', 'src/adapters: record store'],
  ['src/adapters/blob-store/', 'src/adapters: blob store'],
  ['src/adapters/', 'src/adapters: guards and the rest'],
  ['src/', 'src: the rest'],
];

/** What V8 calls time that no function of ours or Node's has. */
const SPECIAL: Readonly<Record<string, string>> = {
  '(garbage collector)': 'collecting garbage',
  '(program)': 'V8, the system and what else is native',
};

/** Adds up the self time of each function and layer. `most` functions are named. */
export function digestOf(profile: Profiler.Profile, most: number): Digest {
  const nodes = new Map(profile.nodes.map((node) => [node.id, node]));
  const parents = new Map(
    profile.nodes.flatMap((node) => (node.children ?? []).map((child) => [child, node] as const)),
  );
  const layers = new Map<string, number>();
  const functions = new Map<string, FunctionShare & { time: number }>();
  let total = 0;
  profile.samples?.forEach((id, index) => {
    const node = nodes.get(id);
    const time = profile.timeDeltas?.[index] ?? 0;
    if (node === undefined || time < 0 || isApart(node)) return;
    total += time;
    const found = describe(node, parents);
    layers.set(found.layer, (layers.get(found.layer) ?? 0) + time);
    const key = `${found.name} ${found.place}`;
    const known = functions.get(key) ?? { ...found, share: 0, time: 0 };
    known.time += time;
    functions.set(key, known);
  });
  const share = (time: number) => (total === 0 ? 0 : time / total);
  const byShare = (one: { readonly share: number }, other: { readonly share: number }) => other.share - one.share;
  return {
    layers: [...layers].map(([layer, time]) => ({ layer, share: share(time) })).sort(byShare),
    functions: [...functions.values()]
      .map(({ time, ...known }) => ({ ...known, share: share(time) }))
      .sort(byShare)
      .slice(0, most),
  };
}

/** Idling, and what takes the profile. */
function isApart({ callFrame: { functionName, url } }: Profiler.ProfileNode): boolean {
  return functionName === '(idle)' || url === 'node:inspector' || url.endsWith('/bench/profile/agent.ts');
}

type Parents = ReadonlyMap<number, Profiler.ProfileNode>;

function describe(node: Profiler.ProfileNode, parents: Parents): Omit<FunctionShare, 'share'> {
  const { functionName, url, lineNumber } = node.callFrame;
  const special = SPECIAL[functionName];
  if (special !== undefined) return { name: functionName, place: '', layer: special };
  if (url !== '') {
    const file = fileOf(url);
    const name = functionName === '' ? '(nameless)' : functionName;
    return { name, place: `${file}:${lineNumber + 1}`, layer: layerOf(file) };
  }
  const caller = callerOf(node, parents);
  const file = caller === null ? '' : fileOf(caller.callFrame.url);
  const layer = file.includes('record-store/sqlite') ? NATIVE_SQLITE : layerOf(file);
  const name = functionName === '' ? '(native)' : functionName;
  return { name, place: `native, called in ${file === '' ? 'no file' : file}`, layer };
}

/** The nearest function around that stands in a file. */
function callerOf(node: Profiler.ProfileNode, parents: Parents): Profiler.ProfileNode | null {
  for (let at = parents.get(node.id); at !== undefined; at = parents.get(at.id)) if (at.callFrame.url !== '') return at;
  return null;
}

function fileOf(url: string): string {
  return url.startsWith(PROJECT) ? url.slice(PROJECT.length + 1) : url;
}

function layerOf(file: string): string {
  return LAYERS.find(([beginning]) => file.startsWith(beginning))?.[1] ?? 'V8, the system and what else is native';
}
