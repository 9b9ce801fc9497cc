const TYPES = new Map(
  Object.entries({
    mkv: "video/x-matroska",
    mka: "audio/x-matroska",
    mp4: "video/mp4",
    m4v: "video/mp4",
    mov: "video/quicktime",
    avi: "video/x-msvideo",
    ts: "video/mp2t",
    m2ts: "video/mp2t",
    mpg: "video/mpeg",
    mpeg: "video/mpeg",
    vob: "video/mpeg",
    webm: "video/webm",
    wmv: "video/x-ms-wmv",
    flv: "video/x-flv",
    iso: "application/x-iso9660-image",
    mp3: "audio/mpeg",
    m4a: "audio/mp4",
    m4b: "audio/mp4",
    flac: "audio/flac",
    ogg: "audio/ogg",
    opus: "audio/ogg",
    wav: "audio/wav",
    srt: "application/x-subrip",
    ass: "text/x-ssa",
    ssa: "text/x-ssa",
    vtt: "text/vtt",
    sub: "text/plain",
    nfo: "text/plain",
    txt: "text/plain",
    jpg: "image/jpeg",
    jpeg: "image/jpeg",
    png: "image/png",
    pdf: "application/pdf",
    epub: "application/epub+zip",
    zip: "application/zip",
    rar: "application/vnd.rar",
    "7z": "application/x-7z-compressed",
    nzb: "application/x-nzb",
  }),
);

/** The media type by extension; players look at it, nothing else here does. Never text/html, which some clients take for a folder. */
export function contentType(name: string): string {
  const dot = name.lastIndexOf(".");
  return TYPES.get(name.slice(dot + 1).toLowerCase()) ?? "application/octet-stream";
}
