/** The thread that derives one RAR3 key from a long password, answers, and ends. */
import { parentPort, workerData } from "node:worker_threads";
import { deriveRar3Key } from "./rar3-kdf.ts";

const { password, salt } = workerData as { readonly password: string; readonly salt: Uint8Array };
const derivation = deriveRar3Key(password, salt);
let step = derivation.next();
while (!step.done) step = derivation.next();
parentPort?.postMessage(step.value);
