import type { Analysis, LintContext, RootList } from './context.ts';
import { createFlowLog, walkFlow } from './flow.ts';

/** What stands for the analysis of a pipeline while it is being followed (it calls itself): it does nothing and ends. */
export function unfinished(root: RootList): Analysis {
  const end = { names: root.names, live: true, body: null };
  return { end, ...createFlowLog() };
}

/** Follows a root list. */
export function analyse(context: LintContext, root: RootList): Analysis {
  const log = createFlowLog();
  const end = walkFlow(context, root.list, { names: root.names, live: true, body: null }, log);
  return { end, ...log };
}
