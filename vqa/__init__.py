"""Questions about pictures, answered from the features that `caption` computes."""
