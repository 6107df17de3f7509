/* Transposed convolutions, output by output: of the places that a window spreads to it, those that some input lies at. */
#include "qc_core.h"

/* The input that place `at` of a window spreads to output `out` of one side; -1 for none. */
static int32_t source_of(uint32_t out, uint32_t pad, uint32_t at, uint32_t dilation, uint32_t stride, uint32_t side) {
  const uint32_t reach = at * dilation, from = out + pad;
  if (from < reach || (from - reach) % stride || (from - reach) / stride >= side) return -1;
  return (int32_t)((from - reach) / stride);
}

static int32_t sum_of(const qc_layer *layer, const uint8_t *values, uint32_t y, uint32_t x, uint32_t channel) {
  const uint32_t inputs = layer->channels_in / layer->groups, first = channel / (layer->channels / layer->groups) * inputs;
  uint32_t row, column, i, by = channel * layer->kernel_height * layer->kernel_width * inputs;
  int32_t sum = layer->scales[channel];
  for (row = 0; row < layer->kernel_height; row++) {
    const int32_t above = source_of(y, layer->top, row, layer->dilation_height, layer->stride_height, layer->height_in);
    for (column = 0; column < layer->kernel_width; column++, by += inputs) {
      const int32_t left = source_of(x, layer->left, column, layer->dilation_width, layer->stride_width, layer->width_in);
      const uint32_t at = ((uint32_t)above * layer->width_in + (uint32_t)left) * layer->channels_in + first;
      if (above < 0 || left < 0) continue;
      for (i = 0; i < inputs; i++) sum += qc_of(&layer->in, values, at + i) * qc_get(layer->weights, by + i, layer->weight_bits, 1);
    }
  }
  return sum;
}

void qc_spread(const qc_layer *layer, uint8_t *const *memory) {
  const uint8_t *values = qc_at(&layer->in, memory);
  qc_writer writer = qc_write_to(&layer->out, memory);
  uint32_t y, x, channel;
  for (y = 0; y < layer->height; y++)
    for (x = 0; x < layer->width; x++)
      for (channel = 0; channel < layer->channels; channel++) {
        const int32_t sum = sum_of(layer, values, y, x, channel);
        qc_outputs(layer, &writer, channel, &sum, 1);
      }
  qc_end(&writer);
}
