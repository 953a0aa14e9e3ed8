/**
 * Passwords of eight and more characters that attackers try first, in lower case, and beginnings of words that are guessed with a few
 * characters added. NIST SP 800-63B, 5.1.1.2: what is commonly used must be refused.
 */
const COMMON: ReadonlySet<string> = new Set(
  `password passw0rd p@ssword p@ssw0rd passwort motdepasse contraseña changeme changeit letmein1 letmeinnow welcome welcome1
  iloveyou iloveyou1 sunshine princess princess1 football football1 baseball basketball superman batman123 starwars pokemon1
  trustno1 whatever computer internet michelle jennifer jonathan charlotte elizabeth liverpool chocolate butterfly qwertyui
  qwertyuiop qwerty12 qwerty123 qwertz123 azertyuiop 1q2w3e4r 1q2w3e4r5t q1w2e3r4 1qaz2wsx zaq12wsx qazwsxedc asdfghjk asdfghjkl
  zxcvbnm1 zxcvbnm123 abcd1234 abc12345 abcdefgh a1b2c3d4 aa123456 12345678 123456789 1234567890 87654321 987654321 0987654321
  11111111 00000000 12341234 11223344 12344321 123123123 123321123 147258369 1234qwer qwer1234 admin123 admin1234 administrator
  root1234 rootroot testtest test1234 default1 guest123 secret123 master123 dragon123 monkey123 shadow123 login123 access14
  registry entrepot`
    .split(/\s+/)
    .filter((word) => word !== ''),
);
/** What people add to make a rule happy. */
const ENDING = /[\d!?.*#$@_-]{0,4}$/;
const ONE_OR_TWO_CHARACTERS = 2;

/** Whether a password is among the first that are tried: a common one, a common one with a few digits or signs, or hardly more than one character repeated. */
export function isCommonPassword(password: string): boolean {
  const text = password.toLowerCase();
  return (
    COMMON.has(text) ||
    COMMON.has(text.replace(ENDING, '')) ||
    new Set(text).size <= ONE_OR_TWO_CHARACTERS ||
    isRun(text)
  );
}

/** Whether each character follows the one before it, upwards or downwards: `abcdefghij`, `9876543210`. */
function isRun(text: string): boolean {
  const steps = new Set<number>();
  for (let index = 1; index < text.length; index++) steps.add(text.charCodeAt(index) - text.charCodeAt(index - 1));
  const [step, ...others] = steps;
  return others.length === 0 && (step === 1 || step === -1);
}
