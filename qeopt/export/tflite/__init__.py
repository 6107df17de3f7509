"""TFLite files: integers and scales as TensorFlow Lite Micro and the compilers behind it read them."""
