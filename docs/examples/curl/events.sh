#!/bin/sh
# New events for the SIEM, as OCSF JSON lines on standard output.
# Needs FREIGABE, TOKEN and CURSOR, a file that keeps how far it came.
set -eu
after=$(cat "$CURSOR" 2>/dev/null || echo 0)
headers=$(mktemp)
trap 'rm -f "$headers"' EXIT
while :; do
  curl -sS --fail --max-time 30 -D "$headers" \
    -H "Authorization: Bearer $TOKEN" "$FREIGABE/api/v1/events?after=$after"
  next=$(tr -d '\r' <"$headers" | sed -n 's/^[Ff]reigabe-[Cc]ursor: //p')
  [ -n "$next" ] || exit 1
  [ "$next" != "$after" ] || break
  after=$next
  echo "$after" >"$CURSOR.new" && mv "$CURSOR.new" "$CURSOR"
done
