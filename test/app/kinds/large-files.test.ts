import { testFamily } from "./family.ts";
import { LARGE_FILE_KINDS } from "./large-kinds.ts";

testFamily("large-files", LARGE_FILE_KINDS);
