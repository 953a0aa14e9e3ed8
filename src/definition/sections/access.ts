import { normalizeUsername } from '../../shared/username.ts';
import type { AccessNode, LoadContext, Model } from '../model.ts';
import { qualify } from '../names.ts';
import { createMap, FREE_KEYS, isRemark, type ObjectReader, openObject } from '../object-reader.ts';
import { type Spot, spotOf } from '../places.ts';
import type { Json } from '../types.ts';

/** Keys of a rule that are no actions. */
const RULE_KEYS: readonly string[] = [...FREE_KEYS, 'names', 'hidden'];
const ACTION = /^[a-z][a-z0-9_]*$/;
const EVERYBODY: readonly string[] = ['$all', '$authenticated'];
const KINDS = ['role', 'org', 'scope'];
const FORMS = 'One of: $all, $authenticated, a user name, role:<name>, org:<name>, scope:<name>';

/**
 * `access` of `schema.json` and packs: by name, the rules that `auth.require_access` goes by. One of `schema.json` that is called
 * `pack.name` stands in the place of the pack's.
 */
export function readAccess(context: LoadContext, model: Model, owner: ObjectReader, pack: string | null): void {
  owner.map('access', (json, name, spot) => {
    if (isRemark(name, json)) return;
    if (!Array.isArray(json)) {
      context.reporter.report('SHAPE_INVALID', spot, 'A list of rules is expected here, the first that fits first');
      return;
    }
    const rules = json.flatMap((rule: Json, index) => readRule(context, pack, rule, spotOf(json, index)) ?? []);
    const qualified = qualify(pack, name);
    const present = model.access.get(qualified);
    if (present === undefined) model.access.set(qualified, { name: qualified, pack, spot, rules, replaces: false });
    else if (present.pack === null) model.access.set(qualified, { ...present, replaces: true });
  });
}

function readRule(
  context: LoadContext,
  pack: string | null,
  json: Json,
  spot: Spot,
): AccessNode['rules'][number] | undefined {
  const reader = openObject(json, spot, context.reporter);
  if (reader === null) return undefined;
  reader.require('names');
  const names = reader.textOrTexts('names');
  const hidden = reader.boolean('hidden', false);
  const actions = createMap<readonly string[]>();
  for (const action of Object.keys(reader.json)) {
    if (RULE_KEYS.includes(action)) continue;
    if (ACTION.test(action)) actions[action] = readWho(context, pack, reader, action);
  }
  if (hidden && actions.read === undefined) {
    const fix = 'Say who may "read": all others are told that there is no such thing';
    context.reporter.report(
      'SHAPE_INVALID',
      reader.at('hidden'),
      'What is hidden is hidden from whoever may not "read"',
      { fix },
    );
  }
  reader.finish();
  return { json: reader.json, definition: { names, hidden, actions } };
}

/** A list of whom an action is for. User names come out as they are compared. */
function readWho(context: LoadContext, pack: string | null, reader: ObjectReader, action: string): readonly string[] {
  const list = reader.json[action];
  return reader.texts(action).map((who) => {
    const spot = Array.isArray(list) ? spotOf(list, list.indexOf(who)) : reader.at(action);
    const [kind = '', ...rest] = who.split(':');
    const name = rest.join(':');
    if (kind === 'scope' && name !== '') context.names.resolve('scope', pack, name, spot);
    if (EVERYBODY.includes(who) || (KINDS.includes(kind) && name !== '')) return who;
    const username = normalizeUsername(who);
    if (username === null) {
      const fix = kind === 'group' || kind === 'team' ? `Write "role:${name}"` : FORMS;
      context.reporter.report('SHAPE_INVALID', spot, `"${who}" says nothing of who may`, { fix });
    }
    return username ?? who;
  });
}
