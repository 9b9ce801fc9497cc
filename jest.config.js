/** Real ESM under node --experimental-vm-modules; swc strips the types, `npm run types` checks them. */
export default {
  testEnvironment: "node",
  roots: ["<rootDir>/test"],
  testMatch: ["**/*.test.ts"],
  // Needs a kernel that lets it mount a disk: `.ci/disks` runs it.
  testPathIgnorePatterns: ["/node_modules/", "/faults/mounted/"],
  extensionsToTreatAsEsm: [".ts"],
  transform: {
    "^.+\\.ts$": [
      "@swc/jest",
      { jsc: { parser: { syntax: "typescript" }, target: "es2022" }, module: { type: "es6" }, sourceMaps: "inline" },
    ],
  },
  testTimeout: 30_000,
  // Modules of finished tests stay in a worker's memory, so it is begun anew from time to time.
  maxWorkers: 2,
  workerIdleMemoryLimit: "1GB",
};
