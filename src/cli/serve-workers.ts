import { fork } from 'node:child_process';
import { createServer, type Server } from 'node:net';
import { extname, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { urlOf } from '../http/listening.ts';
import { createCrew, type Ending, type Worker } from '../workers/crew.ts';
import { createHandOver } from '../workers/hand-over.ts';
import type { ToParent } from '../workers/messages.ts';
import { createReports } from '../workers/reports.ts';
import type { CommandContext } from './command.ts';
import { listenFailure } from './listen-failure.ts';
import { openLog } from './open-log.ts';
import type { ServeOptions } from './serve-options.ts';
import { stopSignal } from './stop-signal.ts';

/**
 * Serves with several processes. This one has the port, hands connections over and looks after the others; it opens no store. The first
 * worker goes ahead: it checks the definition and brings the stores up to date; then the others open what it opened. Exit code: that of the
 * first worker where it did not come to serve; 1 where one of them died again and again.
 */
export async function serveWithWorkers(
  options: ServeOptions,
  args: readonly string[],
  context: CommandContext,
): Promise<number> {
  const { workers: size, level, host, port } = options;
  const places = { registry: resolve(options.registry), data: resolve(options.data) };
  const { log } = await openLog(level, context.env, 0);
  const handOver = createHandOver();
  const reports = createReports<Worker>((worker, id) => worker.send({ kind: 'report', id }));
  const serving = new Set<Worker>();
  const opened = Promise.withResolvers<unknown>();
  const allServe = Promise.withResolvers<void>();
  const failed = Promise.withResolvers<Ending>();
  let shared: unknown = null;
  let address: { readonly url: string; readonly port: number } | null = null;
  let isStarting = true;
  let isStopping = false;

  function onMessage(worker: Worker, message: ToParent): void {
    switch (message.kind) {
      case 'opened':
        opened.resolve(message.shared);
        break;
      case 'serving':
        serving.add(worker);
        handOver.join(worker);
        crew.watch(worker);
        if (serving.size === size) allServe.resolve();
        break;
      case 'taken':
        handOver.taken(worker, message.id);
        break;
      case 'closed':
        handOver.closed(worker);
        break;
      case 'tell':
        for (const peer of crew.workers)
          if (peer !== worker) peer.send({ kind: 'heard', subject: message.subject, message: message.message });
        break;
      case 'report':
        reports.answer(worker, message.id, message.report);
        break;
      case 'all':
        void reports.of([...serving]).then((all) => {
          worker.send({ kind: 'reported', id: message.id, reports: all });
        });
        break;
    }
  }

  function onEnded(worker: Worker, ending: Ending, restartsInMs: number | null): void {
    serving.delete(worker);
    handOver.leave(worker);
    reports.leave(worker);
    if (isStarting) failed.resolve(ending);
    if (isStarting || isStopping) return;
    const fields = { pid: worker.pid, ended: worker.number, ...ending, restarts_in_ms: restartsInMs };
    log.error(fields, restartsInMs === null ? 'A worker ended again and again' : 'A worker ended');
    // Of the first one its successor sweeps.
    if (worker.number !== 1) crew.workers.find(({ number }) => number === 1)?.send({ kind: 'sweep' });
  }

  function begin(worker: Worker): void {
    worker.send({ kind: 'start', start: { number: worker.number, size, args, ...places, shared } });
    if (address !== null) worker.send({ kind: 'serve', ...address });
  }

  const crew = createCrew({
    fork: forkWorker,
    onMessage,
    onEnded,
    onSilent({ pid, number }) {
      log.error({ pid, silent: number }, 'A worker does not answer');
    },
    onStarted(worker) {
      if (worker.number === 1 || shared !== null) begin(worker);
    },
  });
  // Whatever ends this process, they go with it; after SIGKILL they notice by themselves.
  process.once('exit', crew.kill);

  const failure = failed.promise.then(async ({ code, signal }) => {
    await crew.stop();
    if (signal !== null) context.complain(`A worker was ended by ${signal} before it served.`);
    return code ?? 1;
  });
  for (let number = 1; number <= size; number++) crew.start(number);
  const first = await Promise.race([opened.promise.then((files) => ({ files })), failure]);
  if (typeof first === 'number') return first;
  shared = first.files;

  const server = createServer({ allowHalfOpen: true, pauseOnConnect: true, noDelay: true }, handOver.take);
  try {
    address = await listen(server, host, port);
  } catch (thrown) {
    isStopping = true;
    isStarting = false;
    await crew.stop();
    context.complain(listenFailure(thrown, host, port));
    return 1;
  }
  for (const worker of crew.workers) {
    if (worker.number === 1) worker.send({ kind: 'serve', ...address });
    else begin(worker);
  }
  const code = await Promise.race([allServe.promise, failure]);
  if (typeof code === 'number') {
    server.close();
    handOver.end();
    return code;
  }
  isStarting = false;

  const stopped = stopSignal(context);
  context.print(`Listening on ${address.url}`);
  const givenUp = await Promise.race([stopped, crew.givenUp]);
  isStopping = true;
  if (givenUp !== undefined) context.complain(`Worker ${givenUp} ended again and again: giving up.`);
  server.close();
  const endings = await crew.stop();
  handOver.end();
  return givenUp === undefined && endings.every((ending) => ending.code === 0) ? 0 : 1;
}

function forkWorker() {
  const module = new URL(`./worker${extname(fileURLToPath(import.meta.url))}`, import.meta.url);
  return fork(module, [], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
}

function listen(server: Server, host: string, port: number): Promise<{ readonly url: string; readonly port: number }> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => {
      server.off('error', reject);
      const bound = server.address();
      const taken = bound !== null && typeof bound === 'object' ? bound.port : port;
      resolve({ url: urlOf(host, taken), port: taken });
    });
  });
}
