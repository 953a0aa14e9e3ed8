import { expect, test } from 'vitest';
import { snippetOf } from '../../src/shared/snippet.ts';

const marking = (before: string, after: string, ...words: string[]) => ({
  before,
  after,
  isMarked: (word: string) => words.includes(word),
});

test('marks words as they are written', () => {
  expect(snippetOf('A Fast, fast pârser', marking('[', ']', 'fast', 'parser'))).toBe('A [Fast], [fast] [pârser]');
  expect(snippetOf('nothing of it', marking('[', ']', 'fast'))).toBe('nothing of it');
  expect(snippetOf('', marking('[', ']', 'fast'))).toBe('');
});

test('escapes for HTML where the marks are HTML', () => {
  const text = '<b>"fast" & \'loose\'</b>';
  expect(snippetOf(text, marking('<em>', '</em>', 'fast'))).toBe(
    '&#60;b&#62;&#34;<em>fast</em>&#34; &#38; &#39;loose&#39;&#60;/b&#62;',
  );
  expect(snippetOf(text, marking('*', '*', 'fast'))).toBe('<b>"*fast*" & \'loose\'</b>');
});

test('shows the place where most of the words stand, cut between words', () => {
  const filler = 'lorem ipsum '.repeat(40);
  const text = `fast ${filler}a fast json parser ${filler}`;
  const shown = snippetOf(text, marking('[', ']', 'fast', 'json', 'parser'));
  expect(shown).toContain('a [fast] [json] [parser] lorem');
  expect(shown).toMatch(/^…(lorem|ipsum) .*(lorem|ipsum)…$/);
  expect(shown.replace(/[[\]…]/g, '').length).toBeLessThanOrEqual(200);
  expect(snippetOf(`${filler}end`, marking('[', ']', 'none'))).toMatch(/^lorem ipsum .*(lorem|ipsum)…$/);
  expect(snippetOf(`${filler}the end`, marking('[', ']', 'end'))).toMatch(/^…(lorem|ipsum) .*the \[end\]$/);
});

test('holds with texts that have no spaces, and never cuts a character in two', () => {
  expect(snippetOf('x'.repeat(5000), marking('[', ']', 'x'))).toBe(`${'x'.repeat(200)}…`);
  expect(snippetOf('😀'.repeat(500), marking('[', ']', 'x')).isWellFormed()).toBe(true);
  expect(snippetOf(`x${'😀'.repeat(500)} fast`, marking('[', ']', 'fast')).isWellFormed()).toBe(true);
  expect(snippetOf('fast '.repeat(2000), marking('[', ']', 'fast')).length).toBeLessThan(400);
});
