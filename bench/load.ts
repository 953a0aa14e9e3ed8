import autocannon from 'autocannon';
import { processorTimeUs } from './cores.ts';
import type { Subject } from './subjects.ts';

/** Requests of one kind; they are sent in turn, on every connection. */
export interface Load {
  readonly method: 'GET' | 'PUT';
  readonly connections: number;
  /** How many plain reads one of these requests is worth, roughly; warming up takes that many fewer. */
  readonly weight: number;
  /** Status that every answer must have. */
  readonly status: number;
  /** Of an answer, head included; a smaller one counts as an error. */
  readonly minBytes: number;
  requests(subject: Subject): autocannon.Request[];
}

export interface Sample {
  readonly requestsPerSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Processor time of the server for one request; null where the system does not say. */
  readonly serverUs: number | null;
  /** Shares of a core that server and generator used, 0 to 1. The one near 1 is what the figure measures. */
  readonly serverLoad: number | null;
  readonly generatorLoad: number;
}

const CONNECT_SECONDS = 0.25;
const TICK_MS = 50;

/** One stretch of load on one server. The first quarter second, in which connections are made, does not count. Throws on any error. */
export async function sample(subject: Subject, load: Load, seconds: number): Promise<Sample> {
  const latencies: number[] = [];
  let wrong: string | null = null;
  let counting = false;
  const { done, run } = start(subject, load, seconds);
  run.on('response', (_, status, bytes, ms) => {
    if (status !== load.status) wrong = `answered ${status}`;
    else if (bytes < load.minBytes) wrong = `answered ${bytes} bytes`;
    if (counting) latencies.push(ms);
  });

  await pause(CONNECT_SECONDS);
  counting = true;
  const before = clocks(subject);
  await pause(seconds);
  counting = false;
  const after = clocks(subject);
  run.stop();
  const { errors, timeouts, resets } = await done;
  if (wrong !== null) throw new Error(`${subject.name} ${wrong}`);
  if (errors + timeouts + resets > 0)
    throw new Error(`${subject.name}: ${errors} errors, ${timeouts} timeouts, ${resets} resets`);
  if (latencies.length === 0) throw new Error(`${subject.name} answered nothing in ${seconds} s`);

  const elapsedUs = after.wall - before.wall;
  const serverUs = before.server === null || after.server === null ? null : after.server - before.server;
  latencies.sort((a, b) => a - b);
  return {
    requestsPerSecond: latencies.length / (elapsedUs / 1e6),
    p50Ms: quantile(latencies, 0.5),
    p99Ms: quantile(latencies, 0.99),
    serverUs: serverUs === null ? null : serverUs / latencies.length,
    serverLoad: serverUs === null ? null : serverUs / elapsedUs,
    generatorLoad: (after.generator - before.generator) / elapsedUs,
  };
}

function start(
  subject: Subject,
  load: Load,
  seconds: number,
): { run: autocannon.Instance; done: Promise<autocannon.Result> } {
  const { promise: done, resolve, reject } = Promise.withResolvers<autocannon.Result>();
  const run = autocannon(
    {
      url: subject.url,
      method: load.method,
      connections: load.connections,
      // Ended by `stop`; this is for the case that nobody comes to that.
      duration: Math.ceil(seconds + 10),
      sampleInt: TICK_MS,
      requests: load.requests(subject),
    },
    (error, result) => (error ? reject(error) : resolve(result)),
  );
  return { run, done };
}

/** All in microseconds. */
function clocks(subject: Subject): {
  readonly wall: number;
  readonly server: number | null;
  readonly generator: number;
} {
  const { user, system } = process.cpuUsage();
  return { wall: performance.now() * 1000, server: processorTimeUs(subject.pid), generator: user + system };
}

/** Of ascending numbers, by nearest rank. */
export function quantile(ascending: readonly number[], share: number): number {
  return ascending[Math.min(ascending.length - 1, Math.floor(ascending.length * share))] ?? 0;
}

function pause(seconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, seconds * 1000));
}
