/** A message of PostgreSQL's protocol, version 3. */
export interface Message {
  /** One letter; `startup` and `encryption` for what comes before there are letters, `byte` for the answer to `encryption`. */
  readonly type: string;
  /** Without type and length. */
  readonly body: Buffer;
  /** The whole of it, as it came. */
  readonly bytes: Buffer;
}

/** Cuts one direction of a connection into messages; keeps what is not whole yet. */
export interface MessageReader {
  read(chunk: Buffer): readonly Message[];
  /** The next message is a single byte. */
  expectByte(): void;
}

const STARTUP = 196_608;
const LENGTH_BYTES = 4;

/** `hasLetters`: whether messages have letters from the start, as a server's do. */
export function createMessageReader(hasLetters: boolean): MessageReader {
  let rest: Buffer = Buffer.alloc(0);
  let letters = hasLetters;
  let singleBytes = 0;

  function next(): Message | null {
    if (singleBytes > 0) return rest.length === 0 ? null : take('byte', 0, 1);
    const start = letters ? 1 : 0;
    if (rest.length < start + LENGTH_BYTES) return null;
    const end = start + rest.readUInt32BE(start);
    if (rest.length < end) return null;
    if (letters) return take(rest.toString('latin1', 0, 1), start + LENGTH_BYTES, end);
    const isStartup = rest.readUInt32BE(LENGTH_BYTES) === STARTUP;
    return take(isStartup ? 'startup' : 'encryption', LENGTH_BYTES, end);
  }

  function take(type: string, bodyAt: number, end: number): Message {
    const message = { type, body: rest.subarray(bodyAt, end), bytes: rest.subarray(0, end) };
    rest = rest.subarray(end);
    if (type === 'startup') letters = true;
    if (type === 'byte') singleBytes -= 1;
    return message;
  }

  return {
    read(chunk) {
      rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
      const messages: Message[] = [];
      for (let message = next(); message !== null; message = next()) messages.push(message);
      return messages;
    },
    expectByte() {
      singleBytes += 1;
    },
  };
}

/** The texts, each ended by a zero byte, with which a message begins. */
export function textsOf({ body }: Message, count: number): readonly string[] {
  return body.toString('utf8').split('\0', count);
}

/** Asks the server for all answers that it has. */
export const SYNC: Buffer = Buffer.from([0x53, 0, 0, 0, LENGTH_BYTES]);
