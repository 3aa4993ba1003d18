package gate

import rego.v1

# Denied unless everything is there: no data, no digest, an old copy, an unknown file.
default allow := false

now := time.now_ns() / 1000000000

allow if {
	data.freigabe.valid_until_unix > now
	permit := data.freigabe.permits[input.environment][input.sha256]
	permit.expires_at_unix > now
}
