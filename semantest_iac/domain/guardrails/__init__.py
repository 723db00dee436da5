"""What a run may do without confirmation, and which engine it may use."""
