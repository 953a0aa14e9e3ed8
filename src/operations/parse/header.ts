import type { OperationHandler } from '../../engine/contract.ts';
import { RegistryError } from '../../errors/registry-error.ts';

/** See `operations/parse/header.json`. */
export const parseHeader: OperationHandler = {
  op: 'parse.header',
  compile(step) {
    const written = String(step.literal('name'));
    const name = written.toLowerCase();
    const pattern = step.regex('pattern');
    const grouped = pattern !== null && /\(\?P?<[A-Za-z_]/.test(pattern.source);
    const required = step.literal('required') === true;
    const bind = step.bind('out');
    const parse = (value: string | undefined): unknown => {
      if (value === undefined) {
        if (required) throw new RegistryError('HEADER_INVALID', { message: `The header ${written} is missing` });
        return null;
      }
      if (pattern === null) return value;
      const match = pattern.exec(value);
      if (match === null) {
        throw new RegistryError('HEADER_INVALID', {
          message: `The header ${written} does not match ${pattern.source}`,
        });
      }
      return grouped ? match.groups : value;
    };
    return (run) => {
      bind(run, parse(run.request.headers[name]));
    };
  },
};
