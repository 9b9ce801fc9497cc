import { testFamily } from "./family.ts";
import { SEVEN_ZIP_KINDS } from "./seven-zip-kinds.ts";

testFamily("seven-zip", SEVEN_ZIP_KINDS);
