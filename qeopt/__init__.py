"""Find the network and the bit-widths that fit a microcontroller, with a proof."""
