"""ONNX files: with QuantizeLinear (QDQ, QCDQ), with Quant nodes (QONNX), and plain."""
