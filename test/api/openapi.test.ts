import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { apiRoutes } from "../../src/api/api.ts";
import { openApiDocument } from "../../src/api/openapi.ts";
import type { EntryId } from "../../src/catalog/catalog.ts";
import { type ApiServer, addJob, addRelease, nzb, startApi } from "./api-server.ts";

type Schema = { readonly [key: string]: unknown };

const document = openApiDocument("1.2.3");
const schemas: Readonly<Record<string, Schema>> = document.components.schemas;
const calls = Object.entries(document.paths).flatMap(([path, methods]) =>
  Object.entries(methods).map(([method, call]) => ({
    name: `${method.toUpperCase()} ${path}`,
    method,
    path,
    call: call as Schema,
  })),
);

let api: ApiServer;
let job: string;
let file: number;
/** What stands for `{id}` in the paths of a call, by the call's name; an import's id in all others. */
let ids: Readonly<Record<string, number | string>>;
beforeAll(async () => {
  api = await startApi();
  const form = new FormData();
  form.append("name", new Blob([nzb("openapi")]), "a.nzb");
  const response = await api.fetch("/api/v1/imports", { method: "POST", body: form });
  ({ id: job } = (await response.json()) as { id: string });
  api.catalog.jobs.claim();
  addRelease(api.catalog, ["a.mkv"], { job: job as NonNullable<Parameters<typeof addRelease>[2]>["job"] & string });
  file = api.catalog.find("movies/Ein Schöner Film/a.mkv")?.id as number;
  api.catalog.damage.record(file as EntryId, { start: 0, end: 100, messageId: undefined, kind: "missing" });
  addRelease(api.catalog, ["b.mkv", "c.mkv"], { name: "Removed" });
  for (const name of ["b.mkv", "c.mkv"]) api.catalog.remove(`movies/Removed/${name}`);
  const [later, earlier] = api.catalog.trash.list({ limit: 2 });
  ids = {
    "GET /api/v1/files/{id}/damage": file,
    "DELETE /api/v1/trash/{id}": later?.id ?? 0,
    "POST /api/v1/trash/{id}/restore": earlier?.id ?? 0,
    ...jobsForActions(),
    "DELETE /api/v1/app-passwords/{id}": api.deps.appPasswords.add({ name: "old", mayWrite: true }).password.id,
  };
});
afterAll(() => api[Symbol.asyncDispose]());

/** An import for each call that changes one, in a state that allows it. */
function jobsForActions() {
  const { jobs } = api.catalog;
  const states = {
    "DELETE /api/v1/imports/{id}": undefined,
    "POST /api/v1/imports/{id}/pause": undefined,
    "POST /api/v1/imports/{id}/resume": "paused",
    "POST /api/v1/imports/{id}/cancel": undefined,
    "POST /api/v1/imports/{id}/retry": "failed",
    "POST /api/v1/imports/{id}/archive": "failed",
    "POST /api/v1/imports/{id}/priority": undefined,
    "POST /api/v1/imports/{id}/category": undefined,
    "POST /api/v1/imports/{id}/move": undefined,
  } as const;
  return Object.fromEntries(
    Object.entries(states).map(([call, state]) => {
      const id = addJob(api, call);
      if (state !== undefined) jobs.update(id, { state });
      return [call, id];
    }),
  );
}

/** What a call needs in its query. */
const QUERIES: Readonly<Record<string, string>> = {
  "POST /api/v1/verify": "?path=/library",
  "POST /api/v1/app-passwords": "?name=new",
  "POST /api/v1/admission": "?maxJobs=3",
  "POST /api/v1/imports/{id}/priority": "?value=high",
  "POST /api/v1/imports/{id}/category": "?value=tv",
  "POST /api/v1/imports/{id}/move": "?position=0",
};

/** Where `value` is not what the schema says, as paths; enough of JSON Schema for the document's own use of it. */
function differences(schema: Schema, value: unknown, at = "$"): string[] {
  const reference = schema["$ref"];
  if (typeof reference === "string") {
    return differences(schemas[reference.split("/").at(-1) ?? ""] ?? { type: "nothing" }, value, at);
  }
  const any = schema["anyOf"] as readonly Schema[] | undefined;
  if (any !== undefined) {
    return any.some((one) => differences(one, value, at).length === 0) ? [] : [`${at}: fits none`];
  }
  const types = [schema["type"]].flat();
  if (!types.includes(typeOf(value)) && !(types.includes("number") && typeOf(value) === "integer")) {
    return [`${at}: ${typeOf(value)} is not ${types}`];
  }
  const choices = schema["enum"] as readonly unknown[] | undefined;
  if (choices !== undefined && !choices.includes(value)) return [`${at}: ${value} is not one of ${choices}`];
  if (Array.isArray(value)) {
    return value.flatMap((item, index) => differences(schema["items"] as Schema, item, `${at}[${index}]`));
  }
  if (typeof value !== "object" || value === null) return [];
  const properties = (schema["properties"] ?? {}) as Readonly<Record<string, Schema>>;
  const missing = ((schema["required"] ?? []) as string[]).filter((name) => !(name in value));
  return [
    ...missing.map((name) => `${at}.${name}: missing`),
    ...Object.entries(value)
      .filter(([name]) => name in properties)
      .flatMap(([name, inner]) => differences(properties[name] as Schema, inner, `${at}.${name}`)),
    ...Object.keys(value)
      .filter((name) => schema["properties"] !== undefined && !(name in properties))
      .map((name) => `${at}.${name}: not in the document`),
  ];
}

function typeOf(value: unknown): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return "array";
  return Number.isInteger(value) ? "integer" : typeof value;
}

function schemaOf(call: Schema, status: number, type: string): Schema | undefined {
  const responses = call["responses"] as Readonly<Record<string, { content: Record<string, { schema?: Schema }> }>>;
  const response = responses[status] ?? responses["default"];
  const media = response?.content[type];
  if (media === undefined) throw new Error(`${status} as ${type} is not in the document`);
  return media.schema;
}

describe("GET /api/v1/openapi.json", () => {
  test("names exactly the calls there are", () => {
    const routes = apiRoutes(api.deps).map(({ method, path }) => `${method} ${path}`);
    expect(calls.map(({ name }) => name).sort()).toEqual(routes.sort());
  });

  test("is served as it is written", async () => {
    expect(await (await api.fetch("/api/v1/openapi.json")).json()).toEqual(JSON.parse(JSON.stringify(document)));
  });

  test("asks for a key exactly where one is needed", () => {
    const open = calls.filter(({ call }) => Array.isArray(call["security"])).map(({ path }) => path);
    const routes = apiRoutes(api.deps).filter(({ access }) => access === "none" || access === "optional");
    expect(open.sort()).toEqual(routes.map(({ path }) => path).sort());
  });

  test.each(calls)(
    "$name answers as the document says, down to the last property",
    async ({ name, method, path, call }) => {
      const isUpload = path === "/api/v1/imports" && method === "post";
      const target = path.replace("{id}", String(ids[name] ?? job)) + (QUERIES[name] ?? "");
      const response = await api.fetch(target, {
        method: method.toUpperCase(),
        ...(isUpload ? { body: nzb("again"), headers: { "content-type": "application/x-nzb" } } : {}),
        ...(path === "/api/v1/providers/speedtest"
          ? { body: '{"host":"news.example.com"}', headers: { "content-type": "application/json" } }
          : {}),
      });
      expect(response.ok).toBe(true);
      const type = response.headers.get("content-type")?.split(";")[0] ?? "";
      const schema = schemaOf(call, response.status, type);
      if (type === "text/event-stream") await response.body?.cancel();
      if (schema === undefined || type.startsWith("text/")) return;
      const value: unknown = await response.json();
      expect(differences(schema, value)).toEqual([]);
    },
  );

  test.each(["/library/nowhere", "/etc"])("refusals of %s have the error's shape", async (path) => {
    const response = await api.fetch(`/api/v1/library?path=${path}`);
    expect(differences(schemas["Error"] as Schema, await response.json())).toEqual([]);
  });

  test("a list of results has the shape it promises", async () => {
    const form = new FormData();
    form.append("a", new Blob([nzb("listed")]), "a.nzb");
    form.append("b", new Blob(["nonsense"]), "b.nzb");
    const response = await api.fetch("/api/v1/imports", { method: "POST", body: form });
    expect(response.status).toBe(202);
    expect(differences(schemas["Results"] as Schema, await response.json())).toEqual([]);
  });

  test.each([1, 2])("%i refused NZBs have the shape it promises", async (count) => {
    const form = new FormData();
    for (let file = 0; file < count; file += 1) form.append("file", new Blob(["nonsense"]), `${file}.nzb`);
    const response = await api.fetch("/api/v1/imports", { method: "POST", body: form });
    expect(response.status).toBe(400);
    const value: unknown = await response.json();
    expect(Array.isArray(value)).toBe(count > 1);
    const { call } = calls.find(({ name }) => name === "POST /api/v1/imports") as (typeof calls)[number];
    expect(differences(schemaOf(call, 400, "application/json") as Schema, value)).toEqual([]);
  });
});
