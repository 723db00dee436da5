"""The HTTP endpoints that say whether a worker lives and is ready; what that means is decided in the application."""
