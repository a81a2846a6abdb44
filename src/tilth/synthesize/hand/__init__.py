"""The hand that writes: glyphs as the points a pen goes through, how it moves between them, and the habits of a writer."""
