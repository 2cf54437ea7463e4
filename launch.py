"""The one entry: compose a config, check it, hand it to the job it names. See --help."""

from emo.cli import main

if __name__ == "__main__":
    main(__file__)
