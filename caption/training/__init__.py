"""Learning to caption: tasks, objectives, and fine-tuning on pictures of one's own."""
