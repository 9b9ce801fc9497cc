import type { YencKernel } from "../../src/yenc/kernel.ts";
import { describeYencFiles } from "./yenc-files.ts";
import { describeYencKernel } from "./yenc-kernel.ts";
import { describeYencMalformed } from "./yenc-malformed.ts";
import { describeYencPart } from "./yenc-part.ts";
import { describeYencRoom } from "./yenc-room.ts";

/** All that is asked of decoding, over one kernel. */
export function describeYenc(kernel: YencKernel): void {
  describeYencKernel(kernel);
  describeYencPart(kernel);
  describeYencMalformed(kernel);
  describeYencRoom(kernel);
  describeYencFiles(kernel);
}
