"""What Lambda refuses where a table cannot say it; the tables themselves are in `compute`."""
