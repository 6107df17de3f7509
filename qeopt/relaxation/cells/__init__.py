"""Every cell that structures of a space are made of, tabulated once: what it gains and costs at any bits inside it."""
