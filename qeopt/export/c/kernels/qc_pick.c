/* Padding: values of rows, columns and channels that tables name. In `scales`: a multiplier, the value to pad with, then where each row,
 * column and channel of the output begins in the input; -1 for padding. */
#include "qc_core.h"

void qc_pick(const qc_layer *layer, uint8_t *const *memory) {
  const uint8_t *values = qc_at(&layer->in, memory);
  const int32_t *scales = layer->scales, *rows = scales + 2, *columns = rows + layer->height, *channels = columns + layer->width;
  qc_writer writer = qc_write_to(&layer->out, memory);
  uint32_t y, x, channel;
  for (y = 0; y < layer->height; y++)
    for (x = 0; x < layer->width; x++)
      for (channel = 0; channel < layer->channels; channel++) {
        const int32_t row = rows[y], column = columns[x], from = channels[channel];
        const int32_t value = row < 0 || column < 0 || from < 0 ? scales[1] : qc_of(&layer->in, values, (uint32_t)(row + column + from));
        qc_put(&writer, qc_scale(value, scales[0], layer->shifts[0], layer));
      }
  qc_end(&writer);
}
