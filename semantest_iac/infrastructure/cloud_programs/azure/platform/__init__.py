"""Creates the neutral resource kinds of the platform's layers on Azure."""
