"""``python -m roomidity`` is the command ``roomidity``."""

from roomidity.cli import main

if __name__ == "__main__":
    main()
