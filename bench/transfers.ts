import { createHash } from 'node:crypto';
import { Agent, type ClientRequest, type IncomingMessage, request } from 'node:http';
import { processorTimeUs } from './cores.ts';
import { quantile } from './load.ts';
import { median, type Spread, spread } from './measure.ts';
import { forgetPeak, peakMib, residentMib } from './memory.ts';
import { isConstant, type Subject } from './subjects.ts';

/*
 * Bodies that are too large for the other load generator, which makes each request in one piece: here node:http sends and takes them in pieces, so
 * that what one request costs grows with its bytes alone.
 */

/** Bodies of one size, sent or fetched one after the other on each connection. */
export interface Transfer {
  readonly name: string;
  readonly title: string;
  readonly method: 'GET' | 'PUT';
  readonly bytes: number;
  readonly connections: number;
  /** Where the `count`-th one goes to or comes from; counted from 1, and over the whole run. */
  path(subject: Subject, count: number): string;
}

/** How much: a round has one stretch for each server, of so many seconds, and of so many transfers at least. */
export interface TransferEffort {
  readonly rounds: number;
  readonly seconds: number;
  readonly fewest: number;
}

/** What one server did; medians over the rounds, the slowest of all. */
export interface TransferResult {
  readonly subject: string;
  readonly mibPerSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** How many there were. */
  readonly times: number;
  /** Processor time of the server for a MiB, in microseconds; null where the system does not say. */
  readonly serverUs: number | null;
  readonly serverLoad: number | null;
  readonly generatorLoad: number;
  /** Memory of the server before the row, and the most it had in it; null where the system does not say. */
  readonly residentMib: number | null;
  readonly peakMib: number | null;
  /** MiB per second of the first server over this one's, of each round; null for the first. */
  readonly ratio: Spread | null;
  /** Processor time for a MiB, this server's over the first one's; null for the first. */
  readonly processorRatio: Spread | null;
}

/** One row of the report: the same transfers to or from several servers, in turn. */
export interface TransferRow {
  readonly transfer: Pick<Transfer, 'name' | 'title' | 'method' | 'bytes' | 'connections'>;
  readonly results: readonly TransferResult[];
}

interface Stretch {
  readonly latencies: readonly number[];
  readonly mibPerSecond: number;
  readonly serverUs: number | null;
  readonly serverLoad: number | null;
  readonly generatorLoad: number;
}

const MIB = 1_048_576;
const PIECE = Buffer.alloc(256 * 1024, 'transfer');
/** Stands first in each body that is sent, so that no two are the same. */
const HEAD_BYTES = 32;

/** Loads the servers in turn, A B C, C B A, ... Throws on any error, and where two servers do not give or take the same bytes. */
export async function measureTransfer(
  transfer: Transfer,
  subjects: readonly Subject[],
  effort: TransferEffort,
): Promise<TransferRow> {
  const measured = subjects.map((subject) => ({ subject, counter: { count: 0 }, stretches: [] as Stretch[] }));
  const digests = new Set<string>();
  for (const { subject, counter } of measured) {
    const digest = await once(transfer, subject, counter);
    if (digest !== null) digests.add(digest);
  }
  if (digests.size > 1)
    throw new Error(`${subjects.map(({ name }) => name).join(', ')} do not agree on the bytes of "${transfer.name}"`);
  for (const { subject, counter } of measured)
    await stretch(transfer, subject, counter, { ...effort, seconds: effort.seconds / 2 });

  const before = measured.map(({ subject }) => residentMib(subject.pid));
  const isPeakKnown = measured.map(({ subject }) => forgetPeak(subject.pid));
  for (let round = 0; round < effort.rounds; round++) {
    const inTurn = round % 2 === 0 ? measured : measured.toReversed();
    for (const { subject, counter, stretches } of inTurn)
      stretches.push(await stretch(transfer, subject, counter, effort));
  }
  const peaks = measured.map(({ subject }, place) => (isPeakKnown[place] ? peakMib(subject.pid) : null));
  const [first] = measured;
  const { name, title, method, bytes, connections } = transfer;
  return {
    transfer: { name, title, method, bytes, connections },
    results: measured.map((one, place) => ({
      ...summary(one.subject, one.stretches),
      residentMib: before[place] ?? null,
      peakMib: peaks[place] ?? null,
      ...(first === undefined || one === first
        ? { ratio: null, processorRatio: null }
        : ratios(first.stretches, one.stretches)),
    })),
  };
}

function summary(subject: Subject, stretches: readonly Stretch[]) {
  const latencies = stretches.flatMap((one) => one.latencies).sort((a, b) => a - b);
  const of = (value: (one: Stretch) => number) => median(stretches.map(value));
  const isKnown = stretches.every(({ serverUs }) => serverUs !== null);
  return {
    subject: subject.name,
    mibPerSecond: of((one) => one.mibPerSecond),
    p50Ms: quantile(latencies, 0.5),
    p99Ms: quantile(latencies, 0.99),
    times: latencies.length,
    serverUs: isKnown ? of((one) => one.serverUs ?? 0) : null,
    serverLoad: isKnown ? of((one) => one.serverLoad ?? 0) : null,
    generatorLoad: of((one) => one.generatorLoad),
  };
}

function ratios(
  first: readonly Stretch[],
  other: readonly Stretch[],
): Pick<TransferResult, 'ratio' | 'processorRatio'> {
  const pairs = first.flatMap((one, round) => {
    const second = other[round];
    return second === undefined ? [] : [[one, second] as const];
  });
  const times = pairs.flatMap(([a, b]) =>
    a.serverUs === null || b.serverUs === null ? [] : [b.serverUs / a.serverUs],
  );
  return {
    ratio: spread(pairs.map(([a, b]) => a.mibPerSecond / b.mibPerSecond)),
    processorRatio: times.length === pairs.length ? spread(times) : null,
  };
}

async function stretch(
  transfer: Transfer,
  subject: Subject,
  counter: { count: number },
  { seconds, fewest }: Pick<TransferEffort, 'seconds' | 'fewest'>,
): Promise<Stretch> {
  const agent = new Agent({ keepAlive: true, maxSockets: transfer.connections });
  const latencies: number[] = [];
  const clocks = () => {
    const { user, system } = process.cpuUsage();
    return { wall: performance.now() * 1000, server: processorTimeUs(subject.pid), generator: user + system };
  };
  const before = clocks();
  const isOn = () => latencies.length < fewest || performance.now() * 1000 - before.wall < seconds * 1e6;
  const move = async () => {
    while (isOn()) {
      const startedAt = performance.now();
      await one(transfer, subject, ++counter.count, agent, null);
      latencies.push(performance.now() - startedAt);
    }
  };
  try {
    await Promise.all(Array.from({ length: transfer.connections }, move));
  } finally {
    agent.destroy();
  }
  const after = clocks();
  const elapsedUs = after.wall - before.wall;
  const mib = (latencies.length * transfer.bytes) / MIB;
  const serverUs = before.server === null || after.server === null ? null : after.server - before.server;
  return {
    latencies,
    mibPerSecond: mib / (elapsedUs / 1e6),
    serverUs: serverUs === null ? null : serverUs / mib,
    serverLoad: serverUs === null ? null : serverUs / elapsedUs,
    generatorLoad: (after.generator - before.generator) / elapsedUs,
  };
}

/** One transfer by itself. Returns what the bytes are: their SHA-256, or what the server says of them; null where it says nothing. */
async function once(transfer: Transfer, subject: Subject, counter: { count: number }): Promise<string | null> {
  const sha256 = createHash('sha256');
  const agent = new Agent();
  try {
    const answer = await one(transfer, subject, ++counter.count, agent, (chunk) => sha256.update(chunk));
    if (transfer.method === 'GET') return isConstant(subject) ? null : sha256.digest('hex');
    const { digest }: { readonly digest?: string } = JSON.parse(answer);
    return digest ?? null;
  } finally {
    agent.destroy();
  }
}

/** Publishes one body beforehand, for those that are to be fetched. */
export async function publishOne(subject: Subject, path: string, bytes: number): Promise<void> {
  const transfer = {
    name: 'publish',
    title: 'publish',
    method: 'PUT',
    bytes,
    connections: 1,
    path: () => path,
  } as const;
  await once(transfer, subject, { count: 0 });
}

/** The bytes that `publishOne` sends. */
export function publishedBytes(path: string, bytes: number): Buffer {
  return Buffer.concat([...pieces(path, bytes)]);
}

/** Resolves with the text of an upload's answer, or nothing. */
function one(
  { method, bytes, path }: Transfer,
  subject: Subject,
  count: number,
  agent: Agent,
  look: ((chunk: Buffer) => void) | null,
): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const target = path(subject, count);
  const headers: Record<string, string> = {};
  if (method === 'PUT') {
    headers['content-length'] = String(bytes);
    headers['content-type'] = 'application/octet-stream';
    if (subject.authorization !== null) headers.authorization = subject.authorization;
  }
  const sent = request(`${subject.url}${target}`, { method, agent, headers });
  const failed = (why: string) => reject(new Error(`${subject.name} ${why} to ${method} ${target}`));
  sent.on('error', reject);
  sent.on('response', (response: IncomingMessage) => {
    let size = 0;
    let text = '';
    response.on('data', (chunk: Buffer) => {
      size += chunk.byteLength;
      look?.(chunk);
      if (method === 'PUT') text += chunk.toString('latin1');
    });
    response.on('error', reject);
    response.on('end', () => {
      if (response.statusCode !== (method === 'GET' ? 200 : 201)) failed(`answered ${response.statusCode} ${text}`);
      else if (method === 'GET' && size !== bytes) failed(`gave ${size} of ${bytes} bytes`);
      else if (method === 'PUT' && JSON.parse(text).size !== bytes) failed(`took less than ${bytes} bytes: ${text}`);
      else resolve(text);
    });
  });
  if (method === 'GET') sent.end();
  else send(sent, pieces(target, bytes));
  return promise;
}

/** As fast as the server takes it. */
function send(sent: ClientRequest, from: Iterator<Buffer>): void {
  for (;;) {
    const { value, done } = from.next();
    if (done === true) return void sent.end();
    if (!sent.write(value)) return void sent.once('drain', () => send(sent, from));
  }
}

function* pieces(name: string, bytes: number): Generator<Buffer, undefined> {
  const head = createHash('sha256').update(name).digest().subarray(0, Math.min(HEAD_BYTES, bytes));
  yield head;
  for (let left = bytes - head.byteLength; left > 0; left -= PIECE.byteLength)
    yield left < PIECE.byteLength ? PIECE.subarray(0, left) : PIECE;
}
