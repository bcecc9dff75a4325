"""The network, and how others name its tensors."""
