"""Models: the bundled ones, files of weights, what they declare, and the network."""
