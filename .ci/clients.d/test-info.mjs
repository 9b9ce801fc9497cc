// Judges what `rclone test info --write-json` has found out: fails where a client would stumble.
//   node .ci/clients.d/test-info.mjs <its json>

import { strict as assert } from "node:assert";
import { readFileSync } from "node:fs";

const info = JSON.parse(readFileSync(process.argv[2], "utf8"));
assert.equal(info.CanStream, true, "uploads of unknown length");
assert.equal(info.CanWriteUnnormalized, true, "decomposed names are taken");
assert.equal(info.CanReadUnnormalized, true, "decomposed names are found as they were written");
assert.equal(info.CanReadRenormalized, true, "decomposed names are found composed");
// Asked for by --all alone.
if (info.ControlCharacters != null) {
  assert.equal(info.MaxFileLength, 255, "bytes of a name");
  const refused = Object.entries(info.ControlCharacters)
    .filter(([, { WriteError }]) => Object.keys(WriteError ?? {}).length > 0)
    .map(([character]) => character);
  // Controls, DEL, the separators, and what is no UTF-8.
  assert.deepEqual(
    refused.filter((character) => !/^[\0-\x1f\x7f/\\\ufffd]$/.test(character)),
    [],
    "characters that are refused",
  );
}
