import type { DavServer } from "./dav-server.ts";
import { fetchRaw, type Headers } from "./raw-client.ts";

const BODY =
  '<D:lockinfo xmlns:D="DAV:"><D:lockscope><D:exclusive/></D:lockscope><D:locktype><D:write/></D:locktype></D:lockinfo>';

/** Takes an exclusive lock and returns its token. */
export async function lock({ port }: DavServer, path: string, headers: Headers = {}): Promise<string> {
  const answer = await fetchRaw(port, "LOCK", path, headers, BODY);
  const token = /^<(.+)>$/.exec(answer.headers["lock-token"] ?? "")?.[1];
  if (token === undefined) throw new Error(`LOCK ${path} is ${answer.status}`);
  return token;
}
