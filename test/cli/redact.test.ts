import { describe, expect, test } from 'vitest';
import { createRedactor, REDACTED } from '../../src/cli/redact.ts';
import { generateToken } from '../../src/identity/token.ts';

const line = (entry: object, env: Record<string, string> = {}) => {
  const text = createRedactor(env).line(`${JSON.stringify(entry)}\n`);
  expect(text.endsWith('\n')).toBe(true);
  return JSON.parse(text);
};
const { token } = generateToken();
const signed = 'eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhZGEifQ.c2lnbmF0dXJl';

describe('what is a secret goes out of a log line', () => {
  test.each([
    ['by its form', { msg: `sent ${token}, then ${signed}.` }, { msg: `sent ${REDACTED}, then ${REDACTED}.` }],
    ['in an address', { url: `/x?key=${token}&a=1` }, { url: `/x?key=${REDACTED}&a=1` }],
    ['in credentials', { msg: 'Authorization: Basic YWRtaW46aHVudGVy' }, { msg: `Authorization: Basic ${REDACTED}` }],
    [
      'in an address with a password',
      { url: 'redis://user:hunter2@db:6379/0' },
      { url: `redis://${REDACTED}@db:6379/0` },
    ],
    ['in a hash', { hash: '$argon2id$v=19$m=8,t=1,p=1$c2FsdHNhbHQ$dGFndGFndGFn' }, { hash: REDACTED }],
    [
      'by its name',
      { body: { user: 'ada', password: 'hun"ter\\2', Authorization: 'x' } },
      { body: { user: 'ada', password: REDACTED, Authorization: REDACTED } },
    ],
  ])('%s', (_, entry, expected) => expect(line(entry)).toEqual(expected));

  test('by its value, where a variable of the environment says that it is one', () => {
    const env = { ACME_PASSWORD: 'hun"ter\n2', UPSTREAM_TOKEN: 'hun"ter\n2 and more', PORT: '8080', PATH: '/usr/bin' };
    expect(line({ msg: 'with hun"ter\n2, hun"ter\n2 and more', at: '/usr/bin:8080' }, env)).toEqual({
      msg: `with ${REDACTED}, ${REDACTED}`,
      at: '/usr/bin:8080',
    });
  });

  test('what was hidden later, and nothing so short that it is a word', () => {
    const redactor = createRedactor({ MY_TOKEN: 'info' });
    redactor.hide('open sesame');
    redactor.hide('');
    expect(redactor.line('{"level":"info","msg":"open sesame"}')).toBe(`{"level":"info","msg":"${REDACTED}"}`);
  });

  test('anything else stays', () => {
    const entry = { level: 50, route: 'fetch', code: 'STORE_FAILURE', err: { message: 'basic trouble', tokens: 5 } };
    expect(line(entry)).toEqual(entry);
  });
});
