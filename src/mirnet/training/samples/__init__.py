"""What a training sees: patches of photographs, drawings and real pairs, in one order."""
