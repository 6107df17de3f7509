/* Values in another order or part of them: slices, pieces, transpositions. In `scales`: a multiplier, where the first value is read, how
 * many loops walk the output, how often each turns, the outer one first, and by how far each moves what is read. */
#include "qc_core.h"

#define LOOPS 6

void qc_move(const qc_layer *layer, uint8_t *const *memory) {
  const uint8_t *values = qc_at(&layer->in, memory);
  const int32_t *scales = layer->scales, loops = scales[2], *turns = scales + 3, *steps = turns + loops;
  const uint32_t count = (uint32_t)layer->height * layer->width * layer->channels;
  qc_writer writer = qc_write_to(&layer->out, memory);
  int32_t done[LOOPS] = {0}, at = scales[1], loop;
  uint32_t i;
  for (i = 0; i < count; i++) {
    qc_put(&writer, qc_scale(qc_of(&layer->in, values, (uint32_t)at), scales[0], layer->shifts[0], layer));
    for (loop = loops - 1; loop >= 0; loop--) {
      at += steps[loop];
      if (++done[loop] < turns[loop]) break;
      at -= steps[loop] * turns[loop];
      done[loop] = 0;
    }
  }
  qc_end(&writer);
}
