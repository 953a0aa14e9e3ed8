import type { OperationHandler } from '../../engine/contract.ts';
import { RegistryError } from '../../errors/registry-error.ts';
import { toPlain } from '../../language/member.ts';

/** See `operations/emit/event.json`. */
export const emitEvent: OperationHandler = {
  op: 'emit.event',
  compile(step) {
    const { type, validate } = step.event('type');
    const payload = step.value('payload');
    return (run) => {
      const value = payload(run);
      const errors = validate?.(toPlain(value)) ?? null;
      if (errors !== null) {
        throw new RegistryError('SCHEMA_INVALID', {
          message: `The event ${type} does not fit its schema`,
          details: errors,
        });
      }
      run.session.records.emit(type, value);
    };
  },
};
