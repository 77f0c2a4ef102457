"""What other programs speak with: OpenAI's and Ollama's APIs, for descriptions and answers."""
