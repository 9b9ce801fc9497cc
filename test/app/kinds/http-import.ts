import type { System } from "../fixture.ts";

/** What the JSON API says of an import. */
export interface ImportAnswer {
  readonly id: string;
  readonly state: string;
  readonly name: string;
  readonly reason: string | null;
  readonly error: string | null;
  readonly hint: string | null;
  /** Paths under the root of the server, not encoded. */
  readonly files: readonly { readonly path: string; readonly size: number }[];
}

export interface ImportRequest {
  readonly nzb: string;
  readonly name?: string;
  readonly password?: string;
  /** Sends it as a file of a form, under this name. */
  readonly fileName?: string;
}

const HEADERS = { "X-Api-Key": "key" };

/** Sends an NZB as any program would, and waits until its import has ended. */
export async function importOverHttp(system: System, request: ImportRequest): Promise<ImportAnswer> {
  const { nzb, name, password, fileName } = request;
  const query = new URLSearchParams({
    category: "kinds",
    ...(name === undefined ? {} : { name }),
    ...(password === undefined ? {} : { password }),
  });
  const form = new FormData();
  if (fileName !== undefined) form.set("nzbfile", new Blob([nzb]), fileName);
  const taken = await fetch(new URL(`/api/v1/imports?${query}`, system.app.url), {
    method: "POST",
    headers: fileName === undefined ? { ...HEADERS, "Content-Type": "application/x-nzb" } : HEADERS,
    body: fileName === undefined ? nzb : form,
  });
  if (taken.status !== 202) throw new Error(`the import was not taken: ${taken.status} ${await taken.text()}`);
  const { id } = (await taken.json()) as { id: string };
  for (;;) {
    const answer = await fetch(new URL(`/api/v1/imports/${id}`, system.app.url), { headers: HEADERS });
    const job = (await answer.json()) as ImportAnswer;
    if (job.state === "completed" || job.state === "failed") return job;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
