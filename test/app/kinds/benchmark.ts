/** The posts that the public benchmark scores, twenty-five to be served and six to be refused; its list names twenty-four and six. */
export const TO_SERVE = [
  "a plain file, small",
  "a plain file, medium",
  "a plain season pack",
  "half a terabyte of plain files without extensions",
  "10151 file elements of one segment that form one file",
  "RAR5 stored, named volumes",
  "RAR5 stored, a thousand volumes",
  "RAR5 with encrypted headers, small",
  "RAR5 with encrypted headers, 100 GB",
  "RAR5 with encrypted headers and obfuscated volume names",
  "RAR4 stored, .rar .r00",
  "RAR4 whose inner name is a hash",
  "RAR volumes, each under a random name without extension",
  "RAR4 without an ordinal in header or name",
  "RAR volumes named <hash>.1 to .193",
  "an ISO inside RAR4",
  "a directory tree inside one RAR set",
  "a season with one RAR set per episode",
  "7z with a plain header, small",
  "7z with a plain header, large",
  "split 7z with an LZMA-packed header",
  "7z with an encrypted header",
  "obfuscated split 7z, small",
  "obfuscated split 7z, large",
  "a RAR set with exactly one article missing everywhere",
] as const;

export const TO_REFUSE = [
  "RAR4 compressed",
  "RAR5 mixed, the video compressed",
  "RAR5 with encrypted headers and no password",
  "15 of 16 articles gone",
  "a dead post",
  "a RAR set whose last volume says that it continues",
] as const;

export type BenchmarkKind = (typeof TO_SERVE)[number] | (typeof TO_REFUSE)[number];
