#!/usr/bin/env bash
# Every archive that the kinds of posts are made of must be unpacked by 7-Zip (Debian's p7zip-full), which nobody here wrote, to files with the
# bytes that must be served; names are not compared, since hashes among them are replaced. SEVENZIP names another 7z.
# Left out are volumes that only headers put in order, what is no archive, the files of an image, which 7-Zip leaves in it, and a ZIP64 whose local
# headers lack their 64-bit sizes, which 7-Zip does not look up in the directory.
set -euo pipefail
cd "$(dirname "$0")/../../.."
sevenzip=${SEVENZIP:-7z}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
echo '{"type":"module"}' >"$work/package.json"
npx --no-install tsc --ignoreConfig --outDir "$work/js" --rootDir . --module nodenext --target es2023 \
  --lib es2023,esnext.disposable --types node --noCheck --rewriteRelativeImportExtensions test/app/kinds/write-kinds.ts
ln -s "$PWD/node_modules" "$work/js/node_modules"
ln -s "$PWD/test/fixtures" "$work/js/test/fixtures"
node "$work/js/test/app/kinds/write-kinds.js" "$work/kinds" >"$work/list"
sums() { (cd "$1" && find . -type f -exec sha256sum {} + | cut -d' ' -f1 | sort); }
count=0
while IFS=$'\t' read -r release password; do
  case $release in Hash.Numbers.* | Raw.* | Packed.Disc.* | Wide.*) continue ;; esac
  rm -rf "$work/out"
  for first in "$work/kinds/$release/posted"/*; do
    case $first in
      *.part1.rar | *.part01.rar | *.part001.rar | *.7z | *.zip | *.001) ;;
      *.rar) [[ $first == *.part* ]] && continue ;;
      *) continue ;;
    esac
    "$sevenzip" x -y "-p$password" "-o$work/out" "$first" >"$work/log" || { cat "$work/log"; exit 1; }
  done
  diff <(sums "$work/kinds/$release/expected") <(sums "$work/out") || { echo "differs: $release"; exit 1; }
  count=$((count + 1))
done <"$work/list"
[ "$count" -gt 0 ]
echo "$count kinds of ours unpacked by 7-Zip, all files equal"
