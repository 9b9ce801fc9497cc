/** What a volume's name says about its place. */
export interface NamedPlace {
  /** The same for all volumes that are named alike: the kind of numbering and what is before the number. */
  readonly series: string;
  /** From 0 where the kind of numbering has a fixed beginning, else as it stands there. */
  readonly ordinal: number;
  readonly startsAtZero: boolean;
}

const PART = /^(.*)\.part(\d{1,6})(?:\.[a-z]\w{0,4})?$/i;
const OLD = /^(.*)\.(?:([r-z])(\d\d)|rar)$/i;
const NUMBERED_RAR = /^(.*)\.(\d{1,6})\.rar$/i;
const NUMBERED = /^(.*)\.(\d{1,6})$/;

/** Reads `.partN.rar` of any width, `.rar .r00 … .z99`, `.NNN.rar` and `.NNN`; undefined for a name without a number. */
export function namedPlace(name: string): NamedPlace | undefined {
  const part = PART.exec(name);
  if (part) return { series: `part ${lower(part[1])}`, ordinal: Number(part[2]) - 1, startsAtZero: true };
  const numbered = NUMBERED_RAR.exec(name) ?? NUMBERED.exec(name);
  if (numbered) return { series: `number ${lower(numbered[1])}`, ordinal: Number(numbered[2]), startsAtZero: false };
  const old = OLD.exec(name);
  if (!old) return undefined;
  const letter = old[2]?.toLowerCase();
  const ordinal = letter === undefined ? 0 : 1 + (letter.charCodeAt(0) - 114) * 100 + Number(old[3]);
  return { series: `old ${lower(old[1])}`, ordinal, startsAtZero: true };
}

function lower(text: string | undefined): string {
  return (text ?? "").toLowerCase();
}
