import { closeSync, fsyncSync, openSync, readFileSync, writeSync } from 'node:fs';

/** What a client set out to do, and what it was told. */
export interface LedgerLine {
  /** `intent` before a request is sent, `acknowledged` after its 201, `refused` after a 409. */
  readonly kind: 'intent' | 'acknowledged' | 'refused';
  readonly target: string;
  /** `sha256:<hex>` of the content. */
  readonly digest: string;
}

/** Appends lines to a file; each is on the disk when `write` returns. */
export function openLedger(file: string): { write(line: LedgerLine): void; close(): void } {
  const fd = openSync(file, 'a');
  return {
    write(line) {
      writeSync(fd, `${JSON.stringify(line)}\n`);
      fsyncSync(fd);
    },
    close: () => closeSync(fd),
  };
}

/** What a ledger says of each target: its digest, and whether the client was told that it is there. */
export interface Expected {
  readonly digest: string;
  readonly acknowledged: boolean;
}

export function readLedger(file: string): ReadonlyMap<string, Expected> {
  const targets = new Map<string, Expected>();
  for (const text of readFileSync(file, 'utf8').split('\n')) {
    if (text === '') continue;
    const { kind, target, digest } = JSON.parse(text) as LedgerLine;
    const known = targets.get(target);
    if (known !== undefined && known.digest !== digest) throw new Error(`${target} was meant to have two contents`);
    targets.set(target, { digest, acknowledged: kind !== 'intent' || known?.acknowledged === true });
  }
  return targets;
}
