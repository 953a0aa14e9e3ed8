import { fail } from '../errors/registry-error.ts';
import { compileHidden } from './expression-slot.ts';
import type { Frame, Prelude, Scope } from './frame.ts';
import { setOwn } from './member.ts';
import { compileComposed } from './object-compose.ts';
import type { Path } from './path.ts';
import { compileRead, printText, type Read } from './read.ts';
import type { Template, TemplateNode } from './template.ts';
import { compileJoin, joinPreludes } from './template-text.ts';
import type { Use } from './use.ts';

/** Makes a substituted value safe for where the text goes; not applied to the characters of the template. */
export type EncodeText = (value: string, use: Use) => string;

/** A template as closures. `prelude`, where there is one, must be awaited before `evaluate`. */
export interface CompiledTemplate {
  /** Fails with VALUE_MISSING or VALUE_INVALID (and EXPRESSION_FAILED). What is constant is one frozen value. */
  readonly evaluate: (frame: Frame) => unknown;
  readonly prelude: Prelude | null;
}

/** As `CompiledTemplate`, for what must come out as a text or null. */
export interface CompiledText {
  readonly evaluate: (frame: Frame) => string | null;
  readonly prelude: Prelude | null;
}

/** One member of an object. */
export interface CompiledMember {
  readonly name: string;
  readonly evaluate: (frame: Frame) => unknown;
}

/**
 * Compiles an object's members one by one, for whoever has no use for the object; null where a template is no object, is constant, or has keys
 * that are known only when it is evaluated.
 */
export function compileMembers(
  template: Template,
  scope: Scope,
): { readonly members: readonly CompiledMember[]; readonly prelude: Prelude | null } | null {
  const { node } = template;
  if (node.kind !== 'record') return null;
  const preludes: Prelude[] = [];
  const members: CompiledMember[] = [];
  for (const [name, value] of node.members) {
    if (typeof name !== 'string') return null;
    members.push({ name, evaluate: compileNode(value, scope, preludes) });
  }
  return { members, prelude: joinPreludes(preludes) };
}

/** Compiles a template without problems into a closure that neither waits nor parses. */
export function compileTemplate(template: Template, scope: Scope): CompiledTemplate {
  const preludes: Prelude[] = [];
  const evaluate = compileNode(template.node, scope, preludes);
  return { evaluate, prelude: joinPreludes(preludes) };
}

/**
 * Compiles a template that must come out as a text: numbers and booleans are printed, null stays null, anything else fails with
 * VALUE_INVALID. `encode` is applied to each value that is put in, also where the whole template is one reference.
 */
export function compileText(template: Template, scope: Scope, encode: EncodeText | null): CompiledText {
  const { node } = template;
  if (node.kind === 'text') return { evaluate: compileJoin(node.text, scope, encode), prelude: null };
  if (node.kind === 'constant') {
    const { value } = node;
    return { evaluate: () => printText(value, 'this argument'), prelude: null };
  }
  const { evaluate, prelude } = compileTemplate(template, scope);
  if (node.kind === 'list' || node.kind === 'record' || node.kind === 'composed') {
    return { evaluate: () => fail('VALUE_INVALID', 'An object or array stands where a text is needed'), prelude };
  }
  const { use } = node;
  const print = (frame: Frame) => printText(evaluate(frame), use.path);
  if (encode === null) return { evaluate: print, prelude };
  return {
    evaluate: (frame) => {
      const text = print(frame);
      return text === null ? null : encode(text, use);
    },
    prelude,
  };
}

function compileNode(node: TemplateNode, scope: Scope, preludes: Prelude[]): Read {
  switch (node.kind) {
    case 'constant': {
      const { value } = node;
      return () => value;
    }
    case 'path':
      return compileWhole(node.path, scope);
    case 'text':
      return compileJoin(node.text, scope, null);
    case 'expression': {
      const hidden = compileHidden(node.expression, scope);
      preludes.push(hidden.prelude);
      return hidden.read;
    }
    case 'list':
      return compileList(node.items.map((item) => compileNode(item, scope, preludes)));
    case 'record':
      return compileRecord(node.members, scope, preludes);
    case 'composed':
      return compileComposed(
        node.pieces.map((piece) => {
          const value = compileNode(piece.value, scope, preludes);
          if (piece.kind === 'spread') return { key: null, value, optional: false };
          const { key, optional } = piece;
          return { key: typeof key === 'string' ? () => key : compileJoin(key, scope, null), value, optional };
        }),
      );
  }
}

function compileWhole(path: Path, scope: Scope): Read {
  const read = compileRead(path, scope);
  return (frame) => read(frame) ?? null;
}

function compileList(items: readonly Read[]): Read {
  return (frame) => {
    const list: unknown[] = [];
    for (const item of items) list.push(item(frame));
    return list;
  };
}

function compileRecord(
  members: Extract<TemplateNode, { kind: 'record' }>['members'],
  scope: Scope,
  preludes: Prelude[],
): Read {
  const compiled = members.map(([key, value]) => ({
    name: typeof key === 'string' ? key : null,
    key: typeof key === 'string' ? () => key : compileJoin(key, scope, null),
    value: compileNode(value, scope, preludes),
  }));
  if (compiled.every(({ name }) => name !== null && name !== '__proto__')) {
    const plain = compiled.map(({ name, value }) => ({ name: name ?? '', value }));
    return (frame) => {
      const record: Record<string, unknown> = {};
      for (const { name, value } of plain) record[name] = value(frame);
      return record;
    };
  }
  return (frame) => {
    const record = {};
    for (const { key, value } of compiled) {
      const name = key(frame);
      if (Object.hasOwn(record, name)) fail('VALUE_INVALID', `The key "${name}" comes out twice`, { key: name });
      setOwn(record, name, value(frame));
    }
    return record;
  };
}
