"""Samples -> (n, d)."""
