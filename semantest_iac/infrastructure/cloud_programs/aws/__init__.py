"""Creates the neutral resource kinds on AWS."""
