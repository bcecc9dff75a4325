"""What the network learns from: photographs, the camera and its noise, pairs."""
