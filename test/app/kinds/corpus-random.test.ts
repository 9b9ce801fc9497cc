import { testCorpus } from "./corpus-family.ts";

/** Pieces of a 7z or ZIP carry no numbers: they can be put together in the order of the post at best, and disks of a ZIP by names only. */
testCorpus("under random names", ({ volumes }) => {
  const [first] = volumes;
  if (volumes.length === 1 || first?.content.read(0, 4).toString("latin1") === "Rar!") {
    return { names: "random", isShuffled: true };
  }
  return /\.7z\.001$/.test(first?.name ?? "") ? { names: "random" } : undefined;
});
