"""What a trained recurrent network does, as values and as pictures.

In reading order: `gradients` (how far they reach back), `activations` (the hidden state of every
word), `gates` (how open they stood for it), `beams` (what the search began and dropped),
`properties` (what may be true of a word), `units` (which unit tells of which property), `curves` (a
run over its epochs); `pictures` draws it.
"""
