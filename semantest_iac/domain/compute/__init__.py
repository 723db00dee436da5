"""What runs code: functions with their packages and scaling, and container services."""
