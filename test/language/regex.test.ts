import { RE2JS } from 're2js';
import { describe, expect, it } from 'vitest';
import { checkRegex, compileRegex, RegexError } from '../../src/language/regex.ts';
import { parseRegex } from '../../src/language/regex-parse.ts';
import { printRegex } from '../../src/language/regex-print.ts';
import { isSurelyRe2 } from '../../src/language/regex-re2.ts';

const HARMLESS = [
  '^[a-z0-9][a-z0-9._-]{0,127}$',
  '^[a-z0-9]([a-z0-9-]*[a-z0-9])?$',
  '^sha256:[0-9a-f]{64}$',
  '^(0|[1-9][0-9]*)\\.(0|[1-9][0-9]*)\\.(0|[1-9][0-9]*)$',
  '^[a-z0-9]+((\\.|__?|-+)[a-z0-9]+)*$',
  '^(?:@[a-z0-9~-][a-z0-9._~-]*/)?[a-z0-9~-][a-z0-9._~-]*$',
  '^[A-Za-z0-9]+([._-][A-Za-z0-9]+)*$',
  '^(?<scheme>Bearer|Basic) (?<value>[A-Za-z0-9+/=._~-]+)$',
  '^(stable|beta|alpha)$',
  '\\.tgz$',
  'foo|bar',
  '^.*$',
  '^\\d{4}-\\d{2}-\\d{2}$',
  '',
  '[a-z]{1,31}x',
  '^[\\w.]+@[\\w.]+\\.com$',
  '^(([^/])*/)*$',
];

/** Each with a text on which a backtracking engine takes exponential or polynomial time. */
const HARMFUL: readonly (readonly [string, string])[] = [
  ['(a+)+$', 'a'],
  ['^(a+)+$', 'a'],
  ['^(a|a)*$', 'a'],
  ['(.*)*x', 'a'],
  ['^a*a*b', 'a'],
  ['a*a*b', 'a'],
  ['^(a|ab)*c', 'ab'],
  ['^(a*)*$', 'a'],
  ['^(a|a?)+$', 'a'],
  ['a+b', 'a'],
  ['^.*a.*b.*c$', 'a'],
  ['^\\s+|\\s+$', ' '],
  ['^([a-z]+)*\\d', 'a'],
  ['^(([a-z])+.)+[A-Z]([a-z])+$', 'a'],
  ['^(?:[a-z0-9]+)+@', 'a'],
  ['^(\\w+\\s?)*$', 'a'],
  ['^(a?){20}a{20}$', 'a'],
  ['^(aa|aab?)*$', 'a'],
  ['(x+x+)+y', 'x'],
  ['^[\\w.]+@[\\w.]+\\.[\\w.]+$', 'a@.'],
  ['^[a-z0-9]+((_|__)[a-z0-9]+)*$', 'a__'],
  ['^(a+){2,}b', 'a'],
  ['^(?:a|b|ab)*$', 'ab'],
];

describe('linear time', () => {
  it.each(HARMLESS)('%s is proved harmless and runs natively', (source) => {
    expect(compileRegex(source).native).toBe(true);
  });

  it.each(HARMFUL)('%s does not run natively and takes linear time', (source, unit) => {
    const regex = compileRegex(source);
    expect(regex.native).toBe(false);
    const attack = `${unit.repeat(100_000 / unit.length)}!`;
    const started = performance.now();
    regex.test(attack);
    regex.exec(attack);
    expect(performance.now() - started).toBeLessThan(1000);
  });

  it.each(HARMLESS)('%s stays quick natively on long texts', (source) => {
    const regex = compileRegex(source);
    for (const unit of ['a', 'a.', 'a-', '0', '1.', '@a/', 'sha256:', 'fo', '\u{1f600}', '__', '-a']) {
      for (const end of ['', '!', '\n', '$']) {
        const started = performance.now();
        regex.test(unit.repeat(100_000 / unit.length) + end);
        expect(performance.now() - started, `${unit} ... ${end}`).toBeLessThan(200);
      }
    }
  });

  it('takes texts on which the native engine would run out of stack', () => {
    const regex = compileRegex('^(?:a|b)*?c$');
    expect(regex.native).toBe(true);
    expect(regex.test(`${'ab'.repeat(6_000_000)}!`)).toBe(false);
    expect(regex.exec(`${'ab'.repeat(1_000_000)}c`)?.index).toBe(0);
  });

  it('proves nothing harmless that takes more than linear time: random patterns under attack', () => {
    let state = 11;
    const random = (below: number) => {
      state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff;
      return (state >>> 8) % below;
    };
    const atom = (depth: number): string => {
      const choice = random(depth > 0 ? 8 : 5);
      if (choice < 5) return ['a', 'b', '[ab]', '[^a]', 'c'][choice] ?? 'a';
      if (choice === 5) return `(?:${pattern(depth - 1)}|${pattern(depth - 1)})`;
      return `(?:${pattern(depth - 1)})`;
    };
    const pattern = (depth: number): string =>
      Array.from(
        { length: 1 + random(3) },
        () => atom(depth) + (['', '', '*', '+', '?', '{2}', '{0,3}', '{2,}'][random(8)] ?? ''),
      ).join('');
    let native = 0;
    for (let round = 0; round < 1500; round++) {
      const source = `${random(4) > 0 ? '^' : ''}${pattern(2)}${random(2) > 0 ? '$' : ''}`;
      const regex = compileRegex(source);
      if (!regex.native) continue;
      native++;
      for (const unit of ['a', 'b', 'ab', 'aab', 'abc', 'c']) {
        const text = `${unit.repeat(20_000 / unit.length)}!`;
        // Processor time: on a busy machine the process may not run at all for a while.
        const before = process.cpuUsage();
        regex.test(text);
        const { user, system } = process.cpuUsage(before);
        expect((user + system) / 1000, `${source} on ${unit}`).toBeLessThan(100);
      }
    }
    expect(native).toBeGreaterThan(300);
  });
});

describe('both engines give the same answers', () => {
  const cases: readonly (readonly [string, readonly string[]])[] = [
    ['^a$', ['a', 'a\n', '\na', 'A', 'ab', '']],
    ['a$', ['a', 'ba', 'a\n', 'ab']],
    ['^.$', ['a', '\n', '\r', '\u2028', '\u{1f600}', '\ud83d', 'é', '\0', '']],
    ['^\\d+$', ['12', '٣', '1a', '１']],
    ['^\\w+$', ['a_1', 'é', 'ſ', 'K', 'a-b']],
    ['^\\s+$', [' \t\r\n', '\u00a0', '\ufeff', '\u2003', '\u200b', '\u0085', '\u180e']],
    ['^\\S+$', ['a', '\u00a0', '\u{1f600}']],
    ['^\\W$', ['é', 'a', '-', '\u{1f600}']],
    ['^[^a]$', ['b', 'a', '\n', '\u{1f600}']],
    ['^[\\w-]+$', ['a-b', 'a.b']],
    ['^[a\\-z]+$', ['a-z', 'b']],
    ['^[\u{1f600}-\u{1f64f}]$', ['\u{1f601}', '\ud83d', 'a']],
    ['^\\u{1F600}\\ud83d\\ude00\\x41$', ['\u{1f600}\u{1f600}A', '\u{1f600}A']],
    ['\\bfoo\\b', ['a foo b', 'afoo', 'foo', 'foo_', 'éfooé']],
    ['o\\B', ['foo', 'o', 'ox']],
    ['(?<a>a+)(?<b>b)?', ['aab', 'xaa', 'b', '']],
    ['(?<a>a|ab)(?<c>c|bcd)(?<d>d*)', ['abcd', 'xabcd']],
    ['(?<lazy>a+?)(?<rest>a*)', ['aaa']],
    ['^(?<user>[^:@]*)(?::(?<password>[^@]*))?@', ['me:x@', 'me@', '@', 'me']],
    ['x{2,3}', ['x', 'xx', 'xxxx']],
    ['x{0}y', ['y', 'xy']],
    ['[]', ['', 'a']],
    ['^[^]$', ['\n', 'a', '']],
    ['^\\p{Lu}\\p{Script=Greek}\\P{L}$', ['Aα1', 'aα1', 'Éω-', 'Aab']],
    ['^\\$\\{\\}\\(\\)\\[\\]\\.\\*\\+\\?\\|\\/\\-\\@\\"$', ['${}()[].*+?|/-@"']],
    ['^(?:)$', ['', 'a']],
    ['a||b', ['b', '']],
    ['\\0\\n\\t', ['\0\n\t']],
    ['é', ['é', 'e\u0301', 'É']],
  ];

  it.each(cases)('%s', (source, texts) => {
    const node = parseRegex(source);
    const native = new RegExp(printRegex(node, 'native'), 'u');
    const re2 = RE2JS.compile(printRegex(node, 're2'));
    const chosen = compileRegex(source);
    for (const text of texts) {
      const match = native.exec(text);
      const matcher = re2.matcher(text);
      const found = matcher.find();
      expect(found, JSON.stringify(text)).toBe(match !== null);
      expect(chosen.test(text)).toBe(found);
      const answer = chosen.exec(text);
      if (match === null) {
        expect(answer).toBeNull();
        continue;
      }
      expect(matcher.group()).toBe(match[0]);
      expect(matcher.start()).toBe(match.index);
      const groups = Object.fromEntries(
        Object.entries(match.groups ?? {}).map(([name, value]) => [name, value ?? null]),
      );
      expect(matcher.getNamedGroups()).toEqual(groups);
      expect(answer).toEqual({
        match: match[0],
        index: match.index,
        groups: Object.assign(Object.create(null), groups),
      });
    }
  });

  it('means what ECMAScript means', () => {
    for (const [source, texts] of cases) {
      if (source.includes('@')) continue;
      const written = new RegExp(source, 'u');
      for (const text of texts)
        expect(compileRegex(source).test(text), `${source} on ${JSON.stringify(text)}`).toBe(written.test(text));
    }
  });

  it('named groups come on both engines, in an object without a prototype', () => {
    for (const source of ['^(?<key>[a-z]+)=(?<value>[0-9]+)$', '^(?<key>[a-z]+.*)=(?<value>.*[0-9]+)$']) {
      const groups = compileRegex(source).exec('size=12')?.groups;
      expect({ ...groups }).toEqual({ key: 'size', value: '12' });
      expect(Object.getPrototypeOf(groups)).toBeNull();
    }
  });
});

describe('what is refused', () => {
  it.each([
    ['(a', 'not closed'],
    ['a)', 'closes nothing'],
    ['[a', 'not closed'],
    ['*a', 'nothing'],
    ['a**', 'group around'],
    ['a{2}{3}', 'group around'],
    ['^*', 'position'],
    ['a{3,2}', 'out of order'],
    ['[z-a]', 'out of order'],
    ['[\\d-z]', 'range'],
    ['a{1001}', '1000'],
    ['(?:a{100}){100}', '1000'],
    ['a{', 'count'],
    ['}', 'closes nothing'],
    ['\\', 'means nothing'],
    ['\\y', 'means nothing'],
    ['\\u{110000}', 'code point'],
    ['\\u12', 'hex'],
    ['\\01', 'Octal'],
    ['\\p{Foo}', 'category'],
    ['\\p{Script=Nowhere}', 'compiled'],
    ['(?=a)', 'Look-ahead'],
    ['(?!a)', 'Look-ahead'],
    ['(?<=a)b', 'Look-behind'],
    ['(?<!a)b', 'Look-behind'],
    ['(a)\\1', 'Backreferences'],
    ['(?<a>a)\\k<a>', 'Backreferences'],
    ['(?<a>a)(?<a>b)', 'taken'],
    ['(?<__proto__>a)', 'taken'],
    ['(?<1>a)', 'name'],
    ['(?i)a', 'flags'],
    ['('.repeat(200), 'nest'],
    ['a'.repeat(5000), 'longer'],
  ])('%s', (source, words) => {
    expect(() => compileRegex(source)).toThrow(RegexError);
    const problem = checkRegex(source);
    expect(problem).toMatchObject({ code: 'REGEX_INVALID', pointer: '' });
    expect(problem?.message).toContain(words);
  });

  it('says where', () => {
    expect(checkRegex('^[a-z]+(?=x)$')?.message).toContain('at character 10');
    expect(checkRegex('^[a-z]+$')).toBeNull();
  });
});

describe('a pattern that runs natively', () => {
  it.each(HARMLESS)('%s is one that the other engine takes, too, whether that was tried or not', (source) => {
    const node = parseRegex(source);
    expect(isSurelyRe2(node)).toBe(true);
    expect(() => RE2JS.compile(printRegex(node, 're2'))).not.toThrow();
  });

  it.each(['^a{1000}$', '^(?:[ab]{20}){30}$', '^\\p{Script=Greek}$'])('%s is tried', (source) => {
    expect(isSurelyRe2(parseRegex(source))).toBe(false);
  });

  it('is refused at once where the other engine refuses it', () => {
    expect(checkRegex('^\\p{Script=Nobody}$')?.code).toBe('REGEX_INVALID');
  });
});
