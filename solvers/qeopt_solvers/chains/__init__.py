"""The parts of the `chain` engine: how a problem splits, tables over neighbours, prices of the totals and bounded labels."""
