import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';

/** The bytes of a request: as text, base64 or JSON, repeated, or a file beside the seed. */
export type Content =
  | { readonly text: string; readonly times?: number }
  | { readonly base64: string }
  | { readonly json: unknown }
  | { readonly file: string };

export async function readContent(content: Content, folder: string): Promise<Uint8Array> {
  if ('text' in content) return Buffer.from(content.text.repeat(content.times ?? 1));
  if ('base64' in content) return Buffer.from(content.base64, 'base64');
  if ('json' in content) return Buffer.from(JSON.stringify(content.json));
  if ('file' in content) return readFile(resolve(folder, content.file));
  throw new Error('a body is {"text"}, {"base64"}, {"json"} or {"file"}');
}
