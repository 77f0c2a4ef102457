"""How well a model captions a data set: run, report, comparison, page."""
