import http from "node:http";

export interface Drained {
  readonly bytes: number;
  readonly seconds: number;
  readonly status: number;
}

/** GETs a URL and throws the bytes away. */
export function drain(url: string, headers: Readonly<Record<string, string>> = {}): Promise<Drained> {
  return new Promise((resolve, reject) => {
    const before = performance.now();
    const request = http.get(url, { headers, agent: false }, (response) => {
      let bytes = 0;
      response.on("data", (chunk: Buffer) => {
        bytes += chunk.length;
      });
      response.on("error", reject);
      response.on("end", () => {
        resolve({ bytes, seconds: (performance.now() - before) / 1000, status: response.statusCode ?? 0 });
      });
    });
    request.on("error", reject);
  });
}
