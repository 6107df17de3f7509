"""What qeopt does: one verb a module, each short; the recipes to read first."""
