"""From a decoder to captions: beam search and sampling, which know no network."""
