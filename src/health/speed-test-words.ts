import { mostConnections, type PlanBounds, type SpeedStep, WORTHWHILE, worthwhile } from "./speed-test-plan.ts";

/** Who else used the line meanwhile, at the most. */
export interface Disturbance {
  readonly streams: number;
  readonly imports: number;
}

/** A rate as people compare it, in decimal units: `118 MB/s`, `3.4 MB/s`, `85 kB/s`. */
export function inRate(bytesPerSecond: number): string {
  const megabytes = bytesPerSecond / 1e6;
  if (megabytes < 0.1) return `${Math.round(bytesPerSecond / 1e3)} kB/s`;
  return `${megabytes < 10 ? megabytes.toFixed(1) : Math.round(megabytes)} MB/s`;
}

/** A volume, as providers count it: `512 MB`, `1.07 GB`. */
export function inVolume(bytes: number): string {
  return bytes < 1e9 ? `${Math.ceil(bytes / 1e6)} MB` : `${(bytes / 1e9).toFixed(2)} GB`;
}

/** What the steps say, in one sentence: `12 connections at depth 2 reach 118 MB/s; more gain less than 5 %`. */
export function recommendation(
  steps: readonly SpeedStep[],
  bounds: PlanBounds & { readonly configured: number },
): string {
  const { connections, depth, bytesPerSecond } = worthwhile(steps);
  const reach = connections === 1 ? "reaches" : "reach";
  const found = `${count(connections, "connection")} at depth ${depth} ${reach} ${inRate(bytesPerSecond)}`;
  const most = mostConnections(bounds);
  if (steps.some((step) => step.connections > connections)) {
    return `${found}; more gain less than ${WORTHWHILE * 100} %`;
  }
  if (connections < most) return `${found}; more were not tried`;
  if (most < bounds.connections) return `${found}; there is no memory to try more`;
  if (most < bounds.configured)
    return `${found}; the provider allows no more at present, though ${bounds.configured} are configured`;
  return connections === 1 ? `${found}; no more are configured` : `${found}; all that are configured are of use`;
}

/** Why the figures are lower than they might be; undefined when nothing stood in the way. */
export function disturbed({ streams, imports }: Disturbance): string | undefined {
  const others = [
    ...(streams > 0 ? [count(streams, "stream")] : []),
    ...(imports > 0 ? [count(imports, "import")] : []),
  ];
  if (others.length === 0) return undefined;
  return `${others.join(" and ")} ${streams + imports === 1 ? "was" : "were"} active: the figures are too low`;
}

export function count(n: number, noun: string): string {
  return `${n} ${noun}${n === 1 ? "" : "s"}`;
}
