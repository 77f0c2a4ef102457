"""Starts `glimpse evaluate captions`, for those who start files."""

from caption.commands.evaluate import Args, main
from caption.commands.run import run

if __name__ == "__main__":
    run(main, Args)
