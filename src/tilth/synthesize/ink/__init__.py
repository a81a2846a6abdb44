"""From strokes to a picture: pen, paper and scan, drawn as they come or fitted to the looks of a target."""
