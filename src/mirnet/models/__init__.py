"""Models: bundled models, weights files, the facts they declare, and the network."""
