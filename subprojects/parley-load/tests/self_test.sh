#!/bin/bash
# Holds parley-load against minisfu, its test double: set-up, renegotiation, both SRTP profiles,
# repair of loss, the tests of a server, and that it notices servers that do not work.
#
# usage: self_test.sh PARLEY_LOAD MINISFU
set -u
load=$1
minisfu=$2

work=$(mktemp -d)
"$minisfu" 0 > "$work/minisfu.out" &
server=$!
trap 'kill "$server" 2>/dev/null; wait "$server" 2>/dev/null; rm -rf "$work"' EXIT
for _ in $(seq 100); do
  url=$(sed -n 's/.* on //p' "$work/minisfu.out")
  [ -n "$url" ] && break
  sleep 0.05
done
if [ -z "$url" ]; then
  echo "minisfu did not start"
  exit 1
fi

passed=0
failed=0
# check NAME EXPECTED_STATUS ARGUMENT...
check() {
  local name=$1 expected=$2 status=0
  shift 2
  "$load" --driver generic --duration 1 --settle 0.5 --setup-timeout 10 "$@" \
    > "$work/out" 2>&1 || status=$?
  if [ "$status" = "$expected" ]; then
    passed=$((passed + 1))
    echo "ok: $name"
  else
    failed=$((failed + 1))
    echo "FAILED: $name (exit status $status, expected $expected)"
    cat "$work/out"
  fi
}

check "four participants see each other" 0 --url "$url" --peers 4 --max-loss 0.5 --server-pid $server
check "AES-CM works too" 0 --url "$url" --peers 3 --srtp cm --max-loss 0.5
check "two rooms with viewers" 0 --url "$url" --rooms 2 --peers 4 --publishers 2 --max-loss 0.5
check "lost packets are noticed" 1 --url "$url" --peers 3 --tx-drop 10 --max-loss 0.5 --no-nack
check "a participant comes late" 0 --url "$url" --peers 3 --late-join
check "a participant comes and goes" 0 --url "$url" --peers 3 --churn 5 --server-pid $server
check "a wrong fingerprint is refused" 0 --url "$url" --peers 3 --flip-fingerprint
check "a dead server is noticed" 1 --url ws://127.0.0.1:1/ws --peers 2 --setup-timeout 2
check "a wrong option is refused" 2 --url "$url" --peers none
check "a missing token is noticed" 1 --url "$url" --peers 2 --token-command "false {}"

echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
