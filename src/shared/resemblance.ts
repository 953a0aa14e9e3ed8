import { compareBytes } from './compare.ts';
import { editDistance } from './edit-distance.ts';
import { stemOf } from './words.ts';

/** Words that one typed word may be taken for, at most. */
const MAX_RESEMBLING = 8;

/** How many typing errors a word may be off: none below 3 characters, 1 below 8, 2 from there on. */
export function toleranceOf(word: string): number {
  if (word.length < 3) return 0;
  return word.length < 8 ? 1 : 2;
}

/**
 * Every three neighbouring characters of a word that begins after two spaces and ends before one, each once: what stores look words up by
 * that resemble another.
 */
export function trigramsOf(word: string): readonly string[] {
  const padded = [' ', ' ', ...word, ' '];
  return [...new Set(padded.slice(2).map((last, place) => `${padded[place]}${padded[place + 1]}${last}`))];
}

/**
 * The words among `candidates` (all that share a trigram with the typed one and differ in length by `toleranceOf` at most) that are no more
 * than `toleranceOf` typing errors away: one for each stem, nearest first, then by trigrams shared, then by bytes; 8 at most.
 * The word itself is none of them.
 */
export function resembling(typed: string, candidates: Iterable<string>): readonly string[] {
  const tolerance = toleranceOf(typed);
  const trigrams = new Set(trigramsOf(typed));
  const found: { readonly word: string; readonly distance: number; readonly shared: number }[] = [];
  for (const word of candidates) {
    if (word === typed || Math.abs(word.length - typed.length) > tolerance) continue;
    const shared = trigramsOf(word).filter((trigram) => trigrams.has(trigram)).length;
    // An error changes three trigrams, a swap four.
    if (shared === 0 || shared < trigrams.size - 4 * tolerance) continue;
    const distance = editDistance(typed, word);
    if (distance <= tolerance) found.push({ word, distance, shared });
  }
  found.sort((a, b) => a.distance - b.distance || b.shared - a.shared || compareBytes(a.word, b.word));
  const stems = new Set([stemOf(typed)]);
  const nearest: string[] = [];
  for (const { word } of found) {
    const stem = stemOf(word);
    if (stems.has(stem)) continue;
    stems.add(stem);
    if (nearest.push(word) === MAX_RESEMBLING) break;
  }
  return nearest;
}
