"""How the page looks and moves: one style, one overlay on the photo, and parts with scripts."""
