"""What layers of platforms get and answer on Azure, read from deployed resources."""
