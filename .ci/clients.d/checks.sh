# Sourced by the scripts of this folder: what they check with, and how they start and stop the product.
# shellcheck shell=bash
set -euo pipefail

fail() {
  echo "FAILED: $1" >&2
  exit 1
}
ok() { echo "  ok: $1"; }
same() { [ "$1" = "$2" ] || fail "$3: got '$1', wanted '$2'"; }
has() { case "$1" in *"$2"*) ;; *) fail "$3: '$2' is not in: $1" ;; esac; }

# Tries a command for so many seconds.
within() {
  local until=$((SECONDS + $1))
  shift
  until "$@"; do
    [ $SECONDS -lt $until ] || return 1
    sleep 0.2
  done
}

answers() { curl -fsS -o /dev/null "$base/readyz" 2>/dev/null; }

# Starts the product with the data folder of this run; further settings are the caller's variables. Imports wait until nobody has read for
# half a second.
start_product() {
  NEWSREEL_DATA_DIR="$work/data" NEWSREEL_HOST=127.0.0.1 NEWSREEL_PORT="$port" NEWSREEL_LOG_LEVEL=warn \
    NEWSREEL_AUTH_USER=demo NEWSREEL_AUTH_PASSWORD=demo NEWSREEL_API_KEY=demo-key NEWSREEL_CACHE_MEMORY_BYTES=128MiB \
    NEWSREEL_STREAMING_HOLD_OFF_MS=500 \
    NEWSREEL_PROVIDERS="[{\"name\":\"news\",\"host\":\"127.0.0.1\",\"port\":$(cat "$work/news.port"),\"tls\":false,\"connections\":10}]" \
    setsid node --enable-source-maps dist/main.js serve >>"$work/product.log" 2>&1 &
  echo $! >"$work/product.pid"
  disown
  within 60 answers || { cat "$work/product.log"; fail "the product did not become ready"; }
}
stop_product() {
  local pid
  pid=$(cat "$work/product.pid")
  kill "-$1" "$pid"
  within 20 gone "$pid" || fail "the product did not stop"
}
gone() { ! kill -0 "$1" 2>/dev/null; }

status_of() { curl -s -o /dev/null -w '%{http_code}' -u "$login" "$@"; }
# Whether an import of this name is in the library.
is_imported() { [ "$(status_of -I "$base/dav/library/$1/")" = 405 ]; }
api() { curl -fsS -H 'X-Api-Key: demo-key' "$base/api/v1/$1"; }
