import type { ExplainedRoute, ExplainedStep } from './explain-route.ts';

/** How a terminal shows emphasis; plain where output goes elsewhere. */
export interface Ink {
  strong(text: string): string;
  faint(text: string): string;
}

/** An explained route for people: a head, then each step with what it reads, binds, touches and runs. */
export function renderRoute(route: ExplainedRoute, ink: Ink): string {
  const lines = [`${ink.strong(route.id)}  ${route.methods.join(',')} ${route.paths.join(', ')}`];
  if (route.summary !== '') lines.push(`  ${route.summary}`);
  const facts = [
    ['pack', route.pack ?? '(schema.json)'],
    ['tags', route.tags.join(', ')],
    ['scopes', route.scopes.join(', ')],
    ['params', route.params.join(', ')],
  ] as const;
  for (const [name, value] of facts) if (value !== '') lines.push(`  ${name.padEnd(7)}${value}`);
  for (const { effect, name, scopes } of route.policies) {
    lines.push(`  policy ${name}: ${effect} with ${scopes.length === 0 ? 'no scope' : scopes.join(', ')}`);
  }
  if (route.policies.length === 0) lines.push('  policy none: the steps decide who may');
  lines.push('', ...renderSteps(route.steps, '', ink));
  return lines.join('\n');
}

function renderSteps(steps: readonly ExplainedStep[], margin: string, ink: Ink): readonly string[] {
  return steps.flatMap((step) => renderStep(step, margin, ink));
}

const RAIL = { begin: '┌ ', inside: '│ ', end: '└ ' } as const;

function renderStep(step: ExplainedStep, margin: string, ink: Ink): readonly string[] {
  const rail = step.transaction === null ? '  ' : RAIL[step.transaction];
  const below = step.transaction === 'begin' || step.transaction === 'inside' ? '│ ' : '  ';
  const label = step.label === null ? '' : `  "${step.label}"`;
  const place = step.place.slice(step.place.lastIndexOf('.') + 1);
  const indent = `${margin}${below}   `;
  const fact = (name: string, text: string) => (text === '' ? [] : [`${indent}${ink.faint(name.padEnd(10))} ${text}`]);
  return [
    `${margin}${rail}${place.padStart(2)} ${ink.strong(step.op)}${label}  ${ink.faint(`${step.effect}: ${step.summary}`)}`,
    ...fact('when', step.when === null ? '' : JSON.stringify(step.when)),
    ...fact('args', shorten(JSON.stringify(step.args))),
    ...fact('reads', step.reads.join(', ')),
    ...fact('binds', step.binds.join(', ')),
    ...step.touches.flatMap(({ kind, name, detail }) => fact(kind, `${name}${detail === '' ? '' : ` (${detail})`}`)),
    ...step.statements.flatMap(({ when, text }) => fact(when === 'commit' ? 'commit' : 'runs', text)),
    ...(step.transaction === 'begin'
      ? fact('retry', 'from here when another commit got in between; 5 s at most, then CONFLICT')
      : []),
    ...fact('errors', step.errors.join(', ')),
    ...step.inner.flatMap(({ title, steps }) => [
      `${indent}${ink.strong(title)}`,
      ...renderSteps(steps, `${indent}  `, ink),
    ]),
  ];
}

const MAX_LENGTH = 160;

function shorten(text: string): string {
  if (text === '{}') return '';
  return text.length <= MAX_LENGTH ? text : `${text.slice(0, MAX_LENGTH - 1)}…`;
}
