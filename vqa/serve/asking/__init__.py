"""What a request asks, whichever API it came through."""
