"""What domain services call, as protocols; adapters say only what is peculiar to them."""
