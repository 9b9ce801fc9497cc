import { testFamily } from "./family.ts";
import { ZIP_KINDS } from "./zip-kinds.ts";

testFamily("zip", ZIP_KINDS);
