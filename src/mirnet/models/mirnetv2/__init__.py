"""The network, and the official names of its tensors."""
