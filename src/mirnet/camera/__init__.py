"""The physics of a camera: what its noise, its developing and its files make of a scene."""
