"""What can be tuned: functions, generators, classes, scripts."""
