import { testFamily } from "./family.ts";
import { LARGE_SET_KINDS } from "./large-kinds.ts";

testFamily("large-sets", LARGE_SET_KINDS);
