import type { OperationHandler } from '../../engine/contract.ts';
import { RegistryError } from '../../errors/registry-error.ts';
import { whenReady } from '../../shared/maybe-promise.ts';
import { asObject, compileLimit } from '../arguments.ts';

/** See `operations/kv/list.json`. A cursor is tied to the document and the prefix, and holds the last key shown. */
export const kvList: OperationHandler = {
  op: 'kv.list',
  compile(step) {
    const document = step.document('doc');
    const parts = step.value('prefix');
    const limit = compileLimit(step);
    const cursor = step.text('cursor');
    const asRegistry = step.literal('as') === 'registry';
    const bind = step.bind('out');
    const bindNext = step.bind('out_next');
    return (run) => {
      const { session } = run;
      const prefix = document.encodePrefix(asObject(parts(run), 'prefix') ?? {});
      const purpose = `list ${document.name} ${prefix}`;
      const sealed = cursor(run);
      const after = sealed === null ? null : session.openCursor(purpose, sealed);
      if (after !== null && typeof after !== 'string') throw new RegistryError('CURSOR_INVALID');
      return whenReady(session.records.list(document, prefix, after, limit(run), asRegistry), (page) => {
        bind(run, page.records);
        bindNext(run, page.next === null ? null : session.sealCursor(purpose, page.next));
        return undefined;
      });
    };
  },
};
