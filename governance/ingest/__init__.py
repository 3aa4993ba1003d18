"""Translators from what other systems say into facts of the registry."""
