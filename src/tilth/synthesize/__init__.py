"""Nothing or few -> samples: handwriting, templates, translation. The steps stand here; what each is made of, below."""
