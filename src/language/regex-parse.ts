import {
  type CharClass,
  type CharSet,
  charClass,
  complement,
  DIGIT,
  EVERY_CHAR,
  LAST_CODE_POINT,
  LINE_END,
  normalize,
  RegexError,
  type RegexNode,
  SPACE,
  WORD,
} from './regex-syntax.ts';

/** Characters of a pattern, how deep its groups may nest and how often it may repeat something; both engines take that much. */
const MAX_SOURCE_LENGTH = 4000;
const MAX_DEPTH = 100;
const MAX_COUNT = 1000;

const PUNCTUATION = /^[!-/:-@[-`{-~]$/;
const CONTROL_ESCAPES: Readonly<Record<string, number>> = { n: 0x0a, r: 0x0d, t: 0x09, f: 0x0c, v: 0x0b, 0: 0 };
const CLASS_ESCAPES: Readonly<Record<string, CharSet>> = {
  d: DIGIT,
  w: WORD,
  s: SPACE,
  D: complement(DIGIT),
  W: complement(WORD),
  S: complement(SPACE),
};
/** Properties that both engines know by the same short name: a general category, or a script written `Script=Greek`. */
const PROPERTY = /^(?:[CLMNPSZ][a-z]?|(?:Script|sc)=[A-Za-z_]+)$/;

/** Parses a pattern. Throws RegexError on bad syntax, and on what no linear-time engine has. */
export function parseRegex(source: string): RegexNode {
  if (source.length > MAX_SOURCE_LENGTH)
    throw new RegexError(`The pattern is longer than ${MAX_SOURCE_LENGTH} characters.`, 0);
  return new Parser(source).parse();
}

/** Recursive descent; the state is where it stands and which names it saw. */
class Parser {
  readonly #chars: readonly string[];
  readonly #names = new Set<string>();
  #at = 0;
  #depth = 0;

  constructor(source: string) {
    this.#chars = Array.from(source);
  }

  parse(): RegexNode {
    const node = this.#choice();
    if (this.#peek() !== undefined) this.#fail('A ")" closes nothing; write "\\)" for the character.');
    if (repetitions(node) > MAX_COUNT)
      this.#fail(`Repetitions inside one another count to ${MAX_COUNT} together at most.`);
    return node;
  }

  #choice(): RegexNode {
    if (++this.#depth > MAX_DEPTH) this.#fail(`Groups nest deeper than ${MAX_DEPTH}.`);
    const branches = [this.#sequence()];
    while (this.#take('|')) branches.push(this.#sequence());
    this.#depth--;
    const [only] = branches;
    return branches.length === 1 && only !== undefined ? only : { kind: 'choice', branches };
  }

  #sequence(): RegexNode {
    const items: RegexNode[] = [];
    for (let char = this.#peek(); char !== undefined && char !== '|' && char !== ')'; char = this.#peek())
      items.push(this.#term());
    const [only] = items;
    return items.length === 1 && only !== undefined ? only : { kind: 'sequence', items };
  }

  #term(): RegexNode {
    const body = this.#atom();
    const counts = this.#counts();
    if (counts === null) return body;
    if (body.kind === 'start' || body.kind === 'end' || body.kind === 'boundary')
      this.#fail('A position such as "^" or "\\b" cannot be repeated.');
    const lazy = this.#take('?');
    if (this.#peek() === '+' || this.#counts() !== null)
      this.#fail('A repetition cannot be repeated; put a group around it.');
    return { kind: 'repeat', body, min: counts[0], max: counts[1], lazy };
  }

  #counts(): readonly [number, number] | null {
    if (this.#take('*')) return [0, Infinity];
    if (this.#take('+')) return [1, Infinity];
    if (this.#take('?')) return [0, 1];
    if (!this.#take('{')) return null;
    const min = this.#number();
    const max = this.#take(',') ? (this.#peek() === '}' ? Infinity : this.#number()) : min;
    if (!this.#take('}') || min === null || max === null)
      this.#fail('A "{" begins a count such as "{2,5}"; write "\\{" for the character.');
    if (min > max) this.#fail('The counts of a repetition are out of order.');
    if (min > MAX_COUNT || (max !== Infinity && max > MAX_COUNT))
      this.#fail(`A repetition counts to ${MAX_COUNT} at most.`);
    return [min, max];
  }

  #number(): number | null {
    let digits = '';
    for (let char = this.#peek(); char !== undefined && char >= '0' && char <= '9'; char = this.#peek())
      digits += this.#next();
    return digits === '' ? null : Number(digits);
  }

  #atom(): RegexNode {
    const char = this.#next();
    switch (char) {
      case '^':
        return { kind: 'start' };
      case '$':
        return { kind: 'end' };
      case '.':
        return { kind: 'chars', chars: charClass(LINE_END, true) };
      case '(':
        return this.#group();
      case '[':
        return { kind: 'chars', chars: this.#class() };
      case '\\':
        return this.#escape();
      case '*':
      case '+':
      case '?':
      case '{':
        return this.#fail(`There is nothing that "${char}" could repeat; write "\\${char}" for the character.`, 1);
      case ']':
      case '}':
        return this.#fail(`A "${char}" closes nothing; write "\\${char}" for the character.`, 1);
      default:
        return { kind: 'chars', chars: single(codeOf(char)) };
    }
  }

  #group(): RegexNode {
    let name: string | null = null;
    if (this.#take('?')) {
      if (this.#take('<')) name = this.#groupName();
      else if (!this.#take(':')) this.#refuseGroup();
    }
    const body = this.#choice();
    if (!this.#take(')')) this.#fail('A group is not closed.');
    return name === null ? body : { kind: 'group', body, name };
  }

  #refuseGroup(): never {
    const next = this.#peek();
    if (next === '=' || next === '!') this.#fail('Look-ahead is not available: patterns run in linear time.');
    this.#fail('Groups are "(...)", "(?:...)" and "(?<name>...)"; flags inside a pattern are not available.');
  }

  #groupName(): string {
    if (this.#peek() === '=' || this.#peek() === '!')
      this.#fail('Look-behind is not available: patterns run in linear time.');
    let name = '';
    while (this.#peek() !== undefined && this.#peek() !== '>') name += this.#next();
    if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name)) this.#fail('The name of a group is made of letters, digits and "_".');
    if (this.#names.has(name) || name === '__proto__') this.#fail(`The group name "${name}" is taken.`);
    this.#names.add(name);
    this.#next();
    return name;
  }

  /** After a backslash, outside of a class. */
  #escape(): RegexNode {
    const char = this.#peek();
    if (char === 'b' || char === 'B') {
      this.#next();
      return { kind: 'boundary', negated: char === 'B' };
    }
    if (char === 'k' || (char !== undefined && char >= '1' && char <= '9'))
      this.#fail('Backreferences are not available: patterns run in linear time.');
    return { kind: 'chars', chars: this.#charEscape() };
  }

  /** After a backslash: the characters that it stands for. */
  #charEscape(): CharClass {
    const char = this.#next();
    const set = Object.hasOwn(CLASS_ESCAPES, char) ? CLASS_ESCAPES[char] : undefined;
    if (set !== undefined) return charClass(set);
    if (char === 'p' || char === 'P') return this.#property(char === 'P');
    const control = Object.hasOwn(CONTROL_ESCAPES, char) ? CONTROL_ESCAPES[char] : undefined;
    if (control !== undefined) {
      const next = this.#peek();
      if (char === '0' && next !== undefined && next >= '0' && next <= '9')
        this.#fail('Octal escapes are not available; write "\\xHH".');
      return single(control);
    }
    if (char === 'x') return single(this.#hex(2));
    if (char === 'u') return single(this.#unicode());
    if (PUNCTUATION.test(char)) return single(codeOf(char));
    return this.#fail(`The escape "\\${char}" means nothing.`, 1);
  }

  #unicode(): number {
    if (this.#take('{')) {
      let digits = '';
      while (this.#peek() !== undefined && this.#peek() !== '}') digits += this.#next();
      const code = Number.parseInt(digits, 16);
      if (!this.#take('}') || !/^[0-9a-fA-F]{1,6}$/.test(digits) || code > LAST_CODE_POINT)
        this.#fail('"\\u{...}" needs the number of a code point in hex.');
      return code;
    }
    const unit = this.#hex(4);
    const isPair =
      unit >= 0xd800 &&
      unit < 0xdc00 &&
      this.#chars[this.#at] === '\\' &&
      this.#chars[this.#at + 1] === 'u' &&
      this.#chars[this.#at + 2] !== '{';
    if (!isPair) return unit;
    const before = this.#at;
    this.#at += 2;
    const low = this.#hex(4);
    if (low >= 0xdc00 && low <= 0xdfff) return (unit - 0xd800) * 0x400 + (low - 0xdc00) + 0x10000;
    this.#at = before;
    return unit;
  }

  #hex(length: number): number {
    const digits = this.#chars.slice(this.#at, this.#at + length).join('');
    if (digits.length !== length || !/^[0-9a-fA-F]+$/.test(digits))
      this.#fail(`The escape needs ${length} hex digits.`);
    this.#at += length;
    return Number.parseInt(digits, 16);
  }

  #property(negated: boolean): CharClass {
    let name = '';
    if (!this.#take('{')) this.#fail('"\\p" needs a property, such as "\\p{L}".');
    while (this.#peek() !== undefined && this.#peek() !== '}') name += this.#next();
    if (!this.#take('}') || !PROPERTY.test(name))
      this.#fail('"\\p{...}" takes a general category such as "L" or "Lu", or a script such as "Script=Greek".');
    return { negated: false, ranges: [], properties: [{ name, negated }], set: EVERY_CHAR };
  }

  /** After `[`. */
  #class(): CharClass {
    const negated = this.#take('^');
    const ranges: (readonly [number, number])[] = [];
    const properties: { name: string; negated: boolean }[] = [];
    while (!this.#take(']')) {
      const first = this.#classItem();
      const isRange =
        this.#peek() === '-' && this.#chars[this.#at + 1] !== ']' && this.#chars[this.#at + 1] !== undefined;
      if (!isRange) {
        ranges.push(...first.ranges);
        properties.push(...first.properties);
        continue;
      }
      this.#next();
      const low = onlyCode(first);
      const high = onlyCode(this.#classItem());
      if (low === null || high === null)
        this.#fail('A range in a class runs from one character to another; write "\\-" for the character.');
      if (low > high) this.#fail('A range in a class is out of order.');
      ranges.push([low, high]);
    }
    const all = normalize(ranges);
    return properties.length === 0 ? charClass(all, negated) : { negated, ranges: all, properties, set: EVERY_CHAR };
  }

  #classItem(): CharClass {
    const char = this.#next();
    if (char === '') this.#fail('A class is not closed.');
    if (char !== '\\') return single(codeOf(char));
    if (this.#take('b')) return single(0x08);
    return this.#charEscape();
  }

  #peek(): string | undefined {
    return this.#chars[this.#at];
  }

  /** The next character, or an empty text at the end. */
  #next(): string {
    return this.#chars[this.#at++] ?? '';
  }

  #take(char: string): boolean {
    if (this.#chars[this.#at] !== char) return false;
    this.#at++;
    return true;
  }

  #fail(message: string, back = 0): never {
    throw new RegexError(message, Math.max(0, Math.min(this.#at, this.#chars.length) - back));
  }
}

/** How often counted repetitions repeat one part of a pattern, multiplied where they nest. */
function repetitions(node: RegexNode): number {
  switch (node.kind) {
    case 'sequence':
      return Math.max(1, ...node.items.map(repetitions));
    case 'choice':
      return Math.max(1, ...node.branches.map(repetitions));
    case 'group':
      return repetitions(node.body);
    case 'repeat':
      return Math.max(1, node.min, node.max === Infinity ? 0 : node.max) * repetitions(node.body);
    default:
      return 1;
  }
}

function single(code: number): CharClass {
  return charClass([[code, code]]);
}

function onlyCode(chars: CharClass): number | null {
  const [range] = chars.ranges;
  return chars.ranges.length === 1 && range !== undefined && range[0] === range[1] && chars.properties.length === 0
    ? range[0]
    : null;
}

function codeOf(char: string): number {
  return char.codePointAt(0) ?? 0;
}
