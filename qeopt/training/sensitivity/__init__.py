"""What each tensor of a trained network loses at each width: by trying it, or by the curvature of its loss."""
