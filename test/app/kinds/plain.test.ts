import { testFamily } from "./family.ts";
import { PLAIN_KINDS } from "./plain-kinds.ts";

testFamily("plain", PLAIN_KINDS);
