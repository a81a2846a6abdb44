"""What each train sample is worth: valuators. Higher is more helpful, negative is harmful."""
