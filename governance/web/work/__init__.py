"""My work: what waits for one person, and what they asked others for."""
