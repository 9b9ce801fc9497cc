import { ConfigError } from "../base/errors.ts";
import type { Config } from "../config/settings.ts";
import { hrefOf } from "../webdav/href.ts";
import { clientPath } from "./client-path.ts";
import { contentType } from "./content-type.ts";

/** A file of the library, as a completed job shows it. */
export interface ShownFile {
  /** Its last name there. */
  readonly name: string;
  readonly libraryPath: string;
}

/** What download clients find in the place of a file: a small text that says where the file is. */
export interface StandIns {
  /** Comes behind the file's name. */
  readonly suffix: string;
  /** undefined: the file itself is shown, under its own name. */
  textOf(file: ShownFile): string | undefined;
}

/** By `completed.style`. Throws CONFIG_INVALID for .strm files without an address or a folder. */
export function standIns({ style, mountPath, strmFolder, strmUrl }: Config["completed"]): StandIns {
  if (style === "files") return { suffix: "", textOf: () => undefined };
  if (style === "rclonelink") {
    return {
      suffix: ".rclonelink",
      textOf: ({ libraryPath }) => clientPath(mountPath, ["library", ...libraryPath.split("/")]),
    };
  }
  if (strmUrl === "" || strmFolder === "") {
    throw new ConfigError("CONFIG_INVALID", "completed.style is strm, which needs completed.strmFolder and strmUrl", {
      hint: "name a folder on this machine, and the address that players reach this server by: http://user:password@nas:8119",
    });
  }
  return {
    suffix: ".strm",
    // Whoever reads folders of films takes every .strm for a film.
    textOf: ({ name, libraryPath }) =>
      /^(?:video|audio)\//.test(contentType(name))
        ? `${strmUrl}/dav${hrefOf(["library", ...libraryPath.split("/")], "resource")}\n`
        : undefined,
  };
}
