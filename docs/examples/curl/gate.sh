#!/bin/sh
# May this version run? Exit 0 with a permit, everything else is a no.
# Needs FREIGABE, TOKEN, MODEL, VERSION, ENVIRONMENT.
set -eu
permit=$(mktemp)
trap 'rm -f "$permit"' EXIT
code=$(curl -sS --get --max-time 30 -o "$permit" -w '%{http_code}' \
  -H "Authorization: Bearer $TOKEN" -H 'Accept: application/json' \
  --data-urlencode "model=$MODEL" \
  --data-urlencode "version=$VERSION" \
  --data-urlencode "environment=$ENVIRONMENT" \
  "$FREIGABE/api/v1/gate") || code=000
decision=$(jq -r '.decision' "$permit" 2>/dev/null) || decision=
if [ "$code" = 200 ] && [ "$decision" = allow ]; then
  jq -r '"ALLOW \(.decision_id) until \(.expires_at)"' "$permit"
  exit 0
fi
[ -s "$permit" ] && jq -r '"DENY \(.decision_id // "")", .detail,
  (.checks[]? | select(.passed | not) | "FAIL \(.title): \(.observed). \(.next_step)")' \
  "$permit" 2>/dev/null || echo "DENY no answer ($code)"
exit 1
