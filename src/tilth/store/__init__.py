"""Blobs, tables, ledger, memo. Knows nouns; nouns do not know it."""
