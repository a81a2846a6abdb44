"""Detectors: data and signals -> Findings."""
