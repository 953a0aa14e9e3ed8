import { compareBytes } from './compare.ts';

/** How the versions of one thing are ordered: by semver.org 2.0.0, by runs of digits and text, or as plain text. */
export type VersionOrdering = 'semver' | 'natural' | 'text';

/**
 * A text whose byte order is the ordering: comparing two keys is comparing their versions. Under `semver` build metadata does
 * not count (such versions tie), a leading `v` is passed over, and what is no semantic version sorts below all that are, as text.
 * Under `natural` leading zeros of a number do not count.
 */
export function versionSortKey(ordering: VersionOrdering, version: string): string {
  if (ordering === 'text') return version;
  if (ordering === 'natural') return naturalKey(version);
  const parsed = parseSemver(version);
  return parsed === null ? `0${version}` : semverKey(parsed);
}

/** Whether a version is a pre-release. Only `semver` knows. */
export function isPrerelease(ordering: VersionOrdering, version: string): boolean {
  if (ordering !== 'semver') return false;
  const parsed = parseSemver(version);
  return parsed !== null && parsed.prerelease.length > 0;
}

/** Negative, zero or positive, as `a` comes before, with or after `b`. */
export function compareVersions(ordering: VersionOrdering, a: string, b: string): number {
  return compareBytes(versionSortKey(ordering, a), versionSortKey(ordering, b));
}

interface Semver {
  readonly core: readonly string[];
  readonly prerelease: readonly string[];
}

const NUMBER = '(0|[1-9][0-9]*)';
const IDENTIFIER = '(?:0|[1-9][0-9]*|[0-9]*[a-zA-Z-][0-9a-zA-Z-]*)';
/** The grammar of semver.org 2.0.0. Each identifier ends at a dot, so that matching takes linear time. */
const SEMVER = new RegExp(
  `^v?${NUMBER}\\.${NUMBER}\\.${NUMBER}(?:-(${IDENTIFIER}(?:\\.${IDENTIFIER})*))?(?:\\+[0-9a-zA-Z-]+(?:\\.[0-9a-zA-Z-]+)*)?$`,
);

function parseSemver(version: string): Semver | null {
  const match = SEMVER.exec(version);
  if (match === null) return null;
  const [, major = '', minor = '', patch = '', prerelease] = match;
  return { core: [major, minor, patch], prerelease: prerelease === undefined ? [] : prerelease.split('.') };
}

/**
 * `1`, the three numbers, then `~` for a release or `-` and the identifiers. `~` is above `-`: a release comes after its
 * pre-releases. A number is below a word (`0` and `1`); a word ends with `!`, the list with a space, both below whatever a
 * word holds: the shorter of two comes first.
 */
function semverKey(version: Semver): string {
  const core = `1${version.core.map(numberKey).join('')}`;
  if (version.prerelease.length === 0) return `${core}~`;
  return `${core}-${version.prerelease.map(identifierKey).join('')} `;
}

function identifierKey(identifier: string): string {
  return isNumeric(identifier) ? `0${numberKey(identifier)}` : `1${identifier}!`;
}

function naturalKey(version: string): string {
  return version.replace(/[0-9]+/g, (digits) => `0${numberKey(digits.replace(/^0+(?=[0-9])/, ''))}`);
}

/** Digits of any length, without leading zeros, so that bytes compare as numbers do: how long the length is, the length, the digits. */
function numberKey(digits: string): string {
  const length = String(digits.length);
  return `${String.fromCharCode(0x60 + length.length)}${length}${digits}`;
}

function isNumeric(text: string): boolean {
  return /^[0-9]+$/.test(text);
}
