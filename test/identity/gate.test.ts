import { describe, expect, test } from 'vitest';
import { openGate } from '../../src/identity/gate.ts';
import { failure } from './fixture.ts';

/** Work that ends when it is told to. */
function work(started: string[], name: string) {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const run = () => {
    started.push(name);
    return promise;
  };
  return { run, end: () => resolve(name), break: () => reject(new Error(name)) };
}

const settle = () => new Promise((resolve) => setImmediate(resolve));

describe('the gate', () => {
  test('lets so many run and so many wait, in order, and refuses the rest', async () => {
    const gate = openGate({ running: 2, waiting: 2 });
    const started: string[] = [];
    const [a, b, c, d] = ['a', 'b', 'c', 'd'].map((name) => work(started, name));
    const results = [a, b, c, d].map((one) => gate(one!.run));
    expect(started).toEqual(['a', 'b']);
    const refused = await failure(() => gate(work(started, 'e').run));
    expect(refused).toMatchObject({
      code: 'RATE_LIMITED',
      status: 429,
      retryable: true,
      headers: { 'Retry-After': '1' },
    });

    b!.end();
    await settle();
    expect(started).toEqual(['a', 'b', 'c']);
    for (const one of [a, c, d]) one!.end();
    expect(await Promise.all(results)).toEqual(['a', 'b', 'c', 'd']);
    expect(started).toEqual(['a', 'b', 'c', 'd']);
  });

  test('what fails makes room too', async () => {
    const gate = openGate({ running: 1, waiting: 1 });
    const started: string[] = [];
    const first = work(started, 'first');
    const second = work(started, 'second');
    const broken = failure(() => gate(first.run));
    const fine = gate(second.run);
    first.break();
    expect(await broken).toMatchObject({ message: 'first' });
    second.end();
    expect(await fine).toBe('second');
    const third = work(started, 'third');
    third.end();
    expect(await gate(third.run)).toBe('third');
  });

  test('somebody new does not take the place that was handed over', async () => {
    const gate = openGate({ running: 1, waiting: 5 });
    let running = 0;
    let most = 0;
    await Promise.all(
      Array.from({ length: 6 }, async () =>
        gate(async () => {
          most = Math.max(most, ++running);
          await settle();
          running--;
        }),
      ),
    );
    expect(most).toBe(1);
  });
});
