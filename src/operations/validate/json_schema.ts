import type { OperationHandler } from '../../engine/contract.ts';
import { RegistryError } from '../../errors/registry-error.ts';
import { toPlain } from '../../language/member.ts';

/** See `operations/validate/json_schema.json`. */
export const validateJsonSchema: OperationHandler = {
  op: 'validate.json_schema',
  compile(step) {
    const validate = step.schema('schema');
    const value = step.value('value');
    return (run) => {
      const errors = validate?.(toPlain(value(run))) ?? null;
      if (errors !== null) throw new RegistryError('SCHEMA_INVALID', { details: errors });
    };
  },
};
