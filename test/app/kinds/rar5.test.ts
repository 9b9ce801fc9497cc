import { testFamily } from "./family.ts";
import { RAR5_KINDS } from "./rar5-kinds.ts";

testFamily("rar5", RAR5_KINDS);
