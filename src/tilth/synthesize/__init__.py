"""Nothing or few -> samples: handwriting, templates, translation."""
