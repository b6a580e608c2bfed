"""Domain values and the rules they obey. This layer does no I/O and reads no clock."""
