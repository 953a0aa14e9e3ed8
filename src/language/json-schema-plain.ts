/**
 * Whether a value fits a schema for sure, told without compiling the schema, which takes a thousand times as long as looking at one
 * value. False says nothing: the schema may use a keyword that is not looked at here.
 */
export function plainlyFits(schema: object, value: unknown): boolean {
  return Object.entries(schema).every(([keyword, wanted]: [string, unknown]) => {
    switch (keyword) {
      case 'type':
        return hasType(wanted, value);
      case 'enum':
        return typeof value !== 'object' && Array.isArray(wanted) && wanted.includes(value);
      case 'minimum':
        return typeof value === 'number' && typeof wanted === 'number' && value >= wanted;
      case 'maximum':
        return typeof value === 'number' && typeof wanted === 'number' && value <= wanted;
      case 'minItems':
        return Array.isArray(value) && typeof wanted === 'number' && value.length >= wanted;
      case 'maxItems':
        return Array.isArray(value) && typeof wanted === 'number' && value.length <= wanted;
      case 'items':
        return (
          Array.isArray(value) &&
          typeof wanted === 'object' &&
          wanted !== null &&
          value.every((item) => plainlyFits(wanted, item))
        );
      default:
        return false;
    }
  });
}

function hasType(type: unknown, value: unknown): boolean {
  switch (type) {
    case 'integer':
      return Number.isSafeInteger(value);
    case 'array':
      return Array.isArray(value);
    case 'string':
    case 'boolean':
      return typeof value === type;
    default:
      return false;
  }
}
