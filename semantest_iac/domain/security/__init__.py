"""Who may do what, and which settings are secret: identities, policies, secrets by reference."""
