"""What is done with trainings, one verb a module: from names and files to results."""
