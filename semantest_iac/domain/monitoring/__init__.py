"""What is written down and what raises an alarm."""
