"""What keeps data between calls: tables."""
