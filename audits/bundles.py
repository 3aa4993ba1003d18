"""What a dossier's bundle consists of: names that builder and verifier share."""

PDF = "dossier.pdf"
DOCUMENT = "dossier.json"
EXTRACT = "log-extract.json"
KEYS = "keys.json"
# The list of the files as an in-toto statement: to be read, and signed (DSSE).
MANIFEST = "manifest.json"
SIGNED = "manifest.dsse.json"
PREDICATE = "urn:freigabe:attestation:dossier:v1"
