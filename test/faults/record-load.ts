import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { openLedger } from './ledger.ts';
import type { createRandom } from './random.ts';
import { COUNTER_NAMES, digestOfText } from './record-pairs.ts';
import type { RecordProcess } from './record-process.ts';

const MOST_BYTES = 3000;

/** Clients that write pairs to servers until they are told to stop, whatever becomes of the servers. */
export interface RecordLoad {
  /** Answers by their code; `written` and `gone` among them. */
  readonly answers: ReadonlyMap<string, number>;
  /** Resolves when all clients have stopped. */
  stop(): Promise<void>;
}

/** Each client writes to the server that `serverOf` gives at the time. The ledger is on the disk before and after each request. */
export function startRecordLoad(options: {
  readonly clients: number;
  readonly ledger: string;
  /** Makes targets different from those of other loads. */
  readonly name: string;
  readonly random: ReturnType<typeof createRandom>;
  readonly serverOf: (client: number) => RecordProcess;
}): RecordLoad {
  const { name, random, serverOf } = options;
  const ledger = openLedger(options.ledger);
  const answers = new Map<string, number>();
  let isStopped = false;

  async function work(client: number): Promise<void> {
    for (let number = 0; !isStopped; number++) {
      const server = serverOf(client);
      await server.ready;
      const target = `${name}-${client}-${number}`;
      const value = JSON.stringify({ target, content: randomBytes(random(1, MOST_BYTES)).toString('base64') });
      const line = { target, digest: digestOfText(value) };
      ledger.write({ kind: 'intent', ...line });
      const code = await server.write({ target, value, counter: COUNTER_NAMES[random(0, COUNTER_NAMES.length)] ?? '' });
      if (code === null) ledger.write({ kind: 'acknowledged', ...line });
      const answer = code ?? 'written';
      answers.set(answer, (answers.get(answer) ?? 0) + 1);
      // Until it is killed or well again.
      if (code !== null) await sleep(10);
    }
  }

  const working = Promise.all(Array.from({ length: options.clients }, (_, client) => work(client)));
  // Whoever stops it hears of what failed.
  working.catch(() => {});
  return {
    answers,
    async stop() {
      isStopped = true;
      await working;
      ledger.close();
    },
  };
}
