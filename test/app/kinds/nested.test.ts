import { testFamily } from "./family.ts";
import { NESTED_KINDS } from "./nested-kinds.ts";

testFamily("nested", NESTED_KINDS);
