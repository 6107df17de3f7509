"""Programs that call the user's CMSIS-NN."""
