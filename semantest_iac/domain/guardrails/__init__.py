"""What may run without asking, and what it takes to be allowed."""
