import type { Definition, StepDefinition } from '../definition/types.ts';
import type { OperationExample, Vocabulary } from '../definition/vocabulary.ts';
import { walkSteps } from '../engine/walk-steps.ts';
import { CONTROL_OPERATIONS, HANDLERS } from '../operations/index.ts';
import { runExample } from '../trial/run-example.ts';
import { type Check, check, note, type Section } from './report.ts';

/**
 * Operations: every one that is defined is implemented and the reverse, what the registry allows exists, and the examples of the operations
 * that it may use hold on its kinds of record stores (`records`).
 */
export async function verifyOperations(
  definition: Definition,
  vocabulary: Vocabulary,
  records: readonly string[],
): Promise<Section> {
  const implemented = new Set([...HANDLERS.keys(), ...CONTROL_OPERATIONS]);
  const { closedWorld, allowed } = definition.ops;
  const used = usedOperations(definition, vocabulary);
  const usable = closedWorld ? allowed : [...vocabulary.keys()];
  return {
    id: 'operations',
    title: 'Operations',
    checks: [
      check(
        'every operation that is defined is implemented',
        [...vocabulary.keys()].filter((op) => !implemented.has(op)),
      ),
      check(
        'every operation that is implemented is defined',
        [...implemented].filter((op) => !vocabulary.has(op)),
      ),
      check(
        'every operation that is allowed exists',
        allowed.filter((op) => !vocabulary.has(op)),
      ),
      check(
        'every operation that is used is allowed',
        closedWorld ? [...used].filter((op) => !allowed.includes(op)) : [],
      ),
      ...note('allowed, but no step uses them', closedWorld ? allowed.filter((op) => !used.has(op)) : []),
      ...(await Promise.all(records.map((kind) => verifyExamples(vocabulary, usable, kind)))),
    ],
  };
}

function usedOperations(definition: Definition, vocabulary: Vocabulary): ReadonlySet<string> {
  const lists: readonly (readonly StepDefinition[])[] = [
    ...definition.routes.map(({ pipeline }) => pipeline),
    ...Object.values(definition.pipelines).map(({ pipeline }) => pipeline),
    ...Object.values(definition.applyPipelines),
  ];
  return new Set(lists.flatMap((steps) => [...walkSteps(definition, vocabulary, steps)].map(({ op }) => op)));
}

/** How many examples run at once: each waits for its own stores' disks most of the time. */
const AT_ONCE = 4;

async function verifyExamples(vocabulary: Vocabulary, usable: readonly string[], kind: string): Promise<Check> {
  const examples = usable.flatMap((op) => (vocabulary.get(op)?.examples ?? []).map((example) => ({ op, example })));
  const waiting = examples.values();
  const problems: string[] = [];
  const work = async () => {
    for (const { op, example } of waiting) {
      const found = await troubleOf(example, vocabulary, kind);
      problems.push(...found.map((problem) => `${op}, "${example.name}": ${problem}`));
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  return check(`the operations' examples hold on ${kind}`, problems.sort(), [`${examples.length} examples`]);
}

async function troubleOf(example: OperationExample, vocabulary: Vocabulary, kind: string): Promise<readonly string[]> {
  try {
    const differences = await runExample(example, vocabulary, { records: kind, memory: kind === 'memory' });
    return differences.map(
      ({ where, expected, actual }) => `${where}: expected ${JSON.stringify(expected)}, got ${JSON.stringify(actual)}`,
    );
  } catch (thrown) {
    return [thrown instanceof Error ? thrown.message : String(thrown)];
  }
}
