import type { DamageTotals } from "../mount/damage-keeper.ts";
import type { HedgeStats } from "../nntp/hedges.ts";
import type { Live } from "./live.ts";
import type { Make, MakeCounter } from "./metric-families.ts";

/** Each provider's connections, commands and bytes; one that is gone is forgotten. */
export function providerMetrics({ gauge, counter }: Make) {
  const usable = gauge("nntp_provider_usable", "1 unless the provider is backing off", ["provider"]);
  const connections = gauge("nntp_connections", "Connections by state", ["provider", "state"]);
  const limits = gauge("nntp_connections_limit", "Connections the provider is found to allow at present", ["provider"]);
  const commands = counter("nntp_commands_total", "Articles asked for, by result", ["provider", "result"]);
  const bytes = counter("nntp_bytes_total", "Encoded bytes received", ["provider"]);
  const rtt = gauge("nntp_rtt_seconds", "Measured round trip", ["provider"]);
  return (deps: Pick<Live, "providers">) => {
    for (const family of [usable, connections, limits, rtt]) family.reset();
    for (const family of [commands, bytes]) family.forget();
    for (const snapshot of deps.providers()) {
      const provider = snapshot.id;
      const { open, busy, opening, ceiling } = snapshot.connections;
      usable.set({ provider }, snapshot.state === "backing-off" ? 0 : 1);
      connections.set({ provider, state: "busy" }, busy);
      connections.set({ provider, state: "idle" }, Math.max(0, open - busy));
      connections.set({ provider, state: "opening" }, opening);
      limits.set({ provider }, ceiling);
      const { ok, missing, corrupt, failed } = snapshot.commands;
      for (const [result, count] of Object.entries({ ok, missing, corrupt, failed })) {
        commands.total(count, { provider, result });
      }
      bytes.total(snapshot.bytes, { provider });
      if (snapshot.rttMs !== undefined) rtt.set({ provider }, snapshot.rttMs / 1000);
    }
  };
}

/** Articles asked for a second time. `won` are among `asked`. */
export function hedgeMetrics(counter: MakeCounter, hedges: () => HedgeStats) {
  const tries = counter("nntp_hedges_total", "Second tries of an article that did not come; won is a part of asked", [
    "result",
  ]);
  const bytes = counter("nntp_hedge_bytes_total", "Encoded bytes that second tries cost at most");
  return () => {
    const now = hedges();
    for (const family of [tries, bytes]) family.forget();
    tries.total(now.asked, { result: "asked" });
    tries.total(now.won, { result: "won" });
    bytes.total(now.bytes);
  };
}

/** What nobody could deliver. */
export function damageMetrics(counter: MakeCounter, damage: () => DamageTotals) {
  const holes = counter("damage_holes_total", "Holes found in files that were not known before", ["kind"]);
  const filled = counter("damage_filled_bytes_total", "Bytes that stood in for those that no provider had");
  return () => {
    const now = damage();
    for (const family of [holes, filled]) family.forget();
    for (const [kind, count] of Object.entries(now.holes)) holes.total(count, { kind });
    filled.total(now.filledBytes);
  };
}
