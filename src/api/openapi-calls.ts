import { named, type Schema, text, whole } from "./openapi-schemas.ts";

/** One answer of a call, of a media type. */
export function answer(description: string, schema: Schema | undefined, type = "application/json"): Schema {
  return { description, content: { [type]: schema === undefined ? {} : { schema } } };
}

/** One parameter of a call's query. */
export function query(name: string, description: string, schema: Schema = text): Schema {
  return { name, in: "query", description, schema };
}

/** One call with its answers; every call may be refused. */
export function call(summary: string, responses: Readonly<Record<string, Schema>>, more: Schema = {}): Schema {
  return { summary, responses: { ...responses, default: answer("refused", named("Error")) }, ...more };
}

/** `{id}` of a path, a whole number. */
export function idInPath(description: string): Schema {
  return { name: "id", in: "path", required: true, description, schema: whole };
}

/** The parameters of a call that answers page by page. */
export const paging = [
  query("after", "`next` of the page before"),
  query("limit", "entries a page", { type: "integer", minimum: 1, maximum: 500, default: 50 }),
];
