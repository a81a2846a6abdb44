"""Findings and signals -> Edits that drop or relabel."""
