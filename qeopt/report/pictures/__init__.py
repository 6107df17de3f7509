"""Pictures as Vega-Lite: one specification each, drawn into files by vl-convert and shown in pages by Vega.

Specifications are written as plain data. Altair makes the same data and takes half a second of a run to import, so only a test uses
it, to check every specification against its schema.
"""
