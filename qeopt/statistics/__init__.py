"""What trained designs tell of predictors: features of samples, rank correlations, fitted objectives."""
