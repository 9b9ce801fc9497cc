/** Is told how long each command for an article took, phase by phase. Must be quick and must not throw. */
export interface CommandTimes {
  observe(provider: string, phase: "connection" | "firstByte" | "body", seconds: number): void;
}
