import { parseCondition } from '../../language/condition.ts';
import { parseStepKey } from '../../language/record-key.ts';
import { checkRegex } from '../../language/regex.ts';
import { parseTemplate, type Template } from '../../language/template.ts';
import type { ArgumentNode, StepNode } from '../model.ts';
import type { Json } from '../types.ts';
import type { LintContext, ParsedArgument, ParsedStep } from './context.ts';

/** Parses what a step's arguments hold, each by its kind. */
export function parseStep(context: LintContext, step: StepNode): ParsedStep {
  return {
    when: step.when === null ? null : parseCondition(step.when.json),
    args: step.args.map((node) => parseArgument(context, step, node)),
  };
}

function parseArgument(context: LintContext, step: StepNode, node: ArgumentNode): ParsedArgument {
  switch (node.definition?.kind) {
    case 'template':
    case 'bindings':
      return fromTemplate(node, parseTemplate(node.json));
    case 'source':
      return typeof node.json === 'string'
        ? fromTemplate(node, parseTemplate(sourceTemplate(node.json)))
        : nothing(node);
    case 'condition': {
      const condition = parseCondition(node.json);
      return { ...nothing(node), uses: condition.uses, problems: condition.problems, condition };
    }
    case 'regex': {
      const problem = typeof node.json === 'string' ? checkRegex(node.json) : null;
      return { ...nothing(node), problems: problem === null ? [] : [problem] };
    }
    case 'key':
      return parseKey(context, step, node);
    default:
      return nothing(node);
  }
}

/** A source is a path with or without its `$`. */
function sourceTemplate(source: string): string {
  return source.startsWith('$') || source.startsWith('{') ? source : `$${source}`;
}

function parseKey(context: LintContext, step: StepNode, node: ArgumentNode): ParsedArgument {
  const document = documentOf(step);
  const template = document === null ? null : context.keyTemplate(document);
  // Without its document a key cannot be judged; that the document is missing or unknown is said elsewhere.
  if (template === null || template.problems.length > 0) return nothing(node);
  if (node.definition?.many !== true) return { ...nothing(node), ...parseStepKey(node.json, template) };
  if (Array.isArray(node.json)) {
    const keys = node.json.map((item: Json, index) => ({ pointer: `/${index}`, key: parseStepKey(item, template) }));
    return {
      ...nothing(node),
      uses: keys.flatMap(({ key, pointer }) => key.uses.map((use) => ({ ...use, pointer: pointer + use.pointer }))),
      problems: keys.flatMap(({ key, pointer }) =>
        key.problems.map((problem) => ({ ...problem, pointer: pointer + problem.pointer })),
      ),
    };
  }
  const list = parseTemplate(node.json);
  if (list.problems.length > 0 || (typeof node.json === 'string' && list.uses.some((use) => use.place !== 'text'))) {
    return fromTemplate(node, list);
  }
  const message = 'Several keys are a list of keys or a reference to one';
  return { ...nothing(node), problems: [{ code: 'KEY_INVALID', message, pointer: '' }] };
}

/** The document type that the step names, or null. */
export function documentOf(step: StepNode): string | null {
  return step.args.find((node) => node.definition?.to === 'document')?.references[0] ?? null;
}

function fromTemplate(node: ArgumentNode, template: Template): ParsedArgument {
  return { node, uses: template.uses, problems: template.problems, template, condition: null };
}

function nothing(node: ArgumentNode): ParsedArgument {
  return { node, uses: [], problems: [], template: null, condition: null };
}
