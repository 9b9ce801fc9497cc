import { Counter, Gauge, type Registry } from "prom-client";

export type MakeGauge = (name: string, help: string, labels?: readonly string[]) => Gauge;
export type MakeCounter = (name: string, help: string, labels?: readonly string[]) => Counted;

export interface Make {
  readonly gauge: MakeGauge;
  readonly counter: MakeCounter;
}

/** A counter that is told its total, since the snapshots count themselves. */
export interface Counted {
  forget(): void;
  total(value: number, labels?: Readonly<Record<string, string>>): void;
}

/** Makes families whose names begin with `newsreel_`, in this registry. */
export function metricFamilies(registry: Registry): Make {
  const config = (name: string, help: string, labels: readonly string[] = []) => ({
    name: `newsreel_${name}`,
    help,
    labelNames: labels,
    registers: [registry],
  });
  return {
    gauge: (name, help, labels) => new Gauge(config(name, help, labels)),
    counter: (name, help, labels) => {
      const counter = new Counter(config(name, help, labels));
      return {
        forget: () => counter.reset(),
        total: (value, of = {}) => counter.inc(of, value),
      };
    },
  };
}
