"""Which samples to keep out of more than the budget holds."""
