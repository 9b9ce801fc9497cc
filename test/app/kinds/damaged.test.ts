import { DAMAGED_KINDS } from "./damaged-kinds.ts";
import { testFamily } from "./family.ts";

testFamily("damaged", DAMAGED_KINDS);
