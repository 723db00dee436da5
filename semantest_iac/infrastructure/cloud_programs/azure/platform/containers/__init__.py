"""Services that run containers: Container Apps with their environment, and the registry of their images."""
