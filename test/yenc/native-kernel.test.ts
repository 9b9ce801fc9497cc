import { expect, test } from "@jest/globals";
import { loadKernel } from "../../src/yenc/load-kernel.ts";
import { describeYenc } from "../contract/yenc.ts";

const kernel = loadKernel();

if (kernel.name === "native") {
  describeYenc(kernel);
} else {
  test("the add-on was not built here, so the script kernel stands in for it and says why", () => {
    expect(kernel.name).toBe("script");
    expect(kernel.reason).toMatch(/^the native add-on cannot be used: \S/);
    // An add-on that loads but fails its trial is a defect of the wrapper, not a missing compiler.
    expect(kernel.reason).not.toContain("decodes wrongly");
  });
}
