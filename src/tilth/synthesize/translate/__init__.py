"""Image-to-image translation without pairs: two domains, the networks and how they learn, and who judges what they draw."""
