import { FormatError } from "../base/errors.ts";
import type { CategoryRule } from "./category-rules.ts";
import { type DraftedFile, samplesAmong } from "./chosen-files.ts";
import { countOf } from "./release-draft.ts";
import { baseName, nameParts } from "./safe-name.ts";

type Wanted = Exclude<CategoryRule["payload"], "any">;

/** Disc images count as video: what plays them plays the image. */
const EXTENSIONS: Readonly<Record<Wanted, ReadonlySet<string>>> = {
  video: words(
    "mkv mk3d mp4 m4v mov qt avi divx wmv asf mpg mpeg mpv m1v m2v m2p ps dat evo vob ts m2ts mts m2t tp trp iso img udf flv f4v webm ogv ogm rm rmvb 3gp 3g2",
  ),
  audio: words(
    "mp3 mp2 flac m4a m4b aac ac3 eac3 dts ogg oga opus spx wma wav wave ape wv tta mka mpc alac aiff aif dsf dff ra weba",
  ),
  book: words("epub pdf mobi azw azw3 azw4 kfx fb2 djvu lit lrf prc cbz cbr cb7 cbt"),
};

/**
 * Throws FormatError PAYLOAD_UNWANTED unless one of the files, samples apart, is of the wanted kind. The extension decides where it says
 * anything; a name made by the import has that of the content.
 */
export function assertPayload(files: readonly DraftedFile[], payload: CategoryRule["payload"]): void {
  if (payload === "any") return;
  const samples = samplesAmong(files);
  const candidates = files.filter((file) => !samples.has(file));
  if (candidates.some((file) => kindOf(file) === payload)) return;
  const largest = files.toSorted((one, other) => other.size - one.size)[0];
  const named = largest === undefined ? "" : `, the largest ${baseName(largest.file.path)}`;
  const held = countOf(files.length, "file") + named;
  throw new FormatError("PAYLOAD_UNWANTED", `the release holds no ${payload}: ${held}`, {
    hint: "it is not what its name says, or it is meant for another category; get another post",
  });
}

function kindOf({ file, kind }: DraftedFile): Wanted | undefined {
  const { extension } = nameParts(baseName(file.path));
  return kindCalled(extension) ?? (kind === undefined ? undefined : kindCalled(kind.extension));
}

function kindCalled(extension: string): Wanted | undefined {
  const lower = extension.toLowerCase();
  return (["video", "audio", "book"] as const).find((wanted) => EXTENSIONS[wanted].has(lower));
}

function words(list: string): ReadonlySet<string> {
  return new Set(list.split(" "));
}
