#!/usr/bin/env bash
# Every archive that rar-writer.ts writes must be unpacked to the same files by 7-Zip (Debian's p7zip-full), which nobody here wrote.
# SEVENZIP names another 7z.
set -euo pipefail
cd "$(dirname "$0")/../.."
sevenzip=${SEVENZIP:-7z}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
echo '{"type":"module"}' >"$work/package.json"
npx --no-install tsc --ignoreConfig --outDir "$work/js" --rootDir . --module nodenext --target es2023 \
  --lib es2023,esnext.disposable --types node --skipLibCheck --rewriteRelativeImportExtensions test/archive/write-rar-samples.ts
node "$work/js/test/archive/write-rar-samples.js" "$work/samples" >"$work/list"
count=0
while IFS=$'\t' read -r first password; do
  rm -rf "$work/out"
  "$sevenzip" x -y "-p$password" "-o$work/out" "$first" >"$work/log" || { cat "$work/log"; exit 1; }
  diff -r "$work/samples/expected" "$work/out" || { echo "differs: $first"; exit 1; }
  count=$((count + 1))
done <"$work/list"
[ "$count" -gt 0 ]
echo "$count archives of ours unpacked by 7-Zip, all files equal"
