import { admissionPaths, admissionSchemas } from "./openapi-admission.ts";
import { answer, call, idInPath, paging, query } from "./openapi-calls.ts";
import { importPaths, importSchemas } from "./openapi-imports.ts";
import { named, object, schemas, text } from "./openapi-schemas.ts";

const NOBODY = { security: [] };
const speedTestWish = [
  query("limit", "what it may cost: bytes, or a size such as 512MiB", { ...text, default: "1GiB" }),
  query("force", "1: also while somebody watches; the figures are too low then", { type: "string", enum: ["0", "1"] }),
];
/** Those who ask while a test is under way join it. */
const speedTestAnswers = {
  200: answer(
    "one JSON object a line, told apart by `kind`: waiting, start, progress, step, and last report (see SpeedReport), " +
      'or `{"error":...}` when nothing could be measured',
    undefined,
    "application/x-ndjson",
  ),
  409: answer("the library holds no articles yet, or somebody is watching", named("Error")),
};

const paths = {
  "/healthz": { get: call("Is the process alive", { 200: answer("it is", object({ status: text })) }, NOBODY) },
  "/readyz": {
    get: call(
      "Can the catalog be written and a provider be used",
      { 200: answer("yes", named("Readiness")), 503: answer("no", named("Readiness")) },
      NOBODY,
    ),
  },
  "/metrics": { get: call("Prometheus metrics", { 200: answer("text format 0.0.4", text, "text/plain") }) },
  "/api/v1/openapi.json": { get: call("This document", { 200: answer("OpenAPI 3.1", { type: "object" }) }) },
  ...importPaths,
  "/api/v1/library": {
    get: call(
      "A folder of the library",
      {
        200: answer("a page of its entries, by name", named("Library")),
        404: answer("no such folder", named("Error")),
      },
      { parameters: [query("path", "/library/..., or empty for the whole"), ...paging] },
    ),
  },
  "/api/v1/files/{id}/damage": {
    get: call(
      "What could not be had of a file, as far as it was read",
      { 200: answer("its holes, by offset", named("Damage")), 404: answer("no such file", named("Error")) },
      {
        parameters: [idInPath("as the library lists it")],
      },
    ),
  },
  "/api/v1/trash": {
    get: call(
      "What was removed from the library, the latest first",
      { 200: answer("a page", named("Trash")) },
      { parameters: paging },
    ),
  },
  "/api/v1/trash/{id}": {
    delete: call(
      "Delete it for good; it is gone afterwards, whether it was there or not",
      { 200: answer("gone", named("Purged")) },
      { parameters: [idInPath("as the trash lists it")] },
    ),
  },
  "/api/v1/trash/{id}/restore": {
    post: call(
      "Put it back where it stood, under another name if its own is taken",
      { 200: answer("back", named("Restored")), 404: answer("the trash has no such item", named("Error")) },
      { parameters: [idInPath("as the trash lists it")] },
    ),
  },
  "/api/v1/app-passwords": {
    get: call("The passwords of devices, without their secrets; not open to such a password, as the next two", {
      200: answer("all of them, the oldest first", named("AppPasswords")),
    }),
    post: call(
      "Make a password for a device; it works with the owner's user name",
      {
        201: answer("the password, which is never shown again", named("NewAppPassword")),
        409: answer("another one has this name, or there are too many", named("Error")),
      },
      {
        parameters: [
          { ...query("name", "what the device is called"), required: true },
          query("write", "1: it may change things; else it may only read", { type: "string", enum: ["0", "1"] }),
        ],
      },
    ),
  },
  "/api/v1/app-passwords/{id}": {
    delete: call(
      "Revoke a device's password, at once",
      { 200: answer("the one that was", named("AppPassword")), 404: answer("no such password", named("Error")) },
      { parameters: [idInPath("as the list says")] },
    ),
  },
  ...admissionPaths,
  "/api/v1/streams": { get: call("What is being played", { 200: answer("now", named("Streams")) }) },
  "/api/v1/providers": { get: call("News servers, without their secrets", { 200: answer("now", named("Providers")) }) },
  "/api/v1/providers/{id}/speedtest": {
    post: call(
      "Measure how fast a provider is, and with how many connections at which depth; costs volume of the account",
      { ...speedTestAnswers, 404: answer("no such provider", named("Error")) },
      {
        parameters: [
          { name: "id", in: "path", required: true, description: "its name in the configuration", schema: text },
          ...speedTestWish,
        ],
      },
    ),
  },
  "/api/v1/providers/speedtest": {
    post: call(
      "The same for a provider that is not configured",
      { ...speedTestAnswers, 400: answer("no provider, or mistakes in it", named("Error")) },
      {
        parameters: speedTestWish,
        requestBody: {
          required: true,
          content: {
            "application/json": {
              schema: {
                type: "object",
                description: "with the keys of `providers` in the configuration",
                required: ["host"],
              },
            },
          },
        },
      },
    ),
  },
  "/api/v1/cache": { get: call("The segment cache", { 200: answer("now", named("Cache")) }) },
  "/api/v1/verify": {
    post: call(
      "Check that what is in the library can still be fetched",
      {
        200: answer(
          "one JSON object a line: `{checked, total, missing, unknown}` now and then, `{file, articles, missing, unknown}` for each file " +
            'that is not healthy, last the counts with `verdict` (healthy, damaged, unknown) or `{"error":...}` when it could not be finished',
          undefined,
          "application/x-ndjson",
        ),
        404: answer("nothing of this path", named("Error")),
      },
      { parameters: [{ ...query("path", "/library/..., a file or a folder"), required: true }] },
    ),
  },
};

/** The API as OpenAPI 3.1, written by hand; a test holds it against the routes and their answers. */
export function openApiDocument(version: string) {
  return {
    openapi: "3.1.0",
    info: { title: "Newsreel", version, description: "A WebDAV server for Usenet libraries." },
    paths,
    security: [{ key: [] }, { keyInQuery: [] }, { basic: [] }],
    components: {
      schemas: { ...schemas, ...importSchemas, ...admissionSchemas },
      securitySchemes: {
        key: { type: "apiKey", in: "header", name: "X-Api-Key" },
        keyInQuery: { type: "apiKey", in: "query", name: "apikey" },
        basic: { type: "http", scheme: "basic" },
      },
    },
  };
}
