import { fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { PairRequest } from './record-pairs.ts';
import type { RecordAnswer } from './record-server.ts';
import type { StorePlace } from './store-place.ts';

/** A process that serves one record store to its parent. */
export interface RecordProcess {
  /** Resolves when it takes requests or was killed. Fails when it ends by itself before. */
  readonly ready: Promise<void>;
  /** The code of the failure, or null when it was written; `gone` when the process ended before it answered. */
  write(request: PairRequest): Promise<string | null>;
  kill(): Promise<void>;
}

const SERVER = join(import.meta.dirname, 'record-server.ts');

export function startRecordProcess(place: StorePlace): RecordProcess {
  const child = fork(SERVER, [JSON.stringify(place)], { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
  const ended = once(child, 'close');
  const waiting = new Map<number, (code: string | null) => void>();
  let lastNumber = 0;
  let isKilled = false;

  const ready = new Promise<void>((resolve, reject) => {
    child.on('message', (answer: RecordAnswer) => {
      if (answer === null) return resolve();
      waiting.get(answer.number)?.(answer.code);
      waiting.delete(answer.number);
    });
    ended.then(([code]) => {
      for (const answer of waiting.values()) answer('gone');
      waiting.clear();
      if (isKilled) resolve();
      else reject(new Error(`A record server ended with ${code}`));
    }, reject);
  });

  return {
    ready,
    write(request) {
      if (!child.connected) return Promise.resolve('gone');
      const number = ++lastNumber;
      return new Promise((resolve) => {
        waiting.set(number, resolve);
        // Where it cannot be sent, the process has ended, and all hear of that.
        child.send({ ...request, number }, () => {});
      });
    },
    async kill() {
      isKilled = true;
      child.kill('SIGKILL');
      await ended;
    },
  };
}
