"""Cut patches from large pictures, or make noisy ones from clean pictures, in several processes."""
