"""How good a model is: PSNR and SSIM over pairs, by the field's protocols (docs/measuring.md)."""
