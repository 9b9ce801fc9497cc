import { expect, test } from "@jest/globals";
import { clientPath } from "../../src/mount/client-path.ts";

test.each([
  ["/mnt/news", "/mnt/news/tv/a"],
  ["/mnt/news/", "/mnt/news/tv/a"],
  ["/", "/tv/a"],
  ["/mnt/back\\slash", "/mnt/back\\slash/tv/a"],
  ["//nas/news", "//nas/news/tv/a"],
  ["N:", "N:\\tv\\a"],
  ["N:\\", "N:\\tv\\a"],
  ["C:\\news", "C:\\news\\tv\\a"],
  ["C:/news", "C:/news/tv/a"],
  ["C:\\users/me", "C:\\users/me\\tv\\a"],
  ["\\\\nas\\newsreel", "\\\\nas\\newsreel\\tv\\a"],
])("a path below %j is %j", (root, path) => {
  expect(clientPath(root, ["tv", "a"])).toBe(path);
});
