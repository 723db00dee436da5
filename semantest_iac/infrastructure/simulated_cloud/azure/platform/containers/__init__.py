"""Types of the services that run containers."""
