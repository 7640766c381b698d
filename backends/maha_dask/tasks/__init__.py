"""The tasks of the graphs: functions of chunks that run on the workers."""
