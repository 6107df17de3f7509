/* Averages over the part of a window that lies inside of the input; one multiplier for every count of values from 1 on.
 * `is_joined` says that they are divided by the whole window. */
#include "qc_core.h"

void qc_pool(const qc_layer *layer, uint8_t *const *memory) {
  const uint8_t *values = qc_at(&layer->in, memory);
  qc_writer writer = qc_write_to(&layer->out, memory);
  uint32_t y, x, channel, row, column;
  for (y = 0; y < layer->height; y++) {
    const qc_span rows = qc_rows(layer, y);
    for (x = 0; x < layer->width; x++) {
      const qc_span taps = qc_columns(layer, x);
      const uint32_t seen = (rows.to - rows.from) * (taps.to - taps.from);
      const uint32_t count = layer->is_joined ? (uint32_t)layer->kernel_height * layer->kernel_width : seen;
      for (channel = 0; channel < layer->channels; channel++) {
        int32_t sum = 0;
        for (row = 0; row < rows.to - rows.from; row++) {
          uint32_t at = ((rows.at + row * layer->dilation_height) * layer->width_in + taps.at) * layer->channels + channel;
          for (column = taps.from; column < taps.to; column++, at += (uint32_t)layer->dilation_width * layer->channels)
            sum += qc_of(&layer->in, values, at);
        }
        qc_put(&writer, qc_scale(sum, layer->scales[count - 1], layer->shifts[count - 1], layer));
      }
    }
  }
  qc_end(&writer);
}
