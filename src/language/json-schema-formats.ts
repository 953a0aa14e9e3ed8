import { compileRegex } from './regex.ts';

/**
 * The formats that schemas may name, each checked in linear time: `date-time` and `date` (RFC 3339), `time` (RFC 3339 full-time),
 * `uri` (RFC 3986, absolute), `uri-reference`, `uuid` (RFC 9562, any version) and `email` (the form `local@domain`, not RFC 5322).
 */
export const FORMATS: Readonly<Record<string, (text: string) => boolean>> = Object.freeze({
  'date-time': isDateTime,
  date: isDate,
  time: isTime,
  uri: isUri,
  'uri-reference': isUriReference,
  uuid: whole('[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}'),
  email: isEmail,
});

function whole(source: string): (text: string) => boolean {
  const regex = compileRegex(`^(?:${source})$`);
  return (text) => regex.test(text);
}

const DATE = compileRegex('^(?<year>[0-9]{4})-(?<month>[0-9]{2})-(?<day>[0-9]{2})$');
const TIME = compileRegex(
  '^(?<hour>[0-9]{2}):(?<minute>[0-9]{2}):(?<second>[0-9]{2})(?:\\.[0-9]+)?(?:[zZ]|[+-](?<zoneHour>[0-9]{2}):(?<zoneMinute>[0-9]{2}))$',
);

function isDateTime(text: string): boolean {
  const separator = text.charAt(10);
  return (
    (separator === 'T' || separator === 't' || separator === ' ') && isDate(text.slice(0, 10)) && isTime(text.slice(11))
  );
}

function isDate(text: string): boolean {
  const groups = DATE.exec(text)?.groups;
  if (groups === undefined) return false;
  const [year, month, day] = [Number(groups.year), Number(groups.month), Number(groups.day)];
  if (month < 1 || month > 12 || day < 1) return false;
  const isLeap = year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
  return day <= (month === 2 ? (isLeap ? 29 : 28) : [4, 6, 9, 11].includes(month) ? 30 : 31);
}

function isTime(text: string): boolean {
  const groups = TIME.exec(text)?.groups;
  if (groups === undefined) return false;
  const [hour, minute, second] = [Number(groups.hour), Number(groups.minute), Number(groups.second)];
  // 60 is a leap second.
  return (
    hour <= 23 &&
    minute <= 59 &&
    second <= 60 &&
    Number(groups.zoneHour ?? 0) <= 23 &&
    Number(groups.zoneMinute ?? 0) <= 59
  );
}

const URI_TEXT = whole("(?:[A-Za-z0-9._~:/?#\\[\\]@!$&'()*+,;=-]|%[0-9A-Fa-f]{2})*");
const SCHEME = compileRegex('^[A-Za-z][A-Za-z0-9+.-]*:');

function isUri(text: string): boolean {
  return SCHEME.test(text) && URL.canParse(text) && URI_TEXT(text);
}

function isUriReference(text: string): boolean {
  return URI_TEXT(text) && URL.canParse(text, 'http://base.invalid/');
}

const LOCAL = whole("[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}");
const LABEL = whole('[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?');

function isEmail(text: string): boolean {
  const at = text.lastIndexOf('@');
  return (
    at > 0 &&
    text.length <= 254 &&
    LOCAL(text.slice(0, at)) &&
    text
      .slice(at + 1)
      .split('.')
      .every(LABEL)
  );
}
