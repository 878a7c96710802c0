"""The built-in engine: ONNX Runtime, and a table that says how each model is used."""
