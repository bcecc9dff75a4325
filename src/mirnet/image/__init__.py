"""Pictures: files to arrays and back, with everything around the pixels that must survive."""
