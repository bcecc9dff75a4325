"""HTTP: routes, who may ask, bodies, and what surrounds every request."""
