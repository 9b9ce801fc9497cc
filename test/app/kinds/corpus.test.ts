import { testCorpus } from "./corpus-family.ts";

testCorpus("under its own names", () => ({}));
