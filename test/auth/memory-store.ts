import type { AppPasswordStore, StoredAppPassword } from "../../src/auth/app-passwords.ts";

/** App passwords that live as long as the test; `notes` are the uses that were written. */
export function memoryStore(): AppPasswordStore & { readonly notes: readonly number[] } {
  const kept = new Map<number, StoredAppPassword>();
  const notes: number[] = [];
  let ids = 0;
  return {
    notes,
    load: () => [...kept.values()],
    add(password) {
      ids += 1;
      kept.set(ids, { ...password, id: ids, lastUsedAt: undefined });
      return ids;
    },
    remove: (id) => void kept.delete(id),
    noteUse(id, at) {
      notes.push(at);
      kept.set(id, { ...(kept.get(id) as StoredAppPassword), lastUsedAt: at });
    },
  };
}
