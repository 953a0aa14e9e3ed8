import { fork } from 'node:child_process';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { createCrew, type Ending, type Pauses } from '../../src/workers/crew.ts';
import type { Patience } from '../../src/workers/pulse.ts';

const FOREVER = -1;

/** A crew whose workers live for `livesMs`, with what was told of their ends. */
function openCrew(livesMs: number, pauses?: Pauses, patience?: Patience) {
  const endings: (Ending & { readonly number: number; readonly restartsInMs: number | null })[] = [];
  const started: number[] = [];
  const silent: number[] = [];
  const serving = new Set<number>();
  const crew = createCrew({
    fork: () => fork(join(import.meta.dirname, 'idle-worker.ts'), [String(livesMs)]),
    onMessage: ({ number }, { kind }) => kind === 'serving' && serving.add(number),
    onStarted: ({ number }) => started.push(number),
    onEnded: ({ number }, ending, restartsInMs) => endings.push({ number, ...ending, restartsInMs }),
    onSilent: ({ number }) => silent.push(number),
    ...(pauses === undefined ? {} : { pauses }),
    ...(patience === undefined ? {} : { patience }),
  });
  onTestFinished(() => crew.kill());
  return { crew, endings, started, silent, serving };
}

test('a worker that is killed is replaced at once, under its number; the others go on', async () => {
  const { crew, endings, started } = openCrew(FOREVER);
  const first = crew.start(1);
  const second = crew.start(2);
  process.kill(second.pid, 'SIGKILL');
  await expect.poll(() => started).toEqual([1, 2, 2]);
  expect(endings).toEqual([{ number: 2, code: null, signal: 'SIGKILL', restartsInMs: 0 }]);
  expect(crew.workers.map(({ number }) => number)).toEqual([1, 2]);
  expect(crew.workers[0]).toBe(first);
  expect(crew.workers[1]?.pid).not.toBe(second.pid);
});

test('one that dies again and again is started after growing pauses, then given up', async () => {
  const { crew, endings, started } = openCrew(0, { quickMs: 60_000, beforeMs: [0, 10, 40] });
  crew.start(3);
  expect(await crew.givenUp).toBe(3);
  expect(started).toEqual([3, 3, 3, 3]);
  expect(endings.map(({ code, restartsInMs }) => [code, restartsInMs])).toEqual([
    [7, 0],
    [7, 10],
    [7, 40],
    [7, null],
  ]);
  expect(await crew.stop()).toEqual([]);
});

test('one that has lived for a while before it dies is not given up', async () => {
  const { crew, endings } = openCrew(30, { quickMs: 20, beforeMs: [0] });
  crew.start(1);
  await expect.poll(() => endings.length, { timeout: 20_000 }).toBeGreaterThan(3);
  expect(new Set(endings.map(({ restartsInMs }) => restartsInMs))).toEqual(new Set([0]));
});

test('one that is stuck is killed and replaced; one that answers is not, and neither is one that is not watched', async () => {
  const { crew, endings, started, silent, serving } = openCrew(FOREVER, undefined, { everyMs: 100, unanswered: 5 });
  const [stuck, lively, unwatched] = [crew.start(1), crew.start(2), crew.start(3)];
  await expect.poll(() => serving.size, { timeout: 20_000 }).toBe(3);
  for (const worker of [stuck, lively]) crew.watch(worker);
  for (const worker of [stuck, unwatched]) worker.send({ kind: 'serve', url: '', port: 0 });
  await expect.poll(() => started, { timeout: 20_000 }).toEqual([1, 2, 3, 1]);
  expect(silent).toEqual([1]);
  expect(endings).toEqual([{ number: 1, code: null, signal: 'SIGKILL', restartsInMs: 0 }]);
  await new Promise((resolve) => setTimeout(resolve, 1000));
  expect(crew.workers.map(({ pid }) => pid).slice(1)).toEqual([lively.pid, unwatched.pid]);
});

test('all that were told to stop are waited for, and none is started any more', async () => {
  const { crew, started } = openCrew(FOREVER, { quickMs: 60_000, beforeMs: [200] });
  crew.start(1);
  const killed = crew.start(2);
  process.kill(killed.pid, 'SIGKILL');
  await expect.poll(() => crew.workers.length).toBe(1);
  expect(await crew.stop()).toEqual([{ code: 0, signal: null }]);
  await new Promise((resolve) => setTimeout(resolve, 300));
  expect(started).toEqual([1, 2]);
});
