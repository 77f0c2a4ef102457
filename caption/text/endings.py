"""Words that no caption ends with."""

# The words after which self-critical.pytorch (Luo et al. 2018) lets no caption end: optimising
# CIDEr teaches a decoder to stop in the middle of a phrase, because common n-grams pay.
BAD_ENDINGS = (
    *("a", "an", "the", "in", "for", "at", "of", "with", "before", "after"),
    *("on", "upon", "near", "to", "is", "are", "am"),
)
