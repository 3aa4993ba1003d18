"""The REST API: doors for pipelines and auditors, thin over the acts."""
