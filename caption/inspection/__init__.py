"""What a trained recurrent network does, as values and as pictures.

In reading order: `gradients` (how far they reach back), `activations` (the hidden state of every
word), `properties` (what may be true of a word), `units` (which unit tells of which property),
`curves` (a run over its epochs); `pictures` draws it.
"""
