"""The tab that shows how the model came to its caption, for people who never heard of an LSTM."""
