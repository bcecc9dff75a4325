"""The parts of `abuse.py`: hostile cases by kind, each a function of the seed and its number."""
