"""What runs code: functions, their runtimes, their scaling, the packages they run."""
