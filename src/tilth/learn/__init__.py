"""The fixed models and how they are trained."""
