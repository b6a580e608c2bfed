"""The values that travel and the rules that they obey: no I/O, no clock."""
