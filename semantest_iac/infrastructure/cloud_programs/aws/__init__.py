"""The neutral resource kinds on AWS."""
