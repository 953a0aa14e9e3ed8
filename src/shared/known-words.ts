/** What is remembered of words. All of it is forgotten when there are too many: those that come often are soon there again. */
export interface KnownWords<T> {
  get(word: string): T | undefined;
  /** `word` is to be one of its own (`ownText`). */
  add(word: string, value: T): void;
  clear(): void;
}

/** Remembers at most so many words. */
export function createKnownWords<T>(most: number): KnownWords<T> {
  const values = new Map<string, T>();
  return {
    get: (word) => values.get(word),
    add(word, value) {
      if (values.size === most) values.clear();
      values.set(word, value);
    },
    clear: () => values.clear(),
  };
}

/** A text to be kept for long. V8 keeps a piece of a text as such, with all of that: this is a copy. */
export function ownText(text: string): string {
  return Buffer.from(text).toString();
}
