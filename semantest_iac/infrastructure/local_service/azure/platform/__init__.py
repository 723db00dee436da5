"""What layers of platforms answer on Azure, read from deployed resources."""
