import type { OperationHandler, StepRun } from '../../engine/contract.ts';

/** See `operations/normalize/entity.json`. */
export const normalizeEntity: OperationHandler = {
  op: 'normalize.entity',
  compile(step) {
    const actions: StepRun[] = [];
    for (const [name, field] of Object.entries(step.entity('entity').fields)) {
      if (field.normalize.length === 0 || !step.isBound(name)) continue;
      const rules = field.normalize.map(compileRule);
      const read = step.read(name);
      const store = step.bindName(name);
      actions.push((run) => {
        const value = read(run);
        if (typeof value !== 'string') return;
        let text = value;
        for (const rule of rules) text = rule(text);
        if (text !== value) store(run, text);
      });
    }
    return (run) => {
      for (const act of actions) act(run);
    };
  },
};

/** `trim`, `lower`, `upper` or `replace:from:to`, which replaces every occurrence; `to` may be empty or hold colons. */
function compileRule(rule: string): (text: string) => string {
  switch (rule) {
    case 'trim':
      return (text) => text.trim();
    case 'lower':
      return (text) => text.toLowerCase();
    case 'upper':
      return (text) => text.toUpperCase();
  }
  const [kind, from = '', ...rest] = rule.split(':');
  if (kind !== 'replace' || from === '') throw new Error(`The checker let the normalisation ${rule} pass`);
  const to = rest.join(':');
  return (text) => (text.includes(from) ? text.replaceAll(from, () => to) : text);
}
