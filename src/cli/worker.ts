// Run as a process of its own by `serve --workers`: serves what its parent hands over.
import { linkToParent } from '../workers/link.ts';
import { describeFailure, processContext } from './context.ts';
import { readServeOptions } from './serve-options.ts';
import { loadForServing, openForServing } from './serve-registry.ts';
import { settleIn } from './settle-in.ts';

// A terminal and a service manager signal the whole group; when to stop is the parent's to say.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => {});
const { started, stopped } = linkToParent();
let isServing = false;
// Nobody waits for one that does not serve yet.
void stopped.then((isAsked) => {
  if (!isServing) process.exit(isAsked ? 0 : 1);
});

async function work(): Promise<number> {
  const context = processContext();
  // Takes as long as all the rest, and needs nothing that the parent has to say.
  await loadForServing();
  const link = await started;
  const { args, registry, data } = link.start;
  const opened = await openForServing({ ...readServeOptions(args, context), registry, data }, context, link);
  if (opened === null) return 1;
  link.onSweep(() => void opened.registry.sweep().catch(() => {}));
  const address = await link.opened(opened.files);
  isServing = true;
  const server = await opened.serve({ ...address, receive: link.receive });
  settleIn();
  const isAsked = await stopped;
  await server.close();
  await opened.registry.close();
  return isAsked ? 0 : 1;
}

const code = await work().catch((thrown: unknown) => {
  process.stderr.write(`${describeFailure(thrown)}\n`);
  return 1;
});
process.exit(code);
