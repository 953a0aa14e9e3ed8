import { expect, test } from 'vitest';
import { type ByteHandle, isByteHandle, StoredValue } from '../../src/language/values.ts';
import { decodeCacheValue, encodeCacheValue } from '../../src/operations/cache/cache-value.ts';

function handle(text: string, overrides: Partial<ByteHandle> = {}): ByteHandle {
  const bytes = Buffer.from(text);
  return {
    isByteHandle: true,
    size: bytes.length,
    mediaType: 'text/plain',
    digests: { sha256: 'sha256:aa' },
    reopenable: true,
    open: () => ({ size: bytes.length, bytes, stream: null }),
    ...overrides,
  };
}

async function roundTrip(value: unknown): Promise<unknown> {
  const encoded = await encodeCacheValue(value);
  if (encoded === null) throw new Error('The value was not kept');
  return decodeCacheValue(encoded);
}

test('plain values and documents come back as they were', async () => {
  expect(await roundTrip(null)).toBe(null);
  expect(await roundTrip({ a: [1, 'x', null], note: new StoredValue('k', '{"n":1}', 3) })).toEqual({
    a: [1, 'x', null],
    note: { n: 1 },
  });
});

test('bytes come back with their media type and digests, wherever they stood', async () => {
  const decoded = (await roundTrip({ list: [handle('one'), { deep: handle('two') }] })) as {
    list: [ByteHandle, { deep: ByteHandle }];
  };
  const [first, second] = decoded.list;
  expect(isByteHandle(first)).toBe(true);
  expect(first).toMatchObject({ size: 3, mediaType: 'text/plain', digests: { sha256: 'sha256:aa' }, reopenable: true });
  expect((await first.open()).bytes).toEqual(Buffer.from('one'));
  expect((await second.deep.open({ start: 1, end: 9 })).bytes).toEqual(Buffer.from('wo'));
  expect(isByteHandle(await roundTrip(handle('whole')))).toBe(true);
});

test('an object that only looks like bytes stays an object', async () => {
  const value = { isByteHandle: true, size: 3, base64: 'AAAA', path: ['x'] };
  expect(await roundTrip({ value })).toEqual({ value });
});

test('what is too large, of unknown size or read once is not kept', async () => {
  const half = 'x'.repeat(33 * 1024);
  expect(await encodeCacheValue({ body: handle(half) })).not.toBe(null);
  expect(await encodeCacheValue({ a: handle(half), b: handle(half) })).toBe(null);
  expect(await encodeCacheValue(handle('x', { size: null }))).toBe(null);
  expect(await encodeCacheValue(handle('x', { reopenable: false }))).toBe(null);
});
