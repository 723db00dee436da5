"""Creates the neutral resource kinds on Azure."""
