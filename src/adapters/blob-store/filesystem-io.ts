import fs from 'node:fs';
import { promisify } from 'node:util';
import { RegistryError } from '../../errors/registry-error.ts';

/** The few file operations that the store is made of, on descriptors. Tests put faults in their place. */
export interface FileIo {
  open(path: string, flags: 'r' | 'r+' | 'wx'): Promise<number>;
  close(fd: number): Promise<void>;
  /** Returns how many bytes were taken, which may be fewer. */
  write(fd: number, bytes: Uint8Array, position: number): Promise<number>;
  /** Returns how many bytes came; 0 at the end. */
  read(fd: number, into: Uint8Array, position: number): Promise<number>;
  fsync(fd: number): Promise<void>;
  fstat(fd: number): Promise<FileFacts>;
  stat(path: string): Promise<FileFacts>;
  rename(from: string, to: string): Promise<void>;
  /** Gives a file one more name. */
  link(file: string, name: string): Promise<void>;
  unlink(path: string): Promise<void>;
  /** With all folders above it; nothing where it exists. */
  mkdir(path: string): Promise<void>;
  readdir(path: string): Promise<readonly string[]>;
  /** Sets the modification time, in milliseconds since the epoch. */
  touch(path: string, atMs: number): Promise<void>;
  /** The first `into.byteLength` bytes from `position`, at once; returns how many came. */
  readNow(path: string, into: Uint8Array, position: number): number;
  statNow(path: string): FileFacts;
  /** As `statNow`; null when it is not there. */
  findNow(path: string): FileFacts | null;
  /** Makes a file that is not there. */
  createNow(path: string): number;
  /** A folder, to be synced. */
  openFolderNow(path: string): number;
  writeNow(fd: number, bytes: Uint8Array, position: number): number;
  closeNow(fd: number): void;
  renameNow(from: string, to: string): void;
  linkNow(file: string, name: string): void;
  unlinkNow(path: string): void;
}

export interface FileFacts {
  readonly size: number;
  readonly ino: number;
  readonly mtimeMs: number;
}

const write = promisify(fs.write);
const read = promisify(fs.read);
const mkdir = promisify(fs.mkdir);

/** The machine's own file system. */
export const nodeFileIo: FileIo = {
  open: promisify(fs.open),
  close: promisify(fs.close),
  write: async (fd, bytes, position) => (await write(fd, bytes, 0, bytes.byteLength, position)).bytesWritten,
  read: async (fd, into, position) => (await read(fd, into, 0, into.byteLength, position)).bytesRead,
  fsync: promisify(fs.fsync),
  fstat: promisify(fs.fstat),
  stat: promisify(fs.stat),
  rename: promisify(fs.rename),
  link: promisify(fs.link),
  unlink: promisify(fs.unlink),
  mkdir: async (path) => {
    await mkdir(path, { recursive: true });
  },
  readdir: promisify(fs.readdir),
  touch: (path, atMs) => fs.promises.utimes(path, atMs / 1000, atMs / 1000),
  readNow(path, into, position) {
    const fd = fs.openSync(path, 'r');
    try {
      return fs.readSync(fd, into, 0, into.byteLength, position);
    } finally {
      fs.closeSync(fd);
    }
  },
  statNow: fs.statSync,
  findNow: (path) => fs.statSync(path, { throwIfNoEntry: false }) ?? null,
  createNow: (path) => fs.openSync(path, 'wx'),
  openFolderNow: (path) => fs.openSync(path, 'r'),
  writeNow: (fd, bytes, position) => fs.writeSync(fd, bytes, 0, bytes.byteLength, position),
  closeNow: fs.closeSync,
  renameNow: fs.renameSync,
  linkNow: fs.linkSync,
  unlinkNow: fs.unlinkSync,
};

/**
 * The same operations, failing with STORE_FULL or BLOB_STORE_FAILURE. Only "not there" and "already there" stay as they
 * are: the store's logic asks for them (`isErrno`). Errors that a source throws thus never look like the store's.
 */
export function classified(io: FileIo): FileIo {
  return {
    ...io,
    open: (path, flags) => io.open(path, flags).catch(raise),
    close: (fd) => io.close(fd).catch(raise),
    write: (fd, bytes, position) => io.write(fd, bytes, position).catch(raise),
    read: (fd, into, position) => io.read(fd, into, position).catch(raise),
    fsync: (fd) => io.fsync(fd).catch(raise),
    fstat: (fd) => io.fstat(fd).catch(raise),
    stat: (path) => io.stat(path).catch(raise),
    rename: (from, to) => io.rename(from, to).catch(raise),
    link: (file, name) => io.link(file, name).catch(raise),
    unlink: (path) => io.unlink(path).catch(raise),
    mkdir: (path) => io.mkdir(path).catch(raise),
    readdir: (path) => io.readdir(path).catch(raise),
    touch: (path, atMs) => io.touch(path, atMs).catch(raise),
    findNow: (path) => raised(() => io.findNow(path)),
    createNow: (path) => raised(() => io.createNow(path)),
    openFolderNow: (path) => raised(() => io.openFolderNow(path)),
    writeNow: (fd, bytes, position) => raised(() => io.writeNow(fd, bytes, position)),
    closeNow: (fd) => raised(() => io.closeNow(fd)),
    renameNow: (from, to) => raised(() => io.renameNow(from, to)),
    linkNow: (file, name) => raised(() => io.linkNow(file, name)),
    unlinkNow: (path) => raised(() => io.unlinkNow(path)),
  };
}

function raised<T>(call: () => T): T {
  try {
    return call();
  } catch (error) {
    raise(error);
  }
}

function raise(error: unknown): never {
  if (isErrno(error, 'ENOENT') || isErrno(error, 'EEXIST')) throw error;
  throw toStoreError(error);
}

/** A file system's error as the store's. */
export function toStoreError(error: unknown): RegistryError {
  if (error instanceof RegistryError) return error;
  const full = isErrno(error, 'ENOSPC') || isErrno(error, 'EDQUOT');
  return new RegistryError(full ? 'STORE_FULL' : 'BLOB_STORE_FAILURE', { cause: error });
}

export function isErrno(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}

/** What `attempt` gives, or null when the file is not there. */
export async function orAbsent<T>(attempt: Promise<T>): Promise<T | null> {
  try {
    return await attempt;
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return null;
    throw error;
  }
}

/** Removes a file; whether it was there. */
export async function removeFile(io: FileIo, path: string): Promise<boolean> {
  return (await orAbsent(io.unlink(path).then(() => true))) ?? false;
}
