"""Starts `glimpse train answers`, for those who start files."""

from caption.commands.run import run
from vqa.commands.train import Args, main

if __name__ == "__main__":
    run(main, Args)
