"""The same table five times: plain, under our capture, and under each peer's."""
