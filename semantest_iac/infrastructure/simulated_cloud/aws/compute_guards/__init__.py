"""What Lambda refuses where a table cannot say it, and what it says of versions; the tables are in `compute`."""
