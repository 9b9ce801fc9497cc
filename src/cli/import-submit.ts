import { once } from "node:events";
import { z } from "zod";
import type { Cancel } from "../base/seekable-file.ts";
import { readShape } from "./api-call.ts";
import { CommandError } from "./exit-code.ts";
import type { NzbSource } from "./nzb-files.ts";
import { printable } from "./output.ts";
import type { ServerAddress } from "./server-address.ts";
import { type Answer, refusalIn, refusalOf, saidBy, send } from "./server-client.ts";

/** What is wanted of the imports; the server's defaults unless given. */
export interface ImportWish {
  readonly category?: string;
  readonly name?: string;
  readonly password?: string;
  readonly priority?: string;
  readonly paused?: boolean;
}

interface SubmitOptions extends Cancel {
  readonly wish: ImportWish;
}

/** A ZIP of several is answered NZB by NZB, whether they are taken or not. */
const EACH = z.array(z.looseObject({ id: z.string().optional(), name: z.string().nullish() }));
const ANSWER = z.union([z.looseObject({ id: z.string() }), EACH]);

/** Hands over one source: an import's id, also when the server has it already, or why there is none, for each of its NZBs. */
export async function submitNzbs(
  server: ServerAddress,
  source: NzbSource,
  options: SubmitOptions,
): Promise<readonly (string | CommandError)[]> {
  const { label } = source;
  const answer = await send(server, { method: "POST", ...(await requestOf(source, options)) }, options);
  return [await answersIn(answer, label)].flat().map((one) => {
    const subject = typeof one["name"] === "string" ? `${label}: ${printable(one["name"])}` : label;
    return one.id ?? refusalIn(one, subject) ?? new CommandError("SERVER_ANSWER", `${subject}: it became no import`);
  });
}

/** What is said of the NZB, or of each; throws CommandError when all that was handed over is refused. */
async function answersIn(answer: Answer, label: string): Promise<z.infer<typeof ANSWER>> {
  if (answer.status < 400) return await readShape(answer, { subject: label, shape: ANSWER });
  const said = await saidBy(answer);
  const { data } = EACH.safeParse(said);
  if (data !== undefined) return data;
  throw refusalOf(answer.status, said, label);
}

async function requestOf(source: NzbSource, { wish, signal }: SubmitOptions) {
  if ("url" in source) return { path: `api/v1/imports?${queryOf(wish, { url: source.url })}` };
  const body = source.open();
  // Opened before the request: a file that cannot be read is not the server's fault.
  if ("pending" in body && body.pending === true) await once(body, "ready", { signal });
  const headers = {
    // Whatever it is: the server looks at the bytes.
    "content-type": "application/x-nzb",
    ...(source.size === undefined ? {} : { "content-length": source.size }),
  };
  return { path: `api/v1/imports?${queryOf(wish, { name: source.name })}`, headers, body };
}

function queryOf(
  wish: ImportWish,
  given: { readonly url?: string; readonly name?: string | undefined },
): URLSearchParams {
  // Indexers and download tools write `name{{password}}.nzb`.
  const [, plainName, namePassword] = /^(.+?)\{\{(.+)\}\}$/.exec(given.name ?? "") ?? [];
  const parameters = {
    url: given.url,
    category: wish.category,
    name: wish.name ?? plainName ?? given.name,
    password: wish.password ?? namePassword,
    priority: wish.priority,
    paused: wish.paused ? "1" : undefined,
  };
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(parameters)) if (value !== undefined) query.set(name, value);
  return query;
}
