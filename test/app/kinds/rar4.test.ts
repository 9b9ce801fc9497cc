import { testFamily } from "./family.ts";
import { RAR4_KINDS } from "./rar4-kinds.ts";

testFamily("rar4", RAR4_KINDS);
