"""Answers in the browser: the tab to ask in, and the whole page. Importing them is quick."""
