/** What stands in place of a secret. */
export const REDACTED = '[redacted]';

/** Takes secrets out of log lines, whatever part of an entry they came in by: a message, a cause, an address. */
export interface Redactor {
  /** A line of JSON without them; still JSON. */
  line(json: string): string;
  /** Hides a value from here on. What is too short to be a secret is left alone. */
  hide(value: string): void;
}

/** Shorter values are words that any line may have. */
const MIN_LENGTH = 6;
const SECRET_NAME = /pass(word|phrase)?|secret|token|api_?key|credential/i;

/** Members whose name says what they hold. */
const MEMBER =
  /"((?:password|current_password|new_password|passwordHash|secret|token|authorization|proxy-authorization|cookie|set-cookie|api[-_]?key))":"(?:[^"\\]|\\.)*"/gi;
/** What is a secret by its form: API tokens, signed tokens, Basic credentials, password hashes. */
const FORMS = [
  /ept_[0-9A-Za-z]{49}/g,
  /eyJ[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+/g,
  /(?<=\bBasic )[A-Za-z0-9+/=_-]{8,}/gi,
  /(?<=\bBearer )[A-Za-z0-9._~+/=-]{8,}/gi,
  /\$argon2id\$[A-Za-z0-9$=,+/]+/g,
  /(?<=:\/\/)[^\s/"@]+:[^\s/"@]+(?=@)/g,
];

/** A redactor that knows the forms of secrets, and the values of environment variables whose names say that they are some. */
export function createRedactor(env: Readonly<Record<string, string | undefined>>): Redactor {
  /** As they stand inside a JSON text. Longest first, so that one that contains another goes as a whole. */
  let hidden: readonly string[] = [];

  function hide(value: string): void {
    if (value.length < MIN_LENGTH) return;
    const escaped = JSON.stringify(value).slice(1, -1);
    hidden = [...new Set([...hidden, escaped])].sort((left, right) => right.length - left.length);
  }
  for (const [name, value] of Object.entries(env)) if (value !== undefined && SECRET_NAME.test(name)) hide(value);

  return {
    hide,
    line(json) {
      let text = json.replace(MEMBER, (_, name: string) => `"${name}":"${REDACTED}"`);
      for (const form of FORMS) text = text.replace(form, REDACTED);
      for (const value of hidden) text = text.replaceAll(value, REDACTED);
      return text;
    },
  };
}
