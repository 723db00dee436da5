"""Commands with which people decide about deployments that wait for them."""
