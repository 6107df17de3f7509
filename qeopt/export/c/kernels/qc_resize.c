/* Values between four others, by whole shares of the distance, or the nearest value, where there is one share. In `scales`: a multiplier,
 * how many shares rows and columns are apart; of every row of the output where the row before begins, where the one behind, and the share
 * of the latter; the same of every column. */
#include "qc_core.h"

void qc_resize(const qc_layer *layer, uint8_t *const *memory) {
  const uint8_t *values = qc_at(&layer->in, memory);
  const int32_t is_whole = layer->scales[1] == 1 && layer->scales[2] == 1;
  const int32_t *scales = layer->scales, height = layer->height, width = layer->width, *rows = scales + 3, *columns = rows + 3 * height;
  qc_writer writer = qc_write_to(&layer->out, memory);
  int32_t y, x, channel;
  for (y = 0; y < height; y++)
    for (x = 0; x < width; x++)
      for (channel = 0; channel < layer->channels; channel++) {
        const int32_t top = rows[y] + channel, bottom = rows[height + y] + channel, left = columns[x], right = columns[width + x];
        const int32_t down = rows[2 * height + y], up = scales[1] - down, across = columns[2 * width + x];
        int32_t sum = qc_of(&layer->in, values, (uint32_t)(top + left));
        if (!is_whole) {
          const int32_t below = qc_of(&layer->in, values, (uint32_t)(bottom + left));
          const int32_t beside = qc_of(&layer->in, values, (uint32_t)(top + right));
          const int32_t opposite = qc_of(&layer->in, values, (uint32_t)(bottom + right));
          sum = (sum * up + below * down) * (scales[2] - across) + (beside * up + opposite * down) * across;
        }
        qc_put(&writer, qc_scale(sum, scales[0], layer->shifts[0], layer));
      }
  qc_end(&writer);
}
