"""Large pictures cut up, and clean ones made noisy, in many processes."""
