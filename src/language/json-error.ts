import { printParseErrorCode, visit } from 'jsonc-parser';

/** Where JSON text stops being valid. `position` counts UTF-16 units from 0, `line` and `column` count from 1. */
export interface JsonError {
  readonly reason: string;
  readonly position: number;
  readonly line: number;
  readonly column: number;
}

/** The first error of a text that the runtime's parser has refused. */
export function findJsonError(text: string): JsonError {
  let found: JsonError | null = null;
  const note = (reason: string, position: number, line: number, column: number) => {
    // Later errors follow from the first.
    if (found === null || position < found.position) found = { reason, position, line: line + 1, column: column + 1 };
  };
  visit(
    text,
    {
      onError: (error, offset, _length, line, column) =>
        note(REASONS[printParseErrorCode(error)] ?? 'unexpected text', offset, line, column),
    },
    { disallowComments: true, allowTrailingComma: false, allowEmptyContent: false },
  );
  return found ?? { reason: 'unexpected text', position: 0, line: 1, column: 1 };
}

const REASONS: Readonly<Record<string, string>> = {
  InvalidSymbol: 'unexpected text',
  InvalidNumberFormat: 'a number is malformed',
  PropertyNameExpected: 'a key is expected',
  ValueExpected: 'a value is expected',
  ColonExpected: 'a colon is expected',
  CommaExpected: 'a comma is expected',
  CloseBraceExpected: 'a closing brace is expected',
  CloseBracketExpected: 'a closing bracket is expected',
  EndOfFileExpected: 'nothing more is expected',
  InvalidCommentToken: 'comments are not JSON',
  UnexpectedEndOfComment: 'comments are not JSON',
  UnexpectedEndOfString: 'a string is not closed',
  UnexpectedEndOfNumber: 'a number is not complete',
  InvalidUnicode: 'an escape is malformed',
  InvalidEscapeCharacter: 'an escape is malformed',
  InvalidCharacter: 'a control character stands in a string',
};
