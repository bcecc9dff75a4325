"""From data to inference, every step of the way, each with a figure that must keep its bound."""
