"""The log as files on write-once storage: written here, checked by audits.offline."""
