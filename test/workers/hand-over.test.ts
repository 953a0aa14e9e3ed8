import { Socket } from 'node:net';
import { expect, test } from 'vitest';
import { createHandOver, type Receiver } from '../../src/workers/hand-over.ts';

/** A worker that notes what it is given. */
function receiver(): Receiver & { readonly given: [number, Socket][] } {
  const given: [number, Socket][] = [];
  return { given, give: (id, socket) => void given.push([id, socket]) };
}

const counts = (...workers: ReturnType<typeof receiver>[]) => workers.map(({ given }) => given.length);

test('connections go to whoever has the fewest, in turn among equals', () => {
  const handOver = createHandOver();
  const [left, right] = [receiver(), receiver()];
  handOver.join(left);
  handOver.join(right);
  for (let i = 0; i < 8; i++) handOver.take(new Socket());
  expect(counts(left, right)).toEqual([4, 4]);
  for (let i = 0; i < 3; i++) handOver.closed(right);
  for (let i = 0; i < 3; i++) handOver.take(new Socket());
  expect(counts(left, right)).toEqual([4, 7]);
});

test('a worker that comes later gets all until it has as many', () => {
  const handOver = createHandOver();
  const [early, late] = [receiver(), receiver()];
  handOver.join(early);
  for (let i = 0; i < 4; i++) handOver.take(new Socket());
  handOver.join(late);
  for (let i = 0; i < 4; i++) handOver.take(new Socket());
  expect(counts(early, late)).toEqual([4, 4]);
});

test('what a dead worker had not taken goes to another, what it had taken does not', () => {
  const handOver = createHandOver();
  const [dying, other] = [receiver(), receiver()];
  handOver.join(dying);
  const sockets = [new Socket(), new Socket()];
  for (const socket of sockets) handOver.take(socket);
  handOver.taken(dying, dying.given[0]![0]);
  expect(sockets.map(({ destroyed }) => destroyed)).toEqual([true, false]);
  handOver.leave(dying);
  handOver.join(other);
  expect(other.given.map(([, socket]) => socket)).toEqual([sockets[1]]);
});

test('a connection that nobody takes is ended, and counts no more; one that is taken late counts', async () => {
  const handOver = createHandOver(20);
  const [stuck, other] = [receiver(), receiver()];
  handOver.join(stuck);
  const sockets = [new Socket(), new Socket()];
  for (const socket of sockets) handOver.take(socket);
  await expect.poll(() => sockets.every(({ destroyed, closed }) => destroyed && closed)).toBe(true);
  handOver.join(other);
  for (let i = 0; i < 2; i++) handOver.take(new Socket());
  expect(counts(stuck, other)).toEqual([3, 1]);
  for (const [id] of stuck.given.slice(0, 2)) handOver.taken(stuck, id);
  for (let i = 0; i < 2; i++) handOver.take(new Socket());
  expect(counts(stuck, other)).toEqual([3, 3]);
});

test('without a worker they wait, so many at most; the end ends them', () => {
  const handOver = createHandOver();
  const sockets = Array.from({ length: 1030 }, () => new Socket());
  for (const socket of sockets) handOver.take(socket);
  expect(sockets.filter(({ destroyed }) => destroyed).length).toBe(6);
  handOver.end();
  expect(sockets.every(({ destroyed }) => destroyed)).toBe(true);
});

test('word of a connection from a worker that is gone does no harm', () => {
  const handOver = createHandOver();
  const gone = receiver();
  handOver.taken(gone, 1);
  handOver.closed(gone);
  handOver.leave(gone);
});
