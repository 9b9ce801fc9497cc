/** Whether a line is the first of a uuencoded file, or a full line of one: `M` for 45 bytes, then 60 characters (POSIX uuencode). */
export function isUuencoded(line: string): boolean {
  return /^begin(?:-base64)? [0-7]{3,4} \S/.test(line) || /^M[ -`]{60}$/.test(line);
}
