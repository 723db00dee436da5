"""Images of containers: packages that hold one, registries, and how an image gets into one of them."""
