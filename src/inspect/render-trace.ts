import type { Ink } from './render-route.ts';
import type { TracedStep } from './trace.ts';

/** A trace for people: a line for each step with its time, then what it bound and what it asked of stores. */
export function renderTrace(steps: readonly TracedStep[], ink: Ink): string {
  const width = Math.max(0, ...steps.map((step) => headOf(step).length));
  return steps.flatMap((step) => renderStep(step, width, ink)).join('\n');
}

function headOf({ depth, place, op, label }: TracedStep): string {
  return `${'  '.repeat(depth)}${place} ${op}${label === null ? '' : ` "${label}"`}`;
}

function renderStep(step: TracedStep, width: number, ink: Ink): readonly string[] {
  const head = headOf(step).padEnd(width);
  if (step.outcome === 'skipped') return [ink.faint(`${head}  skipped: its condition does not hold`)];
  const indent = `${'  '.repeat(step.depth)}    `;
  const end = step.outcome === 'next' ? '' : `  ${step.outcome}${step.code === null ? '' : ` ${step.code}`}`;
  return [
    `${ink.strong(head)}  ${milliseconds(step.tookMs)}${end}`,
    ...Object.entries(step.bindings).map(([name, value]) => `${indent}${name} = ${shorten(JSON.stringify(value))}`),
    ...step.calls.map(
      ({ store, method, detail, tookMs }) =>
        `${indent}${ink.faint(`${store}.${method}`)} ${shorten(detail)}  ${milliseconds(tookMs)}`,
    ),
  ];
}

function milliseconds(ms: number): string {
  return `${ms.toFixed(2)} ms`;
}

const MAX_LENGTH = 160;

function shorten(text: string): string {
  return text.length <= MAX_LENGTH ? text : `${text.slice(0, MAX_LENGTH - 1)}…`;
}
