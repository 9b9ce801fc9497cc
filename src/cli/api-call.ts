import { z } from "zod";
import type { Cancel } from "../base/seekable-file.ts";
import { CommandError } from "./exit-code.ts";
import type { ServerAddress } from "./server-address.ts";
import { type Answer, expectStatus, readJson, send } from "./server-client.ts";

/** Milliseconds since 1970 that are a date. */
export const INSTANT = z.number().min(0).max(8.64e15);

/** A call of the JSON API that takes no body. */
export interface ApiCall<Shape extends z.ZodType> {
  readonly method: "GET" | "POST" | "DELETE";
  /** Encoded, relative to the server's root. */
  readonly path: string;
  /** What a refusal is about. */
  readonly subject: string;
  readonly shape: Shape;
}

/** What the server answers, in the shape that is expected; throws CommandError for refusals and for anything else. */
export async function callApi<Shape extends z.ZodType>(
  server: ServerAddress,
  { method, path, ...expected }: ApiCall<Shape>,
  cancel: Cancel,
): Promise<z.infer<Shape>> {
  return await readShape(await send(server, { method, path }, cancel), expected);
}

/** The same of an answer that is here. */
export async function readShape<Shape extends z.ZodType>(
  answer: Answer,
  { subject, shape }: Pick<ApiCall<Shape>, "subject" | "shape">,
): Promise<z.infer<Shape>> {
  const { data } = shape.safeParse(await readJson(await expectStatus(answer, subject, 200, 201, 202)));
  if (data !== undefined) return data;
  throw new CommandError("SERVER_ANSWER", `${subject}: the server's answer is not what it should be`, {
    hint: "is it a newsreel server of the same version? newsreel version tells this one's",
  });
}
