"""Changes to the pixels that lead a network astray. What the verbs share that needs torch: tensors in, tensors out."""
