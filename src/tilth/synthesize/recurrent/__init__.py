"""A recurrent network that writes strokes: what it learns from, how it is taught, and what it writes. Graves 2013."""
