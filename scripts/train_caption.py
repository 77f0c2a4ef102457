"""Starts `glimpse train captions`, for those who start files."""

from caption.commands.run import run
from caption.commands.train import Args, main

if __name__ == "__main__":
    run(main, Args)
