import { pipeline } from "node:stream/promises";
import { defineCommand } from "./command.ts";
import { davPath, davRequestPath } from "./dav-listing.ts";
import { CommandError, EXIT } from "./exit-code.ts";
import { SERVER_OPTIONS, serverAddress } from "./server-address.ts";
import { expectStatus, send } from "./server-client.ts";

/** RFC 9110 section 14.1.2, one range: `a-b` (both inclusive), `a-` or `-n` (the last n bytes). */
const RANGE = /^(\d{1,16}-\d{0,16}|-\d{1,16})$/;

export const catCommand = defineCommand({
  name: "cat",
  summary: "write a file's bytes to standard output",
  usage: ["cat <path>", "cat --range <a-b> <path>"],
  about: "A range is a-b with both ends in it, a- to the end, or -n for the last n bytes; the first byte is 0.",
  options: { range: { type: "string", short: "r", value: "a-b", help: "only these bytes" }, ...SERVER_OPTIONS },
  positionals: [1, 1],
  async run(call) {
    const { range } = call.values;
    if (range !== undefined && !RANGE.test(range)) {
      throw new CommandError("USAGE", `--range ${JSON.stringify(range)} is no range of bytes`, {
        hint: "0-1023 are the first 1024 bytes, 1024- all others, -10 the last ten (as --range=-10)",
      });
    }
    const path = davPath(call.positionals[0] as string);
    const headers = range === undefined ? undefined : { range: `bytes=${range}` };
    const request = { method: "GET", path: davRequestPath(path), ...(headers && { headers }) };
    const answer = await send(await serverAddress(call), request, call);
    const { body } = await expectStatus(answer, path, range === undefined ? 200 : 206);
    await pipeline(body, call.stdout, { end: false });
    return EXIT.ok;
  },
});
