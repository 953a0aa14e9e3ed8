import { wordsOf } from './words.ts';

export interface SnippetOptions {
  /** Stands before and after each word that is marked. Where it begins with `<`, the text around is escaped for HTML. */
  readonly before: string;
  readonly after: string;
  /** Whether a word (as `wordsOf` gives it) is to be marked. */
  readonly isMarked: (word: string) => boolean;
}

/** In characters of the text, marks apart. */
const MAX_LENGTH = 200;
/** Characters shown before the first mark, where the text begins earlier. */
const LEAD = 40;
/** Marked words that are looked at for the best place. */
const MAX_MARKS = 200;

interface Mark {
  readonly word: string;
  readonly start: number;
  readonly end: number;
}

/**
 * The place in a text where most different words are marked, or its beginning: 200 characters at most, cut between words, with an
 * ellipsis where something is left out.
 */
export function snippetOf(text: string, options: SnippetOptions): string {
  const marks: Mark[] = [];
  for (const word of wordsOf(text)) {
    if (!options.isMarked(word.word)) continue;
    marks.push(word);
    if (marks.length === MAX_MARKS) break;
  }
  const { from, to } = windowOf(text, bestMark(marks));
  const shownText = options.before.startsWith('<') ? escapeHtml : (plain: string) => plain;
  let shown = from > 0 ? '…' : '';
  let at = from;
  for (const { start, end } of marks) {
    if (start < from || end > to) continue;
    shown += shownText(text.slice(at, start)) + options.before + shownText(text.slice(start, end)) + options.after;
    at = end;
  }
  return shown + shownText(text.slice(at, to)) + (to < text.length ? '…' : '');
}

/** The mark from which on most different words are marked within the length; the first of equals. */
function bestMark(marks: readonly Mark[]): Mark | null {
  let best: Mark | null = null;
  let most = 0;
  for (const [place, mark] of marks.entries()) {
    const words = new Set<string>();
    for (const { word, end } of marks.slice(place)) {
      if (end - mark.start > MAX_LENGTH - LEAD) break;
      words.add(word);
    }
    if (words.size <= most) continue;
    best = mark;
    most = words.size;
  }
  return best;
}

function windowOf(text: string, mark: Mark | null): { readonly from: number; readonly to: number } {
  if (text.length <= MAX_LENGTH) return { from: 0, to: text.length };
  const wanted = Math.min(Math.max(0, (mark?.start ?? 0) - LEAD), text.length - MAX_LENGTH);
  const from = wanted === 0 ? 0 : afterSpace(text, wanted, mark?.start ?? wanted);
  const limit = from + MAX_LENGTH;
  if (limit >= text.length) return { from, to: text.length };
  const space = text.lastIndexOf(' ', limit);
  const least = Math.max(from + MAX_LENGTH / 2, Math.min(mark?.end ?? 0, limit));
  return { from, to: space >= least ? space : wholeCharacter(text, limit) };
}

/** The first place behind a space between two places, or the second of them. */
function afterSpace(text: string, from: number, to: number): number {
  const space = text.indexOf(' ', from);
  return space >= 0 && space < to ? space + 1 : wholeCharacter(text, from);
}

/** Never between the halves of a surrogate pair. */
function wholeCharacter(text: string, at: number): number {
  const code = text.charCodeAt(at);
  return code >= 0xdc00 && code <= 0xdfff ? at - 1 : at;
}

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
