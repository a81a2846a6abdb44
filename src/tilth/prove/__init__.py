"""Before and after with the same fixed model. The only place that opens the sealed test split."""
