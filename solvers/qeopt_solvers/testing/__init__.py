"""What an engine is tested with: problems by seed, problems shaped like networks, and the contract every engine must pass."""
