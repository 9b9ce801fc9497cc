import type { Admission } from "../admission/admission.ts";
import type { StoredSettings } from "../catalog/stored-settings.ts";
import {
  CHANGEABLE,
  CHANGEABLE_NAMES,
  type ChangeableName,
  type ChangeableValues,
  checkedChange,
  expectedOf,
  givenBy,
  keptChanges,
  type Sources,
} from "../config/changeable.ts";
import { badRequest } from "./errors.ts";

export interface AdmissionSettingsOptions {
  /** As the program was started: flags, environment, file and defaults. */
  readonly configured: ChangeableValues;
  readonly sources: Sources;
  readonly stored: StoredSettings;
}

/** One limit, and whether it can be changed. */
export interface AdmissionSettingView {
  readonly name: ChangeableName;
  /** As the configuration calls it. */
  readonly key: string;
  readonly value: number;
  readonly default: number;
  readonly expects: string;
  /** Where it is set so that it cannot be changed here: a variable, a file with its line, the command line. */
  readonly setBy: string | undefined;
}

/** The limits of admission that can be changed while the server runs; a change outlives it. */
export class AdmissionSettings {
  readonly #options: AdmissionSettingsOptions;

  constructor(options: AdmissionSettingsOptions) {
    this.#options = options;
  }

  /** What counts: what was given with the start, else what was changed last, else the defaults. */
  get values(): ChangeableValues {
    const { configured, sources, stored } = this.#options;
    return { ...configured, ...keptChanges(stored.all(), sources) };
  }

  list(): readonly AdmissionSettingView[] {
    const { configured, sources } = this.#options;
    const values = this.values;
    return CHANGEABLE_NAMES.map((name) => ({
      name,
      key: CHANGEABLE[name],
      value: values[name],
      default: configured[name],
      expects: expectedOf(name),
      setBy: givenBy(name, sources)?.place,
    }));
  }

  /** Keeps all that is given, by name, and applies it; or throws BAD_REQUEST or CONFLICT, and changes nothing. */
  change(given: Readonly<Record<string, unknown>>, admission: Pick<Admission, "change">): void {
    const { sources, stored } = this.#options;
    const changes = Object.entries(given).map(([name, raw]) => checkedChange(name, raw, sources));
    if (changes.length === 0) {
      throw badRequest("nothing is to be changed", `name at least one of ${CHANGEABLE_NAMES.join(", ")}`);
    }
    for (const { name, value } of changes) stored.set(CHANGEABLE[name], value === "default" ? undefined : value);
    admission.change(this.values);
  }
}
