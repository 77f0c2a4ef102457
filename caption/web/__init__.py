"""Captions in the browser: the parts of a page, and what serves it. Importing them is quick."""
