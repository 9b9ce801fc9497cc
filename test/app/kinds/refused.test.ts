import { testFamily } from "./family.ts";
import { REFUSED_KINDS } from "./refused-kinds.ts";

testFamily("refused", REFUSED_KINDS);
