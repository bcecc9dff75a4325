"""The physics of a camera: noise, processing and file formats, and their effect on a scene."""
