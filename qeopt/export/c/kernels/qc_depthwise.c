/* Depthwise convolutions: up to QC_TOGETHER channels a pass where these begin at a byte, else one. */
#include "qc_core.h"

static int32_t slow_sum(const qc_layer *layer, const uint8_t *values, const qc_span *rows, const qc_span *taps, uint32_t channel) {
  const uint32_t source = channel / (layer->channels / layer->channels_in);
  uint32_t row, tap, line = rows->at;
  int32_t sum = layer->scales[channel];
  for (row = rows->from; row < rows->to; row++, line += layer->dilation_height) {
    uint32_t at = (line * layer->width_in + taps->at) * layer->channels_in + source;
    uint32_t weight = (row * layer->kernel_width + taps->from) * layer->channels + channel;
    for (tap = taps->from; tap < taps->to; tap++, at += layer->dilation_width * layer->channels_in, weight += layer->channels)
      sum += qc_of(&layer->in, values, at) * qc_get(layer->weights, weight, layer->weight_bits, 1);
  }
  return sum;
}

void qc_depthwise(const qc_layer *layer, uint8_t *const *memory) {
  const uint8_t *values = qc_at(&layer->in, memory);
  const uint32_t pixel = layer->channels_in * layer->in.bits >> 3, fours = layer->by.fours ? layer->channels & ~3u : 0;
  qc_writer writer = qc_write_to(&layer->out, memory);
  qc_window window;
  uint32_t y, x, channel, count;
  window.step = layer->dilation_width * pixel;
  window.row_step = layer->dilation_height * layer->width_in * pixel;
  window.weight_step = (uint32_t)layer->channels * layer->weight_bits >> 3;
  window.weight_row_step = layer->kernel_width * window.weight_step;
  window.is_signed = layer->in.is_signed;
  for (y = 0; y < layer->height; y++) {
    const qc_span rows = qc_rows(layer, y);
    window.rows = rows.to - rows.from;
    for (x = 0; x < layer->width; x++) {
      const qc_span taps = qc_columns(layer, x);
      const uint8_t *value = values + (rows.at * layer->width_in + taps.at) * pixel;
      const uint8_t *weight = layer->weights + rows.from * window.weight_row_step + taps.from * window.weight_step;
      window.taps = taps.to - taps.from;
      for (channel = 0; channel < fours; channel += count) {
        int32_t sums[QC_TOGETHER];
        count = fours - channel < QC_TOGETHER ? fours - channel : QC_TOGETHER;
        window.passes = count >> 2;
        window.biases = layer->scales + channel;
        layer->by.fours(value + (channel * layer->in.bits >> 3), weight + (channel * layer->weight_bits >> 3), &window, sums);
        qc_outputs(layer, &writer, channel, sums, count);
      }
      for (; channel < layer->channels; channel++) {
        const int32_t sum = slow_sum(layer, values, &rows, &taps, channel);
        qc_outputs(layer, &writer, channel, &sum, 1);
      }
    }
  }
  qc_end(&writer);
}
