"""The tab that captions the photo and shows where the model looked for every word."""
