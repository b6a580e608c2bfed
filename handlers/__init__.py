"""Lambda entry points, one file a function: read the event, call the pipeline, return a summary."""
