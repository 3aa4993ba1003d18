"""The audit dossier: one PDF about one version, as of one moment, with its proof."""
