import { endToEnd } from "./end-to-end.ts";

const isQuick = process.argv.includes("--quick");
console.log(`newsreel benchmark${isQuick ? ", quick" : ""}: node ${process.version}, ${process.arch}`);
await endToEnd(isQuick ? { bytes: 200_000_000, rounds: 1 } : { bytes: 1_000_000_000, rounds: 5 });
