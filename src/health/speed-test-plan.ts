/** So much more at once. */
export interface StepPlan {
  readonly connections: number;
  /** Articles under way on each of them. */
  readonly depth: number;
}

/** What one step has measured. */
export interface SpeedStep extends StepPlan {
  /** Decoded bytes of articles that were not found to be wrong. */
  readonly bytesPerSecond: number;
  /** Median time from a command to the first line of its answer; null when none was measured. */
  readonly firstByteMs: number | null;
  /** Articles that arrived and were verified, and those that did not: the provider lacks them, holds them damaged, or failed. */
  readonly articles: number;
  readonly missing: number;
  readonly corrupt: number;
  readonly failed: number;
}

export interface PlanBounds {
  /** What the account allows. */
  readonly connections: number;
  /** Articles that there is memory for at once. */
  readonly inFlight: number;
}

/** What gains less than this share is not worth having. */
export const WORTHWHILE = 0.05;
/** The depth that is right for nearly all: the next command is there before the body in front of it has ended. */
const USUAL_DEPTH = 2;
const OTHER_DEPTHS = [1, 4];
/** Between two numbers of connections that lie closer together nothing is looked for. */
const REFINED_GAP = 4;

/**
 * The next thing to measure, or undefined when all is known: connections 1, 2, 4, 8 ... at depth 2 as long as they help, then the middle
 * between the best number and the one below it, then the other depths at the number found.
 */
export function nextStep(done: readonly SpeedStep[], bounds: PlanBounds): StepPlan | undefined {
  const rungs = ladder(bounds);
  const climbed = rungs.flatMap((connections) => find(done, { connections, depth: USUAL_DEPTH }) ?? []);
  const next = rungs[climbed.length];
  if (next !== undefined && stillHelps(climbed)) return { connections: next, depth: USUAL_DEPTH };

  const top = rungs.indexOf(worthwhile(climbed).connections);
  const [below = 0, best = 0] = [rungs[top - 1], rungs[top]];
  const between = { connections: below + Math.floor((best - below) / 2), depth: USUAL_DEPTH };
  if (top > 0 && best - below >= REFINED_GAP && find(done, between) === undefined) return between;

  const found = worthwhile(done.filter(({ depth }) => depth === USUAL_DEPTH));
  // The provider may have become less generous since.
  const connections = Math.min(found.connections, mostConnections(bounds));
  return OTHER_DEPTHS.map((depth) => ({ connections, depth })).find(
    (plan) => plan.connections * plan.depth <= bounds.inFlight && find(done, plan) === undefined,
  );
}

/** The cheapest of the steps that come within 5 % of the best: fewest connections, then least depth. At least one step is needed. */
export function worthwhile(steps: readonly SpeedStep[]): SpeedStep {
  const most = Math.max(...steps.map(({ bytesPerSecond }) => bytesPerSecond));
  const good = steps.filter(({ bytesPerSecond }) => bytesPerSecond * (1 + WORTHWHILE) >= most);
  return good.reduce((a, b) => ((b.connections - a.connections || b.depth - a.depth) < 0 ? b : a));
}

/** How many connections are tried at most. */
export function mostConnections({ connections, inFlight }: PlanBounds): number {
  return Math.max(1, Math.min(connections, Math.floor(inFlight / USUAL_DEPTH)));
}

function ladder(bounds: PlanBounds): readonly number[] {
  const most = mostConnections(bounds);
  const rungs: number[] = [];
  for (let connections = 1; connections < most; connections *= 2) rungs.push(connections);
  return [...rungs, most];
}

/** Whether the last rung was worth its connections. */
function stillHelps(climbed: readonly SpeedStep[]): boolean {
  const last = climbed.at(-1);
  if (last === undefined || climbed.length === 1) return true;
  const before = Math.max(...climbed.slice(0, -1).map(({ bytesPerSecond }) => bytesPerSecond));
  return last.bytesPerSecond >= before * (1 + WORTHWHILE);
}

function find(steps: readonly SpeedStep[], { connections, depth }: StepPlan): SpeedStep | undefined {
  return steps.find((step) => step.connections === connections && step.depth === depth);
}
