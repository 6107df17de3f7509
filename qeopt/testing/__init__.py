"""Contracts that every plug-in must keep, as test classes to inherit; pytest runs them, importing them does not need it."""
