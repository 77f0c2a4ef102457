"""Starts `glimpse finetune answers`, for those who start files."""

from caption.commands.run import run
from vqa.commands.finetune import Args, main

if __name__ == "__main__":
    run(main, Args)
