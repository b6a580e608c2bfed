"""Lambda entry points, one file per function. Each reads the event, calls the pipeline and returns a summary."""

import gc

# Imported objects are never freed, and collecting garbage among them again and again costs 5 % of a cold start.
gc.disable()
