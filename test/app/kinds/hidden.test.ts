import { testFamily } from "./family.ts";
import { HIDDEN_KINDS } from "./hidden-kinds.ts";

testFamily("hidden", HIDDEN_KINDS);
