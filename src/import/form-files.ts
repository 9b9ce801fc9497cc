import type { IncomingMessage } from "node:http";
import { Busboy, type BusboyFileStream, type BusboyInstance } from "@fastify/busboy";
import { onAbort } from "../base/abort.ts";
import { errorMessage, RequestError } from "../base/errors.ts";
import type { Cancel } from "../base/seekable-file.ts";
import { formName } from "./sent-name.ts";
import { type FormFields, isNzbType, type Uploads } from "./upload.ts";

const MAX_FILES = 100;
const MAX_BYTES = 1024 * 1024 * 1024;
const MAX_FIELDS = 50;
const LIMITS = {
  files: MAX_FILES,
  fields: MAX_FIELDS,
  fieldSize: 64 * 1024,
  parts: MAX_FILES + MAX_FIELDS,
  headerPairs: 20,
};

/**
 * The files of a form (RFC 7578) in their order, whatever their fields are called: parts with a file name, or of a type that NZBs have. Each with the text fields before it. A file's
 * bytes are handed on as they arrive: the next one waits until its predecessor was read or left. Names are UTF-8.
 */
export async function* formFiles(
  req: IncomingMessage,
  { signal, maxBytes = MAX_BYTES }: Cancel & { readonly maxBytes?: number },
): Uploads {
  const form = openForm(req);
  const waiting: FormFile[] = [];
  const fields = new Map<string, string>();
  let current: BusboyFileStream | undefined;
  const broken = new Set<BusboyFileStream>();
  let isEnded = false;
  let isOverfull = false;
  let received = 0;
  let failure: unknown;
  let wake = () => {};

  form.on("file", (_field, stream, name) => {
    stream.on("error", () => broken.add(stream));
    // The form may be read on before this file is asked for.
    waiting.push({ name: formName(name ?? ""), stream, fields: new Map(fields) });
    wake();
  });
  form.on("field", (field, value, isNameCut, isValueCut) => {
    if (isNameCut || isValueCut) isOverfull = true;
    else fields.set(field, value);
  });
  form.once("finish", () => {
    isEnded = true;
    wake();
  });
  for (const event of ["filesLimit", "fieldsLimit", "partsLimit"]) {
    form.on(event, () => {
      isOverfull = true;
    });
  }
  form.on("error", (error: unknown) => fail(badRequest(`cannot read the form: ${errorMessage(error).toLowerCase()}`)));

  function fail(error: unknown): void {
    failure ??= error;
    wake();
  }

  /** Ends every file that is still being waited for, too. */
  function abandon(error: unknown): void {
    fail(error);
    for (const stream of [current, ...waiting.map((file) => file.stream)]) stream?.destroy(error as Error);
  }

  function countBytes(chunk: Buffer): void {
    received += chunk.length;
    if (received <= maxBytes || failure !== undefined) return;
    req.unpipe(form);
    abandon(tooLarge(`the form is longer than ${maxBytes} bytes`));
  }

  async function* bytesOf(stream: BusboyFileStream): AsyncGenerator<Uint8Array, void, undefined> {
    try {
      for await (const chunk of stream.iterator({ destroyOnReturn: false })) yield chunk as Uint8Array;
    } catch (error) {
      throw failure ?? error;
    }
    // When the form breaks off before this file is read, it ends as if it were whole.
    if (broken.has(stream)) throw failure ?? badRequest("the form ends within a file");
  }

  using _ = onAbort(signal, () => abandon(signal.reason));
  req.on("data", countBytes);
  req.pipe(form);
  try {
    for (;;) {
      const file = waiting.shift();
      if (file !== undefined) {
        current = file.stream;
        const fileName = file.name === "" ? undefined : file.name;
        yield { fileName, body: bytesOf(file.stream), fields: file.fields };
        // What the reader left of it has to go before the form's next part can come.
        file.stream.resume();
      } else if (failure !== undefined) {
        throw failure;
      } else if (isEnded) {
        if (isOverfull) throw tooLarge(`the form holds more than ${MAX_FILES} files, or too much text`);
        return fields;
      } else {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    }
  } finally {
    req.off("data", countBytes);
    req.unpipe(form);
  }
}

interface FormFile {
  readonly name: string;
  readonly stream: BusboyFileStream;
  readonly fields: FormFields;
}

function badRequest(message: string): RequestError {
  return new RequestError("BAD_REQUEST", message);
}

function openForm(req: IncomingMessage): BusboyInstance {
  const type = req.headers["content-type"] ?? "";
  try {
    return new Busboy({
      headers: { ...req.headers, "content-type": type },
      limits: LIMITS,
      preservePath: true,
      isPartAFile: (_field, partType, fileName) => fileName !== undefined || isNzbType(partType ?? ""),
    });
  } catch (cause) {
    throw new RequestError("BAD_REQUEST", "the form does not say where its parts end", {
      hint: "let the client library set Content-Type, which carries the boundary",
      cause,
    });
  }
}

function tooLarge(what: string): RequestError {
  return new RequestError("BODY_TOO_LARGE", what, { hint: "send its files with several requests" });
}
