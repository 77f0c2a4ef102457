"""The tab that sets two models side by side: on the photo, and on many photos with captions."""
