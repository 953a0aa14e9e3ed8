import { fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { PairRequest } from './record-pairs.ts';
import type { RecordAnswer } from './record-server.ts';
import type { StorePlace } from './store-place.ts';

/** A process that serves one record store to its parent. Whatever is waited for fails when the process ends by itself. */
export interface RecordProcess {
  /** Resolves when it takes requests or was killed. */
  readonly ready: Promise<void>;
  /** The code of the failure, or null when it was written; `gone` when the process was killed before it answered. */
  write(request: PairRequest): Promise<string | null>;
  kill(): Promise<void>;
}

interface Waiting {
  readonly resolve: (code: string | null) => void;
  readonly reject: (error: Error) => void;
}

const SERVER = join(import.meta.dirname, 'record-server.ts');

export function startRecordProcess(place: StorePlace): RecordProcess {
  const child = fork(SERVER, [JSON.stringify(place)], { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
  const ended = once(child, 'close');
  /** Under number 0 who waits for it to be ready. */
  const waiting = new Map<number, Waiting>();
  let lastNumber = 0;
  let isKilled = false;
  let hasEnded = false;

  const wait = (number: number) =>
    new Promise<string | null>((resolve, reject) => waiting.set(number, { resolve, reject }));
  const end = ({ resolve, reject }: Waiting) => {
    if (isKilled) resolve('gone');
    else reject(new Error(`A record server ended by itself with ${child.exitCode ?? child.signalCode}`));
  };
  const ready = wait(0).then(() => undefined);
  // Whoever looks at it hears of it.
  ready.catch(() => {});
  child.on('message', (answer: RecordAnswer) => {
    const number = answer?.number ?? 0;
    waiting.get(number)?.resolve(answer?.code ?? null);
    waiting.delete(number);
  });
  child.once('close', () => {
    hasEnded = true;
    for (const one of waiting.values()) end(one);
    waiting.clear();
  });

  return {
    ready,
    write(request) {
      const number = ++lastNumber;
      const answer = wait(number);
      // Where it cannot be sent, the process is ending, and all hear of that.
      if (!hasEnded) child.send({ ...request, number }, () => {});
      else for (const one of waiting.values()) end(one);
      return answer;
    },
    async kill() {
      isKilled = true;
      child.kill('SIGKILL');
      await ended;
    },
  };
}
