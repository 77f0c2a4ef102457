"""Questions made from captions."""
