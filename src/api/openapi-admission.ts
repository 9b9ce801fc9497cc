import { CHANGEABLE_NAMES, expectedOf } from "../config/changeable.ts";
import { answer, call, query } from "./openapi-calls.ts";
import { flag, instant, list, named, object, orNull, type Schema, text, whole } from "./openapi-schemas.ts";

const state = {
  streams: { ...whole, description: "that flow or are within their hold-off" },
  holdOffUntil: orNull(instant),
  jobs: object({
    running: whole,
    waiting: { ...whole, description: "in the queue" },
    limit: whole,
    isPaused: { ...flag, description: "the whole queue" },
  }),
  connections: object({
    total: whole,
    imports: { ...whole, description: "that imports and checks may hold together" },
  }),
  words: text,
};

/** What the calls about admission answer, by name. */
export const admissionSchemas: Readonly<Record<string, Schema>> = {
  AdmissionState: object(state),
  Admission: object({
    ...state,
    settings: list(
      object({
        name: { type: "string", enum: CHANGEABLE_NAMES },
        key: { ...text, description: "in the configuration" },
        value: whole,
        default: whole,
        expects: text,
        setBy: { ...orNull(text), description: "what gives it with the start, so that it cannot be changed here" },
      }),
    ),
  }),
};

/** The calls about admission, by path. */
export const admissionPaths = {
  "/api/v1/admission": {
    get: call("How imports yield to playback", { 200: answer("now", named("Admission")) }),
    post: call(
      "Change the limits at once and for good; not open to a device's password",
      {
        200: answer("how it is now", named("Admission")),
        400: answer("no change, or a value that it does not take", named("Error")),
        409: answer("the start gives this setting, which is stronger", named("Error")),
      },
      {
        parameters: CHANGEABLE_NAMES.map((name) => query(name, `${expectedOf(name)}, or default`)),
        requestBody: {
          required: false,
          content: {
            "application/json": {
              schema: {
                type: "object",
                description: "the same by name, in one step; null for default",
                properties: Object.fromEntries(CHANGEABLE_NAMES.map((name) => [name, orNull(whole)])),
              },
            },
          },
        },
      },
    ),
  },
};
