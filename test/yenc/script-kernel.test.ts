import { createScriptKernel } from "../../src/yenc/script-kernel.ts";
import { describeYenc } from "../contract/yenc.ts";

describeYenc(createScriptKernel("chosen by the test"));
