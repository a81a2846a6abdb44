"""Layouts of datasets on disk: read and write."""
