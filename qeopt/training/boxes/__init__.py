"""Networks with detection heads: pictures with boxes, what a step learns from them, and average precision."""
