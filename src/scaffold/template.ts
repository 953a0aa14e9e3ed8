import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

/** What stands in a template as `<WORD>`, in texts and keys, by word. */
export type Fillings = Readonly<Record<string, string>>;

/** A template's text, filled in. */
export async function fillTemplate(folder: string, template: string, fillings: Fillings): Promise<string> {
  let text = await readFile(join(folder, template), 'utf8');
  for (const [word, filling] of Object.entries(fillings)) text = text.replaceAll(`<${word}>`, filling);
  return text;
}

/** Whether a text can name something in a definition and a file. */
export function isPlainName(text: string): boolean {
  return /^[a-z][a-z0-9_]{0,63}$/.test(text);
}
