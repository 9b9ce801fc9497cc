import type { ProviderOptions } from "../src/nntp/provider-options.ts";
import { startChild } from "./child.ts";
import { HttpClient } from "./http-client.ts";
import type { NaiveFile, NaiveServerArgument } from "./naive-server.ts";
import type { News } from "./news.ts";

/** The naive server, running. */
export interface Naive extends AsyncDisposable {
  connect(): Promise<HttpClient>;
  /** URL path of a file, fetched so many articles at a time. */
  path(file: number, batch: number): string;
}

export async function startNaive({ files }: News, provider: ProviderOptions): Promise<Naive> {
  const described = files.map(({ bytes, partSize, ids }): NaiveFile => ({ bytes, partSize, ids }));
  const argument: NaiveServerArgument = { provider };
  const child = startChild("naive-server", argument);
  try {
    const { url } = await child.ask<{ url: string }>("serve", described);
    return {
      connect: () => HttpClient.connect(url),
      path: (file, batch) => `/${file}/${batch}`,
      [Symbol.asyncDispose]: () => child[Symbol.asyncDispose](),
    };
  } catch (error) {
    await child[Symbol.asyncDispose]();
    throw error;
  }
}
