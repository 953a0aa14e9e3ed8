// Run as a process of its own by `serve --workers`: serves what its parent hands over.
import { linkToParent, type ParentLink } from '../workers/link.ts';
import { describeFailure, processContext } from './context.ts';
import { readServeOptions } from './serve-options.ts';
import { openForServing } from './serve-registry.ts';

async function work(link: ParentLink): Promise<number> {
  const context = processContext();
  const opened = await openForServing(readServeOptions(link.start.args, context), context, link);
  if (opened === null) return 1;
  link.onSweep(() => void opened.registry.sweep().catch(() => {}));
  const address = await link.opened(opened.files);
  const server = await opened.serve({ ...address, receive: link.receive });
  const isAsked = await link.stopped;
  await server.close();
  await opened.registry.close();
  return isAsked ? 0 : 1;
}

// A terminal and a service manager signal the whole group; when to stop is the parent's to say.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => {});
const link = await linkToParent();
let isServing = false;
const working = work({
  ...link,
  receive(take) {
    isServing = true;
    link.receive(take);
  },
});
// Nobody waits for one that does not serve yet.
void link.stopped.then((isAsked) => {
  if (!isServing) process.exit(isAsked ? 0 : 1);
});
const code = await working.catch((thrown: unknown) => {
  process.stderr.write(`${describeFailure(thrown)}\n`);
  return 1;
});
process.exit(code);
