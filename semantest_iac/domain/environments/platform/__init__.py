"""What a configuration says about the layers of the platform, and what is deployed of it."""
