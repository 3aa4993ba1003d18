curl -sS --fail-with-body --max-time 30 -H "Authorization: Bearer $TOKEN" \
  "$FREIGABE/api/v1/gate?model=mortgage-approval&version=1&environment=production&format=text"
