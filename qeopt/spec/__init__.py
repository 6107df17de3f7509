"""The declarative language: YAML text, positions, inheritance, lookup, units, errors. It knows no domain word."""
