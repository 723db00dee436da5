"""The neutral resource kinds on Azure."""
