import { describe, expect, test } from "@jest/globals";
import { nextStep, type SpeedStep, type StepPlan, worthwhile } from "../../src/health/speed-test-plan.ts";

const nothingElse = { firstByteMs: null, articles: 1, missing: 0, corrupt: 0, failed: 0 };
const ROOM = 10_000;

function step(connections: number, depth: number, bytesPerSecond: number): SpeedStep {
  return { connections, depth, bytesPerSecond, ...nothingElse };
}

/** Everything that is measured of a provider with this rate. */
function plans(rate: (plan: StepPlan) => number, connections: number, inFlight = ROOM): string[] {
  const done: SpeedStep[] = [];
  for (;;) {
    const plan = nextStep(done, { connections, inFlight });
    if (plan === undefined) return done.map((one) => `${one.connections}x${one.depth}`);
    if (done.length > 50) throw new Error("without end");
    done.push(step(plan.connections, plan.depth, rate(plan)));
  }
}

describe("the plan of a speed test", () => {
  test("doubles the connections while that helps, looks between the last two, then at the other depths", () => {
    expect(plans(({ connections }) => Math.min(connections, 11), 50)).toEqual([
      "1x2",
      "2x2",
      "4x2",
      "8x2",
      "16x2",
      "32x2",
      "12x2",
      "12x1",
      "12x4",
    ]);
  });

  test("goes up to what the account allows and not beyond", () => {
    expect(plans(({ connections }) => connections, 20)).toEqual([
      "1x2",
      "2x2",
      "4x2",
      "8x2",
      "16x2",
      "20x2",
      "18x2",
      "20x1",
      "20x4",
    ]);
    expect(plans(({ connections }) => connections, 1)).toEqual(["1x2", "1x1", "1x4"]);
    expect(plans(({ connections }) => connections, 3)).toEqual(["1x2", "2x2", "3x2", "3x1", "3x4"]);
  });

  test("stops at the first number that gains less than 5 %", () => {
    expect(plans(({ connections }) => (connections === 1 ? 100 : 104), 20)).toEqual(["1x2", "2x2", "1x1", "1x4"]);
    expect(plans(({ connections }) => (connections === 1 ? 100 : 106), 20).slice(0, 4)).toEqual([
      "1x2",
      "2x2",
      "4x2",
      "2x1",
    ]);
  });

  test("asks for no more at once than there is memory for", () => {
    const all = plans(({ connections }) => connections, 500, 40);
    expect(all).toEqual(["1x2", "2x2", "4x2", "8x2", "16x2", "20x2", "18x2", "20x1"]);
    expect(plans(() => 1, 20, 1)).toEqual(["1x2", "1x1"]);
  });

  test("ends when the provider becomes less generous on the way", () => {
    const done = [step(1, 2, 10), step(2, 2, 20), step(4, 2, 40), step(6, 2, 60)];
    const bounds = { connections: 6, inFlight: ROOM };
    expect(nextStep(done, bounds)).toEqual({ connections: 6, depth: 1 });
    const fewer = { connections: 3, inFlight: ROOM };
    expect(nextStep([...done, step(3, 1, 30)], fewer)).toEqual({ connections: 3, depth: 2 });
    expect(nextStep([...done, step(3, 1, 30), step(3, 2, 30), step(3, 4, 30)], fewer)).toBeUndefined();
  });

  test("what is worth having is the cheapest within 5 % of the best", () => {
    expect(worthwhile([step(8, 2, 80), step(12, 2, 114), step(16, 2, 118)])).toMatchObject({
      connections: 12,
      depth: 2,
    });
    expect(worthwhile([step(8, 2, 80), step(8, 4, 82), step(8, 1, 50)])).toMatchObject({ connections: 8, depth: 2 });
    expect(worthwhile([step(8, 2, 80), step(8, 4, 120), step(8, 1, 50)])).toMatchObject({ connections: 8, depth: 4 });
    expect(worthwhile([step(1, 2, 0)])).toMatchObject({ connections: 1 });
  });
});
