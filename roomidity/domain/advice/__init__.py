"""When to air and when to run a dehumidifier: now, for automations, and as a plan of the day, for people."""
