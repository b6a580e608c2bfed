"""Lambda entry points, one file a function: read the event, call the pipeline, return a summary."""

import gc

gc.disable()  # what importing makes stays: to search it for garbage, again and again, costs a twentieth of a cold start
