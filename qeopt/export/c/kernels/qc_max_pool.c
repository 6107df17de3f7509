/* Largest values of windows, in units of the output. */
#include "qc_core.h"

void qc_max_pool(const qc_layer *layer, uint8_t *const *memory) {
  const uint8_t *values = qc_at(&layer->in, memory);
  qc_writer writer = qc_write_to(&layer->out, memory);
  uint32_t y, x, channel, row, column;
  for (y = 0; y < layer->height; y++) {
    const qc_span rows = qc_rows(layer, y);
    for (x = 0; x < layer->width; x++) {
      const qc_span taps = qc_columns(layer, x);
      for (channel = 0; channel < layer->channels; channel++) {
        int32_t most = -256;
        for (row = 0; row < rows.to - rows.from; row++) {
          uint32_t at = ((rows.at + row * layer->dilation_height) * layer->width_in + taps.at) * layer->channels + channel;
          for (column = taps.from; column < taps.to; column++, at += (uint32_t)layer->dilation_width * layer->channels) {
            const int32_t value = qc_of(&layer->in, values, at);
            if (value > most) most = value;
          }
        }
        qc_put(&writer, qc_scale(most, layer->scales[0], layer->shifts[0], layer));
      }
    }
  }
  qc_end(&writer);
}
