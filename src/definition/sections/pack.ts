import { ALL_ROOTS, type LoadContext, type Model } from '../model.ts';
import type { ObjectReader } from '../object-reader.ts';
import { spotOf } from '../places.ts';
import type { PackDefinition } from '../types.ts';
import { readErrors } from './errors.ts';

const NAME = /^[a-z][a-z0-9_-]*$/;

/** What `pack.json` says of the pack itself; the rest of it goes where the same sections of `schema.json` go. */
export function readPack(context: LoadContext, model: Model, reader: ObjectReader, name: string): PackDefinition {
  reader.any('name');
  reader.require('mount');
  const json = reader.json.mount;
  const mounts = reader.textOrTexts('mount').map((mount, index) => {
    const trimmed = mount.replace(/\/+$/, '');
    if (trimmed === '' || trimmed.startsWith('/')) return trimmed;
    const spot = Array.isArray(json) ? spotOf(json, index) : reader.at('mount');
    context.reporter.report('SHAPE_INVALID', spot, 'A mount begins with "/"', { fix: `Write "/${trimmed}"` });
    return `/${trimmed}`;
  });
  const challenge = reader.list('auth_challenge', (item, spot) => {
    if (typeof item !== 'string') {
      context.reporter.report('SHAPE_INVALID', spot, 'A challenge is a text');
      return undefined;
    }
    model.loose.push({ kind: 'template', json: item, spot, names: ['error', ...ALL_ROOTS] });
    return item;
  });
  return {
    name,
    mounts,
    description: reader.text('description', ''),
    errors: readErrors(context, model, reader),
    features: reader.object('features') ?? {},
    challenge,
  };
}

/** The pack's name; its folder's name, with a finding, when `name` cannot be used. */
export function packName(context: LoadContext, reader: ObjectReader, folder: string): string {
  const fallback = folder.slice(folder.lastIndexOf('/') + 1);
  const name = reader.requiredText('name');
  if (NAME.test(name)) return name;
  if (name !== '') {
    const message = 'A pack\'s name has small letters, digits, "-" and "_" and begins with a letter';
    context.reporter.report('SHAPE_INVALID', reader.at('name'), message);
  }
  return fallback;
}
