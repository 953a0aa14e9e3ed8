// Run as a worker by the tests beside it: lives until it is told to stop, or for as long as it is told at the start.
import type { ToWorker } from '../../src/workers/messages.ts';

process.on('message', (message: ToWorker) => {
  if (message.kind === 'stop') process.exit(0);
});
process.once('disconnect', () => process.exit(1));
const livesMs = Number(process.argv[2]);
if (livesMs >= 0) setTimeout(() => process.exit(7), livesMs);
