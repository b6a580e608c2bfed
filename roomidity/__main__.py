"""``python -m roomidity`` is the command ``roomidity``."""

from roomidity.cli import main

main()
