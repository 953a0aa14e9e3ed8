/**
 * On every answer of the system routes. They are read by programs: no page may run, frame or sniff what they say.
 * Source: OWASP REST Security Cheat Sheet. Strict-Transport-Security is for who ends TLS, in front of this server.
 */
export const SECURITY_HEADERS: Readonly<Record<string, string>> = Object.freeze({
  'X-Content-Type-Options': 'nosniff',
  'X-Frame-Options': 'DENY',
  'Content-Security-Policy': "default-src 'none'; frame-ancestors 'none'",
  'Referrer-Policy': 'no-referrer',
  'Cross-Origin-Resource-Policy': 'same-origin',
});

/** Puts the headers on an answer, beside those it has. */
export function secure(headers: Headers): void {
  for (const [name, value] of Object.entries(SECURITY_HEADERS)) headers.set(name, value);
}
