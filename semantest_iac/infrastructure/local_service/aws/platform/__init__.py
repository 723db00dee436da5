"""What layers of platforms answer on AWS, read from deployed resources."""
