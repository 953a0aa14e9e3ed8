// Run as a process of its own by the tests beside it: `publish-client.ts <url> <list of uploads> <ledger>`.
// Publishes 8 at a time and says the status of each answer, until all are published or the server is gone; with GO_ON=1 goes on then.
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { argv, env, stdout } from 'node:process';
import { setTimeout as sleep } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import { openLedger } from './ledger.ts';

/** One upload of the list. */
export interface Upload {
  readonly file: string;
  readonly target: string;
  /** Makes the content of this upload different from that of others of the same file; null leaves it as it is. */
  readonly mark: string | null;
}

const AT_ONCE = 8;
const PAUSE_MS = 100;
const [url = '', list = '', ledgerFile = ''] = argv.slice(2);
const uploads = (JSON.parse(await readFile(list, 'utf8')) as Upload[]).values();
const ledger = openLedger(ledgerFile);
let serverIsGone = false;

async function contentOf({ file, mark }: Upload): Promise<Buffer> {
  const bytes = await readFile(file);
  // A further gzip member: unpackers find it after the archive's end and leave it alone.
  return mark === null ? bytes : Buffer.concat([bytes, gzipSync(mark)]);
}

async function publish(upload: Upload): Promise<void> {
  const bytes = await contentOf(upload);
  const line = { target: upload.target, digest: `sha256:${createHash('sha256').update(bytes).digest('hex')}` };
  ledger.write({ kind: 'intent', ...line });
  let status: number;
  let text: string;
  try {
    const headers = { authorization: env.AUTHORIZATION ?? '' };
    const response = await fetch(url + upload.target, { method: 'PUT', body: new Uint8Array(bytes), headers });
    status = response.status;
    text = await response.text();
  } catch {
    // Of a server of several processes only one may be gone.
    serverIsGone = env.GO_ON !== '1';
    return;
  }
  if (status === 201 && JSON.parse(text).digest === line.digest) ledger.write({ kind: 'acknowledged', ...line });
  else if (status === 409) ledger.write({ kind: 'refused', ...line });
  // What the server says it could not do may have been done or not; it may do the next one when it is given time.
  else if (status === 503) await sleep(PAUSE_MS);
  else throw new Error(`${upload.target}: ${status} ${text}`);
  stdout.write(`${status}\n`);
}

async function work(): Promise<void> {
  for (const upload of uploads) {
    if (serverIsGone) return;
    await publish(upload);
  }
}

await Promise.all(Array.from({ length: AT_ONCE }, work));
ledger.close();
