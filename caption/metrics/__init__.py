"""How good captions are: the official scores, and what they leave unsaid."""
