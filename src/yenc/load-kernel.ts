import { errorMessage } from "../base/errors.ts";
import type { YencKernel } from "./kernel.ts";
import { openNativeKernel } from "./native-kernel.ts";
import { createScriptKernel } from "./script-kernel.ts";

/** The fastest kernel that works here; for once at start-up. Its `reason` says why it is not the native one. */
export function loadKernel(openNative: () => YencKernel = openNativeKernel): YencKernel {
  try {
    return openNative();
  } catch (error) {
    const [reason] = errorMessage(error).split("\n");
    return createScriptKernel(`the native add-on cannot be used: ${reason}`);
  }
}
