"""What clusters and model registries say that they run, as they say it."""
