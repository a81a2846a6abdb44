"""Samples -> more samples."""
