import type { Admission } from "../admission/admission.ts";
import { CHANGEABLE_NAMES } from "../config/changeable.ts";
import type { AdmissionSettings } from "./admission-settings.ts";
import { badRequest } from "./errors.ts";
import { readJsonBody } from "./json-body.ts";
import { textParam } from "./query.ts";
import { sendJson } from "./reply.ts";
import type { ApiRequest, Route } from "./route.ts";

export interface AdmissionDeps {
  readonly admission: Pick<Admission, "state" | "change">;
  readonly admissionSettings: AdmissionSettings;
}

/** The calls that say how imports yield to playback, and change it. */
export function admissionRoutes(deps: AdmissionDeps): readonly Route[] {
  const path = "/api/v1/admission";
  return [
    { method: "GET", path, access: "required", handle: ({ res }) => sendJson(res, publicAdmission(deps)) },
    { method: "POST", path, access: "owner", takesUpload: true, handle: (request) => change(deps, request) },
  ];
}

/** The present state with the limits behind it, as it is sent. */
export function publicAdmission({ admission, admissionSettings }: AdmissionDeps) {
  return {
    ...publicAdmissionState(admission.state),
    settings: admissionSettings.list().map((setting) => ({ ...setting, setBy: setting.setBy ?? null })),
  };
}

/** The present state alone. */
export function publicAdmissionState(state: Admission["state"]) {
  return { ...state, holdOffUntil: state.holdOffUntil ?? null };
}

async function change(deps: AdmissionDeps, { req, res, query, signal }: ApiRequest): Promise<void> {
  const fromQuery = CHANGEABLE_NAMES.flatMap((name): [string, unknown][] => {
    const text = textParam(query, name);
    return text === undefined ? [] : [[name, text]];
  });
  const example = '{"maxJobs":4,"floor":0}';
  const body = hasBody(req) ? await readJsonBody(req, { what: "the change", example, signal }) : {};
  if (typeof body !== "object" || body === null || Array.isArray(body)) {
    throw badRequest("the body is no JSON object", `it looks like ${example}`);
  }
  deps.admissionSettings.change({ ...Object.fromEntries(fromQuery), ...body }, deps.admission);
  sendJson(res, publicAdmission(deps));
}

function hasBody({ headers }: ApiRequest["req"]): boolean {
  return headers["transfer-encoding"] !== undefined || Number(headers["content-length"] ?? 0) > 0;
}
