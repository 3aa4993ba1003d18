"""Facts: people, models, versions, artifacts, data sets, runs, deployments."""
