"""What domain services call; one role per module. The contract is written here and nowhere else."""
