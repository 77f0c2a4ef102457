"""The demo: a photo in, a caption out, with where the model looked for every word.

    python app.py

It serves this machine only, works without the internet and keeps no photo longer than an hour.
"""

from caption.commands.run import run
from vqa.commands.app import Args, main

if __name__ == "__main__":
    run(main, Args)
