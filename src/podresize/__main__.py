"""``python -m podresize``: the command line, for processes of ours that start it."""

from podresize.cli import main

if __name__ == "__main__":
    main()
