// Run as a worker by the tests beside it: lives until it is told to stop, or for as long as it is told at the start. Asked to serve, it is
// stuck from then on.
import type { ToWorker } from '../../src/workers/messages.ts';

process.on('message', (message: ToWorker) => {
  if (message.kind === 'stop') process.exit(0);
  if (message.kind === 'alive') process.send?.({ kind: 'alive' });
  while (message.kind === 'serve') Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
});
process.once('disconnect', () => process.exit(1));
const livesMs = Number(process.argv[2]);
if (livesMs >= 0) setTimeout(() => process.exit(7), livesMs);
// Whoever started it may be gone by now.
process.send?.({ kind: 'serving' }, undefined, undefined, () => {});
