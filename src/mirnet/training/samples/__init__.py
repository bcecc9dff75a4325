"""Training samples: patches of photographs, drawings and real pairs, in one order."""
