"""What runs on the workers: functions of chunks, by which graphs are made."""
