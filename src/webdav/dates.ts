/** Dates that are kept as text, in each format. */
const REMEMBERED = 1024;
const LATEST = Date.UTC(9999, 11, 31, 23, 59, 59);
const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

const IMF = /^(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), (\d{2}) (\w{3}) (\d{4}) (\d{2}):(\d{2}):(\d{2}) GMT$/;
const RFC850 = /^(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day, (\d{2})-(\w{3})-(\d{2}) (\d{2}):(\d{2}):(\d{2}) GMT$/;
const ASCTIME = /^(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun) (\w{3}) ([ \d]\d) (\d{2}):(\d{2}):(\d{2}) (\d{4})$/;

/** The time as an HTTP date can carry it: no fractions, and no year that a client could not read. */
export function wholeSecond(ms: number): number {
  return ms >= 0 ? Math.floor(Math.min(ms, LATEST) / 1000) * 1000 : 0;
}

/** `Sun, 06 Nov 1994 08:49:37 GMT`: RFC 9110 section 5.6.7, from milliseconds since 1970. */
export const httpDate = remembered((date) => date.toUTCString());

/** `1994-11-06T08:49:37Z`: RFC 3339, as DAV:creationdate wants it. */
export const isoDate = remembered((date) => `${date.toISOString().slice(0, 19)}Z`);

/** The files of a release share their dates, and who reads one asks for it again and again. */
function remembered(format: (date: Date) => string): (ms: number) => string {
  const known = new Map<number, string>();
  return (ms) => {
    const second = wholeSecond(ms);
    let text = known.get(second);
    if (text === undefined) {
      text = format(new Date(second));
      if (known.size === REMEMBERED) known.clear();
      known.set(second, text);
    }
    return text;
  };
}

/** Milliseconds since 1970 of a date in one of the three formats of RFC 9110 section 5.6.7; undefined for everything else. */
export function parseHttpDate(text: string): number | undefined {
  const imf = IMF.exec(text);
  if (imf !== null) return utc(imf[3], imf[2], imf[1], imf.slice(4, 7));
  const rfc850 = RFC850.exec(text);
  if (rfc850 !== null) return utc(fourDigits(rfc850[3] as string), rfc850[2], rfc850[1], rfc850.slice(4, 7));
  const asctime = ASCTIME.exec(text);
  return asctime === null ? undefined : utc(asctime[6], asctime[1], asctime[2], asctime.slice(3, 6));
}

/** A two-digit year that looks more than 50 years ahead is in the past. */
function fourDigits(year: string): string {
  const now = new Date().getUTCFullYear();
  const guess = now - (now % 100) + Number(year);
  return String(guess > now + 50 ? guess - 100 : guess);
}

function utc(
  year: string | undefined,
  month: string | undefined,
  day: string | undefined,
  time: string[],
): number | undefined {
  const monthIndex = MONTHS.indexOf(month ?? "");
  const [hours, minutes, seconds] = time.map(Number) as [number, number, number];
  if (monthIndex === -1 || hours > 23 || minutes > 59 || seconds > 60) return undefined;
  const date = new Date(Date.UTC(Number(year), monthIndex, Number(day), hours, minutes, seconds));
  return date.getUTCDate() === Number(day) || seconds === 60 ? date.getTime() : undefined;
}
