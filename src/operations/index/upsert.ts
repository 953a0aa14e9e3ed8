import type { OperationHandler } from '../../engine/contract.ts';
import { toPlain } from '../../language/member.ts';
import { whenReady } from '../../shared/maybe-promise.ts';
import { asObject, goOn, invalidArgument } from '../arguments.ts';

/** See `operations/index/upsert.json`. A row is a record of the index's own document; the fields of the index are its key. */
export const indexUpsert: OperationHandler = {
  op: 'index.upsert',
  compile(step) {
    const index = step.index('index');
    if (!index.manual) return goOn;
    const { document } = index;
    const fields = step.value('key');
    const value = step.value('value');
    return (run) => {
      const row = asObject(toPlain(value(run)), 'value');
      const named = asObject(fields(run), 'key');
      if (row === null || named === null) throw invalidArgument(row === null ? 'value' : 'key', 'an object');
      const whole = { ...row, ...named };
      return whenReady(
        run.session.records.put(document, document.encodeKey(partsOf(whole, document.parts)), whole),
        goOn,
      );
    };
  },
};

function partsOf(row: Readonly<Record<string, unknown>>, parts: readonly string[]): Record<string, unknown> {
  return Object.fromEntries(parts.map((part) => [part, Object.hasOwn(row, part) ? row[part] : null]));
}
