import type { EntityDefinition, EntityFieldDefinition } from '../../definition/types.ts';
import type { OperationHandler, StepCompiler } from '../../engine/contract.ts';
import { RegistryError } from '../../errors/registry-error.ts';
import type { Frame } from '../../language/frame.ts';
import { compileRegex, type LinearRegex } from '../../language/regex.ts';
import { isPrerelease } from '../../shared/versions.ts';
import { expectation, fitsType } from '../field-types.ts';

/** See `operations/validate/entity.json`. */
export const validateEntity: OperationHandler = {
  op: 'validate.entity',
  compile(step) {
    const entity = step.entity('entity');
    const names = new Set([...Object.keys(entity.fields), ...entity.constraints.map((constraint) => constraint.field)]);
    const checks = [...names].filter((name) => step.isBound(name)).map((name) => compileCheck(step, entity, name));
    return (run) => {
      let details: { field: string; message: string }[] | null = null;
      for (const { field, check } of checks) {
        const message = check(run);
        if (message === null) continue;
        details ??= [];
        details.push({ field, message });
      }
      if (details === null) return;
      const message = details.map((detail) => `${detail.field} ${detail.message}`).join('; ');
      throw new RegistryError('ENTITY_INVALID', { message, details });
    };
  },
};

interface FieldCheck {
  readonly field: string;
  /** What is wrong with the value, or null. */
  readonly check: (frame: Frame) => string | null;
}

interface Constraint {
  readonly regex: LinearRegex;
  readonly whenPresent: boolean;
}

function compileCheck(step: StepCompiler, entity: EntityDefinition, name: string): FieldCheck {
  const read = step.read(name);
  const field = Object.hasOwn(entity.fields, name) ? entity.fields[name] : undefined;
  const constraints: readonly Constraint[] = entity.constraints
    .filter((constraint) => constraint.field === name)
    .map(({ regex, whenPresent }) => ({ regex: compileRegex(regex), whenPresent }));
  const required =
    (field !== undefined && !field.optional) || constraints.some((constraint) => !constraint.whenPresent);
  const { versioning } = step.definition;
  const releasesOnly = name === 'version' && versioning.scheme === 'semver' && !versioning.allowPrerelease;
  return {
    field: name,
    check: (frame) => {
      const value = read(frame);
      if (value === null || value === undefined) return required ? 'is required' : null;
      return checkValue(value, field, constraints, releasesOnly);
    },
  };
}

function checkValue(
  value: unknown,
  field: EntityFieldDefinition | undefined,
  constraints: readonly Constraint[],
  releasesOnly: boolean,
): string | null {
  if (field !== undefined && !fitsType(field.type, value)) return expectation(field.type);
  for (const { regex } of constraints) if (!regex.test(String(value))) return `does not match ${regex.source}`;
  if (releasesOnly && typeof value === 'string' && isPrerelease('semver', value)) return 'must not be a prerelease';
  return null;
}
