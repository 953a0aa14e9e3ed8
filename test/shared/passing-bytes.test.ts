import { Readable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { readAll } from '../../src/operations/read-all.ts';
import { keep, letGo, passOn } from '../../src/shared/passing-bytes.ts';

const SIZE = 64 * 1024;

describe('bytes that pass', () => {
  it('lose their memory when they are let go, and nothing before', () => {
    const chunk = passOn(Buffer.alloc(SIZE, 'x'));
    expect(chunk.every((byte) => byte === 0x78)).toBe(true);
    const memory = chunk.buffer;
    letGo(chunk);
    expect([chunk.byteLength, memory.byteLength]).toEqual([0, 0]);
    letGo(chunk);
  });

  it.each([
    ['that nobody passed on', () => Buffer.alloc(SIZE)],
    ['that is a part of larger memory', () => passOn(Buffer.alloc(2 * SIZE).subarray(0, SIZE))],
    ['that lies in shared memory', () => passOn(new Uint8Array(new SharedArrayBuffer(SIZE)))],
    ['that somebody keeps', () => keep(passOn(Buffer.alloc(SIZE)))],
  ])('leave a chunk alone %s', (_, make) => {
    const chunk = make();
    letGo(chunk);
    expect(chunk.byteLength).toBe(SIZE);
  });

  it('stay when an operation reads them as a whole', async () => {
    const stream = Readable.from([passOn(Buffer.alloc(SIZE, 'y'))], { objectMode: false });
    const open = () => ({ size: null, bytes: null, stream });
    const handle = { isByteHandle: true, reopenable: false, size: null, mediaType: null, digests: {}, open } as const;
    const whole = await readAll(handle, SIZE, () => {
      throw new Error('too large');
    });
    letGo(whole);
    expect(Buffer.from(whole)).toEqual(Buffer.alloc(SIZE, 'y'));
  });
});
